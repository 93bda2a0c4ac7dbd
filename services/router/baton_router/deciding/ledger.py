"""The counters of one transaction: turns and loads, raised as decisions are made, then written back by the shell."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

TurnKey = tuple[str, str]
"""Pool and balance key: the tier where the pool balances by tier, else empty."""


class Uncounted(Exception):
    """A decision needs to know how many open leads some reps have. Nothing has changed: count, and decide again."""


@dataclass(slots=True)
class Turn:
    """A rep's turns in a pool. `present`: was available at the last pick; who was not is set level when back."""

    count: float = 0.0
    present: bool = False


@dataclass(slots=True)
class Load:
    """What a rep has had: open leads, and those within the running hour, day, week and month of the rep's zone.

    `hour_frees_at` is when the oldest within the rolling hour leaves it.
    """

    open: int = 0
    hour: int = 0
    day: int = 0
    week: int = 0
    month: int = 0
    hour_frees_at: datetime | None = None


@dataclass(slots=True)
class Ledger:
    """Turns by pool and balance key, loads by rep and pool (None: over all pools)."""

    turns: dict[TurnKey, dict[str, Turn]] = field(default_factory=dict)
    loads: dict[tuple[str, str | None], Load] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)
    """Reps of whom `loads` has only the open leads that this transaction gave or took."""
    _changed: set[tuple[TurnKey, str]] = field(default_factory=set)

    def turn(self, key: TurnKey, rep: str) -> Turn:
        """The rep's turns; a rep without any joins the pool now."""
        turns = self.turns.get(key)
        if turns is None:
            turns = self.turns[key] = {}
        found = turns.get(rep)
        if found is None:
            found = turns[rep] = Turn()
        return found

    def load(self, rep: str, pool: str | None) -> Load:
        """The rep's load in a pool, or over all."""
        found = self.loads.get((rep, pool))
        if found is None:
            found = self.loads[rep, pool] = Load()
        return found

    def open_leads(self, reps: Collection[str]) -> Mapping[str, int]:
        """How many leads each of these reps has open, over all pools.

        Raises:
            Uncounted: some of them are still to be counted.
        """
        if not self.uncounted.isdisjoint(reps):
            raise Uncounted
        return {rep: self.load(rep, None).open for rep in reps}

    def set_turn(self, key: TurnKey, rep: str, *, count: float | None = None, present: bool | None = None) -> None:
        """Change a turn and remember that it has to be written."""
        turn = self.turn(key, rep)
        if count is not None and count != turn.count:
            turn.count = count
            self._changed.add((key, rep))
        if present is not None and present != turn.present:
            turn.present = present
            self._changed.add((key, rep))

    def took(self, rep: str, pool: str | None, *, turn: TurnKey | None) -> None:
        """The rep got a lead: a load everywhere it counts, and a turn if it was one."""
        for place in {None, pool}:
            load = self.load(rep, place)
            load.open += 1
            load.hour += 1
            load.day += 1
            load.week += 1
            load.month += 1
        if turn is not None:
            self.set_turn(turn, rep, count=self.turn(turn, rep).count + 1)

    def gave_back(self, rep: str, pool: str | None, *, turn: TurnKey | None, credit: bool) -> None:
        """The rep no longer has a lead; with `credit` the turn it cost is given back."""
        for place in {None, pool}:
            self.load(rep, place).open -= 1
        if turn is not None and credit:
            self.set_turn(turn, rep, count=self.turn(turn, rep).count - 1)

    def changed(self) -> Mapping[tuple[TurnKey, str], Turn]:
        """The turns to be written."""
        return {(key, rep): self.turns[key][rep] for key, rep in sorted(self._changed)}

    def forget_changes(self) -> None:
        """They were written."""
        self._changed.clear()
