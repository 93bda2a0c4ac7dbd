"""Text for a terminal, or for a page: what somebody wrote into a name steers neither."""

import re
import unicodedata
from typing import Final

_BREAKS: Final = re.compile(r"\s*[\t\n\v\f\r\x85\u2028\u2029]+\s*")


def plain(text: str) -> str:
    """Text that can't steer a terminal: no control characters, nothing that turns the direction of writing around."""
    return "".join(each if unicodedata.category(each) not in ("Cc", "Cf") else "·" for each in text)


def one_line(text: str) -> str:
    """The same in one line, whatever breaks it had."""
    return plain(_BREAKS.sub(" ", text))
