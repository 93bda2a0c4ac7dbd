"""The playbooks that are shipped: inside the installed package, or in the repository that this one lies in."""

from pathlib import Path
from typing import Final, Literal

Shipped = Literal["minimal", "reference"]

_HERE: Final = Path(__file__).resolve().parent
_PLACES: Final = (_HERE / "playbooks", _HERE.parents[2] / "deploy" / "playbooks")


def shipped_playbook(name: Shipped = "reference") -> Path:
    """The directory of a shipped playbook.

    Raises:
        FileNotFoundError: this installation lacks it.
    """
    for place in _PLACES:
        if (place / name / "playbook.yaml").is_file():
            return place / name
    raise FileNotFoundError(f"the {name} playbook is not part of this installation: set BATON_PLAYBOOK to one of yours")
