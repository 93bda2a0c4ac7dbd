"""The "did you mean" of every hint."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "X"?` for the known word nearest to `word`, or an empty text when none is near."""
    found = nearest(word, known)
    return "" if found is None else f'did you mean "{found}"?'


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, None when none is near."""
    by_folded = {each.casefold(): each for each in known}
    near = get_close_matches(word.strip().casefold(), by_folded, n=1)
    return by_folded[near[0]] if near else None
