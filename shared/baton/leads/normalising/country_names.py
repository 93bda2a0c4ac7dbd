"""What people call countries: the names in the ISO list and in the languages of CLDR, and what neither of them has."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

import pycountry
from babel import Locale

from baton.leads.normalising.text import fold

# The languages most forms are filled in with. Each costs about 1 MB and 7 ms, once.
_LANGUAGES = (
    "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro", "el", "tr", "ru", "uk",
    "ja", "zh", "zh_Hant", "ko", "ar", "he",
)  # fmt: skip

# Everyday names, other bodies' codes (IOC, EU), and what has no code of its own. "Korea" is the one that trades; a name
# of two countries ("Congo") is in no table. XK is user-assigned within ISO 3166-1, as the EU and CLDR use it.
_ALIASES = {
    "AE": "UAE|Emirates",
    "BA": "Bosnia",
    "BO": "Bolivia",
    "BR": "Brasil",
    "CD": "DRC|DR Congo|Congo Kinshasa|Democratic Republic of Congo",
    "CG": "Congo Brazzaville",
    "CH": "SUI|Confoederatio Helvetica",
    "CI": "Ivory Coast|Elfenbeinküste",
    "CN": "PRC|Mainland China",
    "CV": "Cape Verde",
    "CZ": "Czech Republic|Tschechische Republik",
    "DE": "GER|BRD|Federal Republic of Germany|Bundesrepublik Deutschland",
    "DK": "DEN",
    "ES": "Espana",
    "GB": "UK|U.K.|Great Britain|Britain|England|Scotland|Wales|Northern Ireland|Schottland|Angleterre|Inglaterra"
    "|Inghilterra|Anglia|Großbritannien|Grande-Bretagne|Gran Bretaña|Gran Bretagna|Grã-Bretanha|Groot-Brittannië"
    "|イギリス|英国",
    "GR": "EL|GRE|Hellas",
    "HK": "Hong Kong SAR",
    "IE": "Eire|Republic of Ireland|Rep. of Ireland",
    "IR": "Iran",
    "KP": "North Korea|DPRK",
    "KR": "Korea|South Korea|ROK|S. Korea|Republic of Korea|한국|韩国",
    "LA": "Laos",
    "LV": "LAT",
    "MD": "Moldova",
    "MK": "Macedonia|FYROM",
    "MM": "Burma",
    "MO": "Macau",
    "NL": "Holland|NED|Hollande|Olanda|Holanda|Nederlands",
    "PH": "PHI",
    "PS": "Palestine",
    "PT": "POR",
    "RU": "Russia",
    "SA": "KSA|السعودية",
    "SK": "Slowakische Republik|Slovak Republic",
    "SY": "Syria",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey",
    "TW": "Taiwan",
    "TZ": "Tanzania",
    "US": "U.S.|U.S.A.|America|United States of America|The States|Estados Unidos de America|EEUU|EE.UU.|EUA|Etats Unis"
    "|Vereinigte Staaten von Amerika|Stati Uniti d'America|アメリカ|美国",
    "VA": "Vatican|Holy See",
    "VE": "Venezuela",
    "VN": "Vietnam",
    "XK": "XK|XKX|Kosovo",
    "ZA": "RSA",
}


# The ISO list gives this name to one of the two that bear it, and people mostly mean the other.
_OF_TWO = frozenset({"congo", "kongo"})


@cache
def codes() -> frozenset[str]:
    """Every alpha-2 code that a lead may carry."""
    return frozenset(country.alpha_2 for country in pycountry.countries) | {"XK"}


@cache
def common_names() -> Mapping[str, str]:
    """Folded codes, aliases, ISO and English names → alpha-2."""
    aliases = [(fold(name), code) for code, names in _ALIASES.items() for name in names.split("|")]
    return _unambiguous([*_iso_names(), *_cldr_names("en")]) | dict(aliases)


@cache
def local_names() -> Mapping[str, str]:
    """Folded names in other languages → alpha-2."""
    return _unambiguous(pair for language in _LANGUAGES for pair in _cldr_names(language))


def _iso_names() -> Iterable[tuple[str, str]]:
    for country in pycountry.countries:
        for key in ("alpha_2", "alpha_3", "name", "official_name", "common_name"):
            name = getattr(country, key, None)
            if name is not None:
                yield fold(name), country.alpha_2


def _cldr_names(language: str) -> Iterable[tuple[str, str]]:
    for code, name in Locale.parse(language).territories.items():
        if code in codes():
            yield fold(name), code


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Only the names that mean one country; never the first of two."""
    meanings: defaultdict[str, set[str]] = defaultdict(set)
    for name, code in pairs:
        meanings[name].add(code)
    return {name: code for name, (code, *others) in meanings.items() if name and not others and name not in _OF_TWO}
