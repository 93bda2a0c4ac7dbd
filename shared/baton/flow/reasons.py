"""Why a record became a dead letter, in stable words."""

from enum import StrEnum


class Reason(StrEnum):
    """Stands in rows, headers and the log; whoever asks for dead letters asks by it."""

    FAILED = "failed"
    """The handler could not make anything of it."""
    GAVE_UP = "gave_up"
    """It was put off as often as may be."""
    UNREADABLE = "unreadable"
    """It is no event, or not one that we know."""
    TOO_LARGE = "too_large"
    """The bus doesn't take it, or what follows from it."""
    TIMED_OUT = "timed_out"
    """The database took too long over it."""
