"""Fields that are spoken of in known words, and what is wrong with a word that no lead can have.

A score's tier and an account's status have no other words. A lead keeps a channel, seniority or function that we have
no word for as it was sent: of those only a slip is refused, and another spelling of a word of ours, which no lead has
once it is normalised.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from baton.kernel.suggestions import did_you_mean
from baton.leads.normalising.channels import CHANNELS, read_channel
from baton.leads.normalising.functions import FUNCTIONS, read_function
from baton.leads.normalising.language import read_language
from baton.leads.normalising.text import Unusable
from baton.leads.normalising.titles import SENIORITIES, read_seniority
from baton.leads.values import ACCOUNT_STATUSES, TIERS

# `inbund` and `partners` are slips; `product_led` and `paid_ads` are words of somebody's own.
_SLIP = 0.8
_TOLD = 8


@dataclass(frozen=True, slots=True)
class _OpenWords:
    """`read` gives the word that a lead has, whatever was sent."""

    known: tuple[str, ...]
    read: Callable[[object], str | None]


_CLOSED: Mapping[str, Collection[str]] = {"score.tier": TIERS, "account.status": ACCOUNT_STATUSES}
_OPEN: Mapping[str, _OpenWords] = {
    "lead.channel": _OpenWords(CHANNELS, read_channel),
    "lead.seniority": _OpenWords(SENIORITIES, read_seniority),
    "lead.function": _OpenWords(FUNCTIONS, read_function),
    "lead.language": _OpenWords((), read_language),
}


def wrong_word(path: str, text: str, *, named: Collection[str] | None = None) -> tuple[str, str] | None:
    """Message and hint if the field at that path never has this word; `named` are those that the playbook gives it."""
    closed = named if named is not None else _CLOSED.get(path)
    if closed is not None:
        return _unknown(path, text, closed)
    return _never(path, text, _OPEN[path]) if path in _OPEN else None


def _unknown(path: str, text: str, words: Collection[str]) -> tuple[str, str] | None:
    if text.casefold() in {word.casefold() for word in words}:
        return None
    if path == "score.tier" and text.casefold() == "disqualified":
        return f'"{text}" is no tier', "write score.disqualified: true"
    known = words if isinstance(words, tuple) else sorted(words)[:_TOLD]
    return f'unknown {_name(path)} "{text}"', did_you_mean(text, words) or f"known: {', '.join(known) or 'none'}"


def _never(path: str, text: str, words: _OpenWords) -> tuple[str, str] | None:
    try:
        normal = words.read(text) or text
    except Unusable as error:
        return f'"{text}" is no {_name(path)}: {error}', ""
    if normal.casefold() != text.casefold():
        return f'no lead has "{text}" as its {_name(path)}', f'did you mean "{normal}"?'
    near = next((word for word in words.known if _is_slip(text.casefold(), word)), None)
    return None if near is None else (f'unknown {_name(path)} "{text}"', f'did you mean "{near}"?')


def _is_slip(text: str, word: str) -> bool:
    return text != word and SequenceMatcher(None, text, word).ratio() >= _SLIP


def _name(path: str) -> str:
    return path.rpartition(".")[2]
