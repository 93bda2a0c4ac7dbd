"""The bodies that browsers send: urlencoded and multipart, in whatever charset the page has.

Source: WHATWG, "URL" 5.1 and "HTML" 4.10.21.8. A page in Latin-1 sends its bytes escaped and mostly says nothing of its
charset; so what is no UTF-8 and names no charset is read as windows-1252, as browsers do.
"""

import codecs
import re
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser

from baton_ingest.sources.source_type import SourceRequest, Unusable

MAX_FIELDS: Final = 500
MAX_ESCAPES: Final = 500_000
"""`%` in one urlencoded body, each of which costs far more to read than its bytes."""
URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
_CHARSET_FIELD: Final = "_charset_"
_TEXT_CODECS: Final = re.compile(r"iso8859-\d+|cp125\d|koi8-[ru]|shift_jis|euc_jp|euc_kr|gb18030|gbk|gb2312|big5")
"""Among Python's codecs are some that aren't meant for strangers' bytes: slow ones, and ones that unpack."""


def parse_urlencoded(request: SourceRequest) -> Mapping[str, str]:
    """The fields of an urlencoded body. Raises Unusable."""
    if request.body.count(b"%") > MAX_ESCAPES:
        raise Unusable("too many escaped characters in one form", hint=f"send at most {MAX_ESCAPES:,}", status=413)
    try:
        # As Latin-1 each escaped or bare byte stays one character, to be read in the right charset afterwards.
        pairs = parse_qsl(
            request.body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Unusable("too many fields in one form", hint=f"send at most {MAX_FIELDS}") from None
    return _fields(((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs), request)


def parse_multipart(request: SourceRequest) -> Mapping[str, str]:
    """The text fields; files are left out. Raises Unusable."""
    pairs: list[tuple[bytes, bytes]] = []
    count = 0

    def admit() -> None:
        nonlocal count
        count += 1
        if count > MAX_FIELDS:
            raise Unusable("too many fields in one form", hint=f"send at most {MAX_FIELDS}")

    def take(field: Field) -> None:
        admit()
        pairs.append((field.field_name or b"", field.value or b""))

    def leave(file: File) -> None:
        admit()
        file.close()

    try:
        boundary = _parameter(request, "boundary").encode("latin-1", "replace")
        in_memory = {"MAX_MEMORY_FILE_SIZE": len(request.body) + 1}
        parser = FormParser(MULTIPART, take, leave, boundary=boundary, config=in_memory)
        parser.write(request.body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise Unusable(f"the form can't be read: {type(error).__name__}") from None
    return _fields(pairs, request)


def _fields(pairs: Iterable[tuple[bytes, bytes]], request: SourceRequest) -> Mapping[str, str]:
    """Pairs as fields; a name that comes several times (check boxes) has its values joined."""
    raw = list(pairs)
    in_form = next((value.decode("latin-1") for name, value in raw if name == _CHARSET_FIELD.encode()), "")
    encoding = _codec(_parameter(request, "charset") or in_form)
    fields: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = _text(name_bytes, encoding), _text(value_bytes, encoding)
        fields[name] = f"{fields[name]};{value}" if name in fields else value
    fields.pop(_CHARSET_FIELD, None)
    return fields


def _text(raw: bytes, encoding: str | None) -> str:
    if encoding is not None:
        return raw.decode(encoding, "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _codec(charset: str) -> str | None:
    """The codec of a charset that was named, if it is one for text. UTF-8 isn't believed, it shows."""
    try:
        name = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        return None
    if name == "iso8859-1":
        return "cp1252"
    return name if _TEXT_CODECS.fullmatch(name) else None


def _parameter(request: SourceRequest, name: str) -> str:
    message = Message()
    message["content-type"] = request.headers.get("content-type", "").replace("\r", " ").replace("\n", " ")
    value = message.get_param(name, "")
    return value if isinstance(value, str) else ""
