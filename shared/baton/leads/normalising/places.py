"""Countries as ISO 3166-1 alpha-2, states as ISO 3166-2 without the country. Looked up, never searched or guessed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pycountry

from baton.leads.normalising import country_names
from baton.leads.normalising.text import Unusable, fold, read_text

LONGEST = 100

# What people write that isn't the name in ISO 3166-2.
_MORE_STATES = {
    "AU": {"A C T": "ACT"},
    "CA": {"Newfoundland": "NL", "Labrador": "NL", "PEI": "PE", "P E I": "PE", "NWT": "NT"},
    "DE": {
        "Bavaria": "BY", "Hesse": "HE", "Lower Saxony": "NI", "North Rhine Westphalia": "NW", "NRW": "NW",
        "Rhineland Palatinate": "RP", "Saxony": "SN", "Saxony Anhalt": "ST", "Thuringia": "TH",
        "Mecklenburg Western Pomerania": "MV", "Baden Wuerttemberg": "BW", "Thueringen": "TH",
    },
    "ES": {"Catalonia": "CT", "Andalusia": "AN", "Basque Country": "PV", "Madrid": "MD", "Cataluna": "CT"},
    "US": {"Washington DC": "DC", "Washington D C": "DC", "D C": "DC", "Calif": "CA", "Mass": "MA", "Penn": "PA"},
}  # fmt: skip


def read_country(value: object) -> str | None:
    """The country's code; None if blank.

    Raises:
        Unusable: no code and no name in a language we know, or a name that two countries share.
    """
    text = read_text(value, limit=LONGEST)
    if text is None:
        return None
    code = country_code(text)
    if code is None:
        raise Unusable("no country is known by this name", hint="send its two-letter code (ISO 3166-1 alpha-2)")
    return code


@lru_cache(maxsize=4096)
def country_code(name: str) -> str | None:
    """The alpha-2 code for a code or a whole name of at most `LONGEST` characters, or None."""
    folded = fold(name)
    bare = _initials(folded.removeprefix("the "))
    for names in (country_names.common_names, country_names.local_names):
        code = names().get(folded) or names().get(bare)
        if code is not None:
            return code
    return None


def _initials(folded: str) -> str:
    """`u s a` (of `U.S.A.`) as `usa`; other words stay apart."""
    words = folded.split()
    return "".join(words) if all(len(word) == 1 for word in words) else folded


def read_state(value: object, *, country: str | None) -> str | None:
    """The code of the state within its country (`California` → `CA`), or the text as sent where none is known."""
    text = read_text(value, limit=LONGEST)
    if text is None or country is None:
        return text
    return _state_code(text, country) or text


@lru_cache(maxsize=4096)
def _state_code(text: str, country: str) -> str | None:
    folded = fold(text)
    return _states(country).get(folded) or _states(country).get(folded.removeprefix(country.casefold() + " "))


@lru_cache(maxsize=64)
def _states(country: str) -> Mapping[str, str]:
    """Folded codes and names → code. Where codes are numbers (France, Japan, Austria) people say names: no table."""
    meanings: defaultdict[str, set[str]] = defaultdict(set)
    known: dict[str, str] = {}
    for entry in _subdivisions(country):
        code = entry.code.removeprefix(country + "-")
        if code.isalpha():
            known[fold(code)] = code
            for name in _spellings(entry.name):
                meanings[name].add(code)
    named = {name: code for name, (code, *others) in meanings.items() if not others}
    more = {fold(name): code for name, code in _MORE_STATES.get(country, {}).items()}
    # A code is what it says, even if it is also somebody's name.
    return named | more | known


def _subdivisions(country: str) -> Iterable[Any]:
    entries: Iterable[Any] | None = pycountry.subdivisions.get(country_code=country)  # type: ignore[no-untyped-call]
    return entries or ()


def _spellings(name: str) -> set[str]:
    """`Catalunya [Cataluña]` is known by either name."""
    return {fold(part) for part in name.replace("]", "").split("[")} - {""}


def load() -> None:
    """Read the tables now, so that the first lead doesn't wait for them (0.3 s)."""
    country_code("not a country, so that every table is asked")
    for country in ("US", "CA", "AU", "DE", "GB"):
        _states(country)
