"""Which dates are holidays: a country's or subdivision's public ones, dates named one by one, or both."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from holidays import country_holidays, list_supported_countries

from baton.kernel.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class HolidaySet:
    """`codes` are countries or subdivisions (`US`, `DE-BY`), looked up a year at a time when first asked."""

    codes: frozenset[str] = frozenset()
    dates: frozenset[date] = frozenset()

    def __contains__(self, day: date) -> bool:
        return day in self.dates or any(day in _public_holidays(code, day.year) for code in self.codes)

    def __bool__(self) -> bool:
        return bool(self.codes or self.dates)


def holiday_code_problem(code: str) -> tuple[str, str] | None:
    """What is wrong with a country or subdivision code, and a hint; None when holidays are known for it."""
    country, dash, subdivision = code.partition("-")
    known = _known_codes()
    if country not in known:
        hint = did_you_mean(country, known) or "write a country like US, a subdivision like DE-BY, or a date"
        return f'no holidays are known for "{code}"', hint
    if dash and subdivision not in known[country]:
        listed = ", ".join(f"{country}-{each}" for each in known[country]) or country
        return f'no holidays are known for "{code}"', f"known there: {listed}"
    # Loading a country's rules takes up to half a second; better while a playbook is read than in a decision.
    country_holidays(country, subdiv=subdivision or None)
    return None


@lru_cache(maxsize=1024)
def _public_holidays(code: str, year: int) -> frozenset[date]:
    country, _, subdivision = code.partition("-")
    return frozenset(country_holidays(country, subdiv=subdivision or None, years=year, expand=False))


@lru_cache(maxsize=1)
def _known_codes() -> dict[str, list[str]]:
    return list_supported_countries()
