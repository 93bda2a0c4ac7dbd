"""`scoring`: the model of points, tiers and segments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from baton.kernel.durations import parse_duration
from baton.leads.conditions.fields import Scope, UnknownFieldError, find_field
from baton.leads.conditions.folding import fold
from baton.leads.conditions.vocabulary import Vocabulary, column_for
from baton.leads.playbook.model import Decay, PointsFrom, ScoreGroup, ScoreRule, Scoring, SegmentRule, Table
from baton.leads.playbook.reader import Reader
from baton.leads.values import Tier

_TIERS: tuple[Tier, ...] = ("warm", "mql", "sql")
_GROUPS: tuple[Literal["fit", "engagement", "negative"], ...] = ("fit", "engagement", "negative")
_RULE_KEYS = ("name", "when", "points", "points_from", "multiply", "disqualify", "per", "decay")
_GIVES = ("points", "points_from", "multiply", "disqualify")


def read_scoring(section: Reader | None, *, tables: Mapping[str, Table], vocabulary: Vocabulary) -> Scoring:
    """The whole model; an absent section scores nothing."""
    general = Scoring()
    if section is None or not section.keys(("tiers", *_GROUPS, "segments", "cool_down")):
        return general
    model = _Model(tables, vocabulary)
    tiers = model.tiers(section, general.tiers)
    groups = model.groups(section, {name: ScoreGroup() for name in _GROUPS})
    segments, written = section.get("segments"), section.get("cool_down")
    cool_down = written.length() if written else None
    return Scoring(
        tiers=tiers,
        **groups,
        segments=model.segments(segments, tiers, groups) if segments else (),
        cool_down=general.cool_down if cool_down is None else cool_down,
    )


@dataclass(frozen=True, slots=True)
class _Model:
    tables: Mapping[str, Table]
    vocabulary: Vocabulary

    def tiers(self, section: Reader, general: Mapping[Tier, float]) -> Mapping[Tier, float]:
        """The general thresholds with those written here in their place."""
        written = section.get("tiers")
        if written is None or not written.keys(_TIERS):
            return general
        found = dict(general)
        for tier in _TIERS:
            entry = written.get(tier)
            threshold = entry.number(least=0) if entry else None
            found[tier] = found[tier] if threshold is None else threshold
        if not found["warm"] <= found["mql"] <= found["sql"]:
            written.error(
                "thresholds must rise from warm to mql to sql", f"here: {', '.join(map(_rise, found.items()))}"
            )
        return found

    def groups(self, section: Reader, general: Mapping[str, ScoreGroup]) -> dict[str, ScoreGroup]:
        return {name: self.group(section.get(name), general[name]) for name in _GROUPS}

    def group(self, written: Reader | None, general: ScoreGroup) -> ScoreGroup:
        """The general group with what is written here in its place."""
        if written is None or not written.keys(("cap", "rules", "decay")):
            return general
        cap, rules, decay = (written.get(key) for key in ("cap", "rules", "decay"))
        return ScoreGroup(
            cap=cap.number() if cap else general.cap,
            rules=self.rules(rules, group=written.name) if rules else general.rules,
            decay=_decay(decay) if decay else general.decay,
        )

    def rules(self, written: Reader, *, group: str) -> tuple[ScoreRule, ...]:
        return tuple(
            rule
            for number, entry in enumerate(written.items("a list of rules"), 1)
            if (rule := self.rule(entry, group=group, name=f"{group} rule {number}")) is not None
        )

    def rule(self, entry: Reader, *, group: str, name: str) -> ScoreRule | None:
        if not entry.keys(_RULE_KEYS):
            return None
        named, points, per, decay = (entry.get(key) for key in ("name", "points", "per", "decay"))
        table, multiply, disqualify = (entry.get(key) for key in ("points_from", "multiply", "disqualify"))
        self._check_gives(entry)
        rule = ScoreRule(
            name=(named.text() if named else None) or name,
            when=entry.when(Scope.SCORING, self.vocabulary),
            points=_points(points, group=group) if points else None,
            points_from=self.points_from(table, group=group) if table else None,
            multiply=multiply.number(least=0) if multiply else None,
            disqualify=bool(disqualify.flag()) if disqualify else False,
            per_activity=per is not None and per.one_of(("activity",), "per") is not None,
            decay=_decay(decay) if decay else None,
        )
        if per and rule.when is not None and not rule.when.activity_kinds:
            per.error("per: activity needs a when that asks for an activity")
        return rule

    def _check_gives(self, entry: Reader) -> None:
        given = [key for key in _GIVES if entry.get(key)]
        if not given:
            entry.error("a rule that gives nothing", f"add one of {', '.join(_GIVES)}")
        elif len([key for key in given if key != "disqualify"]) > 1:
            entry.error(f"{' and '.join(given)} in one rule", "make two rules of it")

    def points_from(self, written: Reader, *, group: str) -> PointsFrom | None:
        if not written.keys(("table", "key", "column"), required=("table", "key", "column")):
            return None
        table, key, column = (written.get(name) for name in ("table", "key", "column"))
        name = table.known(self.tables, "table") if table else None
        path = _scoring_path(key) if key else None
        if name is None or path is None or column is None:
            return None
        found = self.tables[name]
        points = column.one_of(found.columns, "column")
        if points is None:
            return None
        return PointsFrom(name, path, points, _points_by_key(column, found, path=path, group=group))

    def segments(
        self, section: Reader, tiers: Mapping[Tier, float], groups: Mapping[str, ScoreGroup]
    ) -> tuple[SegmentRule, ...]:
        found: list[SegmentRule] = []
        section.check_told_apart()
        for name, entry in section.entries():
            if entry.keys(("when", "tiers", *_GROUPS)):
                condition = entry.when(Scope.SCORING, self.vocabulary)
                found.append(SegmentRule(name, condition, self.tiers(entry, tiers), **self.groups(entry, groups)))
        return tuple(found)


def _points(written: Reader, *, group: str) -> float | None:
    points = written.number()
    if points is not None and points > 0 and group == "negative":
        written.error(f"{points:g} points in negative, which is zero or less", f"write {-points:g}")
    return points


def _scoring_path(written: Reader) -> str | None:
    path = written.text("a field like lead.industry")
    if path is None:
        return None
    try:
        find_field(path, scope=Scope.SCORING)
    except UnknownFieldError as error:
        written.error(str(error), error.hint)
        return None
    return path


def _points_by_key(written: Reader, table: Table, *, path: str, group: str) -> dict[str, float]:
    """Folded key → points. A cell that is blank gives none."""
    key_column = column_for(path, table.columns)
    found: dict[str, float] = {}
    for row, line in zip(table.rows, table.lines, strict=True):
        key, cell = fold(row[key_column]), row[written.text() or ""].strip()
        points, place = _cell_points(cell), written.at_file(f"{table.name}.csv", line)
        if points is None:
            place.error(f'"{cell}" is not a number of points')
        elif points > 0 and group == "negative":
            place.error(f"{points:g} points in negative, which is zero or less", f"write {-points:g}")
        elif key and cell:
            found.setdefault(key, points)
    return found


def _cell_points(cell: str) -> float | None:
    try:
        points = float(cell or 0)
    except ValueError:
        return None
    return points if abs(points) < 1e9 else None


def _decay(written: Reader) -> Decay | None:
    if not written.keys(("half_life", "linear", "steps")):
        return None
    half_life, linear, steps = (written.get(key) for key in ("half_life", "linear", "steps"))
    if len([each for each in (half_life, linear, steps) if each]) != 1:
        written.error("a decay is exactly one of half_life, linear and steps", "write decay: {half_life: 30d}")
        return None
    if steps:
        return Decay(steps=_steps(steps))
    length = _positive(half_life or linear or written)
    return Decay(half_life=length) if half_life else Decay(linear=length)


def _positive(written: Reader) -> timedelta | None:
    length = written.length()
    if length is not None and not length:
        written.error("points can't fade in no time", "write 30d")
        return None
    return length


def _steps(written: Reader) -> tuple[tuple[timedelta, float], ...]:
    found: list[tuple[timedelta, float]] = []
    for age, entry in written.entries():
        share = entry.number(least=0, most=1)
        try:
            fixed = parse_duration(age).fixed
        except ValueError as error:
            entry.error(str(error))
            continue
        if fixed is None:
            entry.error(f'"{age}" needs a calendar, and none counts here', "write days: 30d")
        elif share is not None:
            found.append((fixed, share))
    return tuple(sorted(found))


def _rise(item: tuple[Tier, float]) -> str:
    return f"{item[0]} {item[1]:g}"
