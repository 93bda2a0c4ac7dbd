"""What happens in a demo, in order: pure, and the same again for the same chance."""

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from baton_standalone.demo.people import COMPETITOR, HOSTILE, STUDENT, Person, somebody

Act = Literal["lead", "repeat", "visits"]

_CAST: Final = {4: HOSTILE, 9: COMPETITOR, 15: STUDENT}
"""Who comes when, whatever chance says."""
_REPEAT_EVERY: Final = 7
_SHARES: Final = {"form": 8, "hubspot-workflow": 5, "marketo": 4, "salesforce": 4, "api": 3}
_ALREADY_ACTIVE: Final = 0.6
"""How many have looked around on the web site before they fill in something other than the demo form."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that a sender sends. A repeat is the delivery before, once more; `number` counts the leads."""

    act: Act
    person: Person
    via: str
    number: int


def story(chance: random.Random, *, leads: int, senders: Collection[str]) -> Iterator[Scene]:
    """So many leads by these types of senders, with what belongs to them."""
    types = [each for each in _SHARES if each in senders]
    weights = [_SHARES[each] for each in types]
    for number in range(1, leads + 1):
        person = _CAST.get(number) or somebody(chance)
        via = chance.choices(types, weights)[0]
        if via != "form" and chance.random() < _ALREADY_ACTIVE:
            yield Scene("visits", person, "api", number)
        yield Scene("lead", person, via, number)
        if number % _REPEAT_EVERY == 0:
            yield Scene("repeat", person, via, number)


def visits(person: Person) -> list[dict[str, object]]:
    """What the web site tells of somebody who looks around."""
    pages = [("page_view", "/product"), ("page_view", "/customers"), ("page_view", "/docs"), ("pricing_page_view", "")]
    return [{"email": person.email, "kind": kind, "data": {"path": path or "/pricing"}} for kind, path in pages]
