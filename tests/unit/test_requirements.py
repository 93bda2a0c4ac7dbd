"""What is pinned can be installed by any pip that Python 3.11 or newer brings."""

from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINS = Path(__file__).parents[2] / "requirements" / "dev.txt"


def test_what_is_needed_with_an_extra_is_pinned_with_it() -> None:
    lines = [line.removesuffix(" \\") for line in PINS.read_text().splitlines() if line[:1].isalnum()]
    pins = {canonicalize_name(pin.name): pin.extras for pin in map(Requirement, lines)}

    needed = [
        requirement
        for distribution in distributions()
        if canonicalize_name(distribution.name) in pins
        for requirement in map(Requirement, distribution.requires or ())
        if requirement.extras and (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
    ]

    assert needed != []
    assert [str(one) for one in needed if not one.extras <= pins[canonicalize_name(one.name)]] == []
