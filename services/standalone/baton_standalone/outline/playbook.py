"""The outline of a whole playbook, in the order in which people read it."""

from collections.abc import Iterator

from baton.leads.playbook.model import Playbook
from baton_standalone.outline import agreed, people, promises, routing
from baton_standalone.outline.facts import Section
from baton_standalone.outline.scoring import scoring


def outline(playbook: Playbook) -> tuple[Section, ...]:
    """Every section, also those in which nothing stands."""
    return tuple(_sections(playbook))


def _sections(playbook: Playbook) -> Iterator[Section]:
    names = people.rep_names(playbook.reps)
    yield agreed.definitions(playbook.definitions)
    yield agreed.sources(playbook.sources)
    yield from scoring(playbook.scoring)
    yield routing.territories(playbook.territories)
    yield from routing.routing(playbook, names)
    yield people.pools(playbook.pools, names)
    yield people.reps(playbook.reps, names)
    yield promises.calendars(playbook.calendars)
    yield promises.promises(playbook.sla, names)
    yield agreed.commitments(playbook.commitments)
    yield agreed.deliveries(playbook.deliver)
    yield agreed.general(playbook)
    yield agreed.tables(playbook.tables)
