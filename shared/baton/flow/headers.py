"""Record headers as one value, for tables that keep records."""

import orjson

from baton.leads.envelope import Headers


def pack_headers(headers: Headers) -> bytes:
    """Headers as one JSON text; latin-1 keeps every byte as it was."""
    return orjson.dumps([(name, content.decode("latin-1")) for name, content in headers])


def unpack_headers(packed: bytes) -> Headers:
    return tuple((name, content.encode("latin-1")) for name, content in orjson.loads(packed))
