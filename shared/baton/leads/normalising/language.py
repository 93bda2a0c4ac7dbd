"""Languages as ISO 639-1 (`de`), the way reps list theirs: regions and scripts are left out."""

from collections.abc import Mapping
from functools import cache, lru_cache

from babel import Locale

from baton.leads.normalising.text import fold, read_text

_AUTONYMS = (
    "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro", "el", "tr", "ru", "uk",
    "ja", "zh", "ko", "ar", "he",
)  # fmt: skip
_ALIASES = {
    "ger": "de", "deu": "de", "eng": "en", "fre": "fr", "fra": "fr", "spa": "es", "ita": "it", "por": "pt", "dut": "nl",
    "nld": "nl", "jpn": "ja", "chi": "zh", "zho": "zh", "kor": "ko", "ara": "ar", "rus": "ru", "pol": "pl", "swe": "sv",
    "mandarin": "zh", "castellano": "es", "castilian": "es", "flemish": "nl", "cn": "zh", "jp": "ja",
}  # fmt: skip


def read_language(value: object) -> str | None:
    """`de` for `de-CH`, `de_DE`, `German`, `Deutsch` or `de-DE,de;q=0.9`; what isn't known stays as sent."""
    text = read_text(value, limit=100)
    return None if text is None else _language_code(text)


@lru_cache(maxsize=1024)
def _language_code(text: str) -> str:
    first = text.split(",", maxsplit=1)[0].split(";", maxsplit=1)[0]
    tag = first.replace("_", "-").split("-")[0]
    for name in (first, tag, text.split("(", maxsplit=1)[0]):
        code = _names().get(fold(name))
        if code is not None:
            return code
    return text


@cache
def _names() -> Mapping[str, str]:
    english = {code: name for code, name in Locale.parse("en").languages.items() if len(code) == 2}
    own = {fold(Locale.parse(code).languages[code]): code for code in _AUTONYMS}
    return own | _ALIASES | {fold(name): code for code, name in english.items()} | {code: code for code in english}


def load() -> None:
    """Read the names now, so that the first lead doesn't wait for them."""
    _names()
