"""Text as people and systems send it, made storable. Bounds are checked before anything that costs more than a scan."""

import math
import re
import unicodedata
from functools import lru_cache

# Outer space also means what can't be seen: zero-width space, word joiner and byte order mark come with copied text.
OUTER = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\u200b\u2060\ufeff"
_SHOWN = 200

# PostgreSQL stores no U+0000 and UTF-8 knows no lone surrogates.
_SURROGATES = re.compile("[\ud800-\udfff]")
# The marks that make other syllables of Japanese ones are no accents.
_KANA_MARKS = "\u3099\u309a"
_NOT_WORDS = re.compile(r"[\W_]+")


class Unusable(ValueError):
    """A value that a field can't take: `why` for the record, `hint` for who sent it."""

    def __init__(self, why: str, *, hint: str = "") -> None:
        """Keep both as sentences without a full stop."""
        super().__init__(why)
        self.why = why
        self.hint = hint


def read_text(value: object, *, limit: int, composed: bool = True) -> str | None:
    """Text without outer space, in NFC if `composed`; None if blank. Whole numbers are taken as text.

    Raises:
        Unusable: neither text nor a whole number, or longer than `limit` characters. Nothing is ever cut.
    """
    text = trimmed(storable(plain_text(value)))
    if len(text) > limit:
        raise Unusable(f"longer than {limit} characters")
    if composed and not text.isascii():
        # Only now: composing a long run of combining marks takes quadratic time. It may also lengthen the text.
        text = trimmed(unicodedata.normalize("NFC", text))
        if len(text) > limit:
            raise Unusable(f"longer than {limit} characters")
    return text or None


def plain_text(value: object) -> str:
    """The text itself, or the digits of a whole number, which is how some senders write a postal code."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    raise Unusable(f"{named_kind(value)} where text is expected")


def trimmed(text: str) -> str:
    """The text without outer space."""
    return text.strip(OUTER)


def storable(text: str) -> str:
    """The text without what no database can hold."""
    text = text.replace("\0", "")  # megabytes of them come from whoever likes to, and a pattern takes them one by one
    return text if text.isascii() else _SURROGATES.sub("", text)


def fold(text: str) -> str:
    """The words of a text for comparing: no accents, case or punctuation, one space between. Only for bounded text."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if char in _KANA_MARKS or unicodedata.category(char) != "Mn")
    return _NOT_WORDS.sub(" ", unicodedata.normalize("NFC", bare.casefold())).strip()


@lru_cache(maxsize=4096)
def slug(text: str) -> str:
    """The folded words joined by `_`, as a word of a closed vocabulary is spelled."""
    return fold(text).replace(" ", "_")


def named_kind(value: object) -> str:
    """What kind of JSON value this is, in words."""
    kinds: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return "a list"
    return kinds.get(type(value), "an object")


def shown(value: object) -> object:
    """A value as the record of a change shows it: storable, and short whatever was sent."""
    if isinstance(value, str):
        text = storable(value[: _SHOWN + 1])
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 63 else f"a number of {value.bit_length()} bits"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple | dict):
        return f"{named_kind(value)} of {len(value)}"
    return named_kind(value)
