"""`calendars`: when is open. The kernel reads one; here its mistakes get their lines."""

from baton.kernel.calendar_parsing import KEYS, CalendarMistake
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
            found[name] = _calendar(name, entry.plain(), entry)
    return found


def _calendar(name: str, spelled: object, entry: Reader) -> Calendar | None:
    """As it is spelled; a calendar that only has keys too many is read without them."""
    try:
        return Calendar.parse(name, spelled)
    except CalendarError as error:
        for mistake in error.mistakes:
            entry.at(mistake.path).error(mistake.message, mistake.hint, stands=_is_unknown_key(mistake))
        if not isinstance(spelled, dict) or not all(map(_is_unknown_key, error.mistakes)):
            return None
        return _calendar(name, {key: value for key, value in spelled.items() if key in KEYS}, entry)


def _is_unknown_key(mistake: CalendarMistake) -> bool:
    return len(mistake.path) == 1 and mistake.path[0] not in KEYS
