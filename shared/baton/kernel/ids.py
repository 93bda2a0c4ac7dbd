"""Ids that every service derives by itself: UUIDv5 as lower-case canonical text, so nobody has to ask anybody.

UUIDv5 (RFC 9562 §5.5) is computed here rather than by `uuid.uuid5`, which builds an object just to print it: 1 µs
instead of 3, on a path that every event takes several times.
"""

from hashlib import sha1
from typing import NewType
from uuid import NAMESPACE_URL, UUID

LeadId = NewType("LeadId", str)
EventId = NewType("EventId", str)
AssignmentId = NewType("AssignmentId", str)
ClockId = NewType("ClockId", str)
RepId = NewType("RepId", str)
"""A rep's id is the word that the playbook uses; the others are UUIDs."""

_URL = NAMESPACE_URL.bytes
# Never to change: every derived id ever written depends on it. It is the UUIDv5 of `urn:baton` in the URL namespace.
_BATON = UUID("4fcf6577-4a66-5c8a-ba10-288008320fb7").bytes

_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The first digit of the fourth part: its upper two bits say by which RFC the id is made."""


def lead_id_for_email(normalised_email: str) -> LeadId:
    """The id of the lead with this address, which must already be in its normal form."""
    return LeadId(_uuid5(_URL, "mailto:" + normalised_email))


def lead_id_for_phone(e164: str) -> LeadId:
    """The id of a lead without an address, by its number in E.164 (`+14155550100`)."""
    return LeadId(_uuid5(_URL, "tel:" + e164))


def derived_id(*parts: str) -> str:
    """The same id for the same parts, and another for any others: `("a", "bc")` and `("ab", "c")` differ."""
    return _uuid5(_BATON, "".join([f"{len(part)}:{part}" for part in parts]))


def _uuid5(namespace: bytes, name: str) -> str:
    # `surrogatepass`: an id must exist for whatever text came in, and stay different from that of any other text.
    digest = sha1(namespace + name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
