"""`calendars`: when is open. The kernel reads one; here its mistakes get their lines."""

from baton.kernel.calendars import ALWAYS, Calendar, CalendarError
from baton.leads.playbook.reader import Reader

RESERVED = ("always", "rep")


def read_calendars(section: Reader | None) -> dict[str, Calendar | None]:
    """Calendars by name, `always` among them; None where one has mistakes."""
    found: dict[str, Calendar | None] = {"always": ALWAYS}
    for name, entry in section.entries() if section else ():
        if name in RESERVED:
            entry.error(f'"{name}" names a clock already', "choose another name")
        else:
            found[name] = _calendar(name, entry)
    return found


def _calendar(name: str, entry: Reader) -> Calendar | None:
    try:
        return Calendar.parse(name, entry.plain())
    except CalendarError as error:
        for mistake in error.mistakes:
            entry.at(mistake.path).error(mistake.message, mistake.hint)
        return None
