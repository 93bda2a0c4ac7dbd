"""How text is compared: without case and without outer space. Blank text is no value."""

_COLLECTIONS = (list, tuple, set, frozenset, dict)


def fold(text: str) -> str:
    """The form in which two texts are compared."""
    return text.strip().casefold()


def present(value: object) -> object:
    """The value, or None where nothing was said: blank text and empty collections count as missing."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, _COLLECTIONS) and not value:
        return None
    return value
