"""`territories`: named parts of the market, the first that matches is the lead's."""

from baton.leads.conditions.fields import Scope
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.model import Territory
from baton.leads.playbook.reader import Reader


def read_territories(section: Reader | None, vocabulary: Vocabulary) -> tuple[Territory, ...]:
    """In the order written."""
    found = [_territory(name, entry, vocabulary) for name, entry in (section.entries() if section else ())]
    if section:
        section.check_told_apart()
    return tuple(territory for territory in found if territory is not None)


def _territory(name: str, entry: Reader, vocabulary: Vocabulary) -> Territory | None:
    if not entry.keys(("when",), required=("when",)):
        return None
    condition = entry.when(Scope.TERRITORY, vocabulary) if entry.get("when") else None
    return None if condition is None else Territory(name, condition)
