"""The files of a playbook as one value: the hash that is its true version, and the text that travels on the topic."""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping

MOST_BYTES = 16 * 1024 * 1024
MOST_FILES = 200
_MOST_TEXT = MOST_BYTES * 2
# Every byte is one character of it, so that any file fits into JSON, and text still compresses as text.
_BYTES = "latin-1"


class UnpackError(ValueError):
    """Text that is no packed playbook, or one that would grow beyond the bounds."""


def normalise_name(name: str) -> str:
    """A file's name as the hash knows it: forward slashes, no `./`."""
    return name.replace("\\", "/").removeprefix("./")


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the sorted names and contents, as 64 hex digits; lengths keep neighbours apart."""
    digest = hashlib.sha256()
    for name, content in sorted((normalise_name(name), content) for name, content in files.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def pack(files: Mapping[str, bytes]) -> str:
    """All files as zlib-compressed, base64-coded text. The same files give the same text."""
    coded = {normalise_name(name): content.decode(_BYTES) for name, content in files.items()}
    plain = json.dumps(coded, sort_keys=True, ensure_ascii=False).encode()
    return base64.b64encode(zlib.compress(plain, 9)).decode()


def unpack(text: str) -> dict[str, bytes]:
    """The files again. Raises UnpackError; nothing larger than the bounds is ever built."""
    try:
        plain = _inflate(base64.b64decode(text, validate=True))
        coded = json.loads(plain)
        files = {str(name): content.encode(_BYTES) for name, content in coded.items()}
    except (binascii.Error, zlib.error, RecursionError, ValueError, TypeError, AttributeError) as error:
        raise UnpackError(f"not a packed playbook: {error}") from None
    if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
        raise UnpackError("a packed playbook beyond the bounds")
    return files


def _inflate(compressed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(compressed, _MOST_TEXT)
    if inflater.unconsumed_tail or not inflater.eof:
        raise UnpackError("a packed playbook that is cut off or beyond the bounds")
    return plain
