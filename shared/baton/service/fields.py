"""Fields of requests that are narrower than their Python types."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(instant: datetime) -> datetime:
    """The last evening of 9999 west of Greenwich is good ISO 8601, and in UTC no instant of Python's any more."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("it lies outside of the years 1 to 9999") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant that can be told and stored: with a zone, and within Python's years in UTC too. It is given in UTC."""
