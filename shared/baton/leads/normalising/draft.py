"""A lead on its way to its normal form: what was sent, what was read, what was changed."""

from collections.abc import Callable, Mapping

from baton.leads.normalising.lead import Change, Refusal
from baton.leads.normalising.text import Unusable, shown, trimmed


class Draft:
    """Collects fields and changes. Blank fields count as not sent: forms send all they have."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        """`raw` is only read."""
        self.raw = raw
        self.fields: dict[str, object] = {}
        self.changes: list[Change] = []
        self.refused: dict[str, Refusal] = {}

    def read(self, field: str, reader: Callable[[object], object], *, form: str) -> None:
        """Keep what `reader` makes of the field, or None where None was sent, or leave it out with a reason."""
        if field not in self.raw:
            return
        sent = self.raw[field]
        if sent is None:
            self.fields[field] = None
            return
        try:
            value = reader(sent)
        except Unusable as error:
            self.refused[field] = Refusal(field, shown(sent), error.why, error.hint)
            self.leave_out(field, sent, error.why)
        else:
            if value is not None:
                self.keep(field, value, form=form)

    def keep(self, field: str, value: object, *, form: str) -> None:
        """Set the field; that it isn't what was sent is a change, made for the sake of `form`."""
        self.fields[field] = value
        sent = self.raw.get(field)
        if sent is None or (sent == value and type(sent) is type(value)):
            return
        only_space = isinstance(sent, str) and trimmed(sent) == value
        self.note(field, sent, shown(value), "outer space" if only_space else form)

    def leave_out(self, field: str, sent: object, why: str) -> None:
        """The field isn't taken, for this reason."""
        self.note(field, sent, None, why)

    def note(self, field: str, before: object, after: object, why: str) -> None:
        """Record a change."""
        self.changes.append(Change(field, shown(before), after, why))
