"""Loads a playbook: all files in, one frozen value out, or every mistake at once."""

from collections.abc import Mapping as Files
from dataclasses import dataclass
from pathlib import Path

from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook import agreements
from baton.leads.playbook.calendars import read_calendars
from baton.leads.playbook.checks import check
from baton.leads.playbook.content import content_hash
from baton.leads.playbook.deliveries import read_deliver
from baton.leads.playbook.files import MAIN, Merged, merge, people_of, read_directory
from baton.leads.playbook.findings import Finding, PlaybookError, Severity
from baton.leads.playbook.known import Known
from baton.leads.playbook.model import Playbook
from baton.leads.playbook.people import COLUMNS, read_reps, rep_ids
from baton.leads.playbook.reader import Gathered, Reader
from baton.leads.playbook.routing import read_catch_all, read_routing
from baton.leads.playbook.scoring import read_scoring
from baton.leads.playbook.sla import read_sla
from baton.leads.playbook.sources import read_sources
from baton.leads.playbook.teams import read_pools
from baton.leads.playbook.territories import read_territories
from baton.leads.playbook.yaml_nodes import Mapping

SECTIONS = (
    *("version", "include", "definitions", "sources", "scoring", "territories", "teams", "routing", "catch_all"),
    *("calendars", "sla", "matching", "keep_together", "reroute_on", "on_absence", "commitments", "deliver"),
    "bulk_rate",
)
REQUIRED = {
    "teams": "write teams: {reps: reps.csv, pools: {sales: {members: [mary, joe]}}}",
    "routing": "write routing: [{name: Everyone, pool: sales}]",
    "catch_all": "write catch_all: {rep: mary}, who has a lead that nobody else can have",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A playbook that may decide, and what people should look at."""

    playbook: Playbook
    findings: tuple[Finding, ...]
    """In reading order."""

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    @property
    def mistakes(self) -> tuple[Finding, ...]:
        """What a publish would be refused for."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def load_directory(path: Path) -> Loaded:
    """Load the playbook in a directory. Raises PlaybookError with every mistake; OSError if it can't be read."""
    return load_files(read_directory(path))


def load_files(files: Files[str, bytes]) -> Loaded:
    """Load a playbook from its files by name. Raises PlaybookError with every mistake."""
    loaded = load_published(files)
    if loaded.mistakes:
        raise PlaybookError(loaded.findings)
    return loaded


def load_published(files: Files[str, bytes]) -> Loaded:
    """Load a playbook that was accepted once, maybe by another release: mistakes that stand don't stop it.

    Raises PlaybookError with every mistake where there are others.
    """
    merged = merge(files)
    gathered = Gathered(merged.findings)
    if merged.root is None:
        raise PlaybookError(gathered.found)
    root = Reader(merged.root, (), gathered)
    root.keys(SECTIONS)
    for section, hint in REQUIRED.items():
        if root.get(section) is None:
            root.error(f'"{section}" is missing', hint)
    playbook = _read(root, merged)
    if not gathered.broken:
        check(playbook, root)
    found = _in_reading_order(gathered.found, merged)
    if gathered.broken:
        raise PlaybookError(found)
    return Loaded(playbook, found)


def _read(root: Reader, merged: Merged) -> Playbook:
    teams = _teams(root.get("teams"))
    people = _people(teams, merged)
    known = _known(root, teams, merged, people)
    routing = read_routing(root.get("routing"), known)
    sla = read_sla(root.get("sla"), known)
    conditions = [*(each.when for each in routing), *(each.when for each in sla)]
    version = root.get("version")
    return Playbook(
        hash=content_hash(merged.used),
        version=(version.text() if version else None) or "",
        files=merged.used,
        sources=read_sources(root.get("sources")),
        scoring=read_scoring(root.get("scoring"), tables=merged.tables, vocabulary=known.vocabulary),
        territories=read_territories(root.get("territories"), known.vocabulary),
        reps=read_reps(people, known=known.reps, calendars=known.calendars),
        pools=read_pools(teams.get("pools") if teams else None, known),
        routing=routing,
        catch_all=read_catch_all(root.get("catch_all"), known),
        calendars={name: calendar for name, calendar in known.calendars.items() if calendar is not None},
        sla=sla,
        tables=merged.tables,
        definitions=agreements.read_definitions(root.get("definitions")),
        matching=agreements.read_matching(root.get("matching")),
        keep_together=agreements.read_keep_together(root.get("keep_together")),
        reroute_on=agreements.read_reroute_on(root.get("reroute_on")),
        bulk_rate=agreements.read_bulk_rate(root.get("bulk_rate")),
        on_absence=agreements.read_on_absence(root.get("on_absence")),
        commitments=agreements.read_commitments(root.get("commitments")),
        deliver=read_deliver(root.get("deliver")),
        activity_kinds=frozenset(kind for when in conditions if when for kind in when.activity_kinds),
    )


def _teams(teams: Reader | None) -> Reader | None:
    return teams if teams and teams.keys(("reps", "pools"), required=("reps",)) else None


def _people(teams: Reader | None, merged: Merged) -> Reader | None:
    written = teams.get("reps") if teams else None
    if written is None:
        return None
    if merged.people is not None and merged.people not in merged.used:
        written.error(f'no file "{merged.people}" beside {MAIN}', "put it there, or list the reps here")
        return None
    if isinstance(written.node, Mapping):
        written.error("reps are a list, or the name of a CSV file", "write reps: reps.csv")
        return None
    found = people_of(written.node, merged, columns=COLUMNS)
    return None if found is None else Reader(found, written.path, written.gathered)


def _known(root: Reader, teams: Reader | None, merged: Merged, people: Reader | None) -> Known:
    """What can be named, found out before anything that names it is read."""
    scoring = root.get("scoring")
    vocabulary = Vocabulary(
        tables=merged.tables,
        territories=None if merged.territories_unread else _names(root.get("territories")),
        segments=_names(scoring.get("segments") if scoring else None),
    )
    return Known(
        calendars=read_calendars(root.get("calendars")),
        tables=merged.tables,
        reps=rep_ids(people),
        pools=_names(teams.get("pools")) if teams else None,
        vocabulary=vocabulary,
    )


def _names(section: Reader | None) -> frozenset[str]:
    if section is None or not isinstance(section.node, Mapping):
        return frozenset()
    return frozenset(key.text for key, _ in section.node.entries)


def _in_reading_order(found: list[Finding], merged: Merged) -> tuple[Finding, ...]:
    """By file and line, the main file first; what two looks found is told once."""
    order = {name: position for position, name in enumerate(merged.used)}
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (order.get(each.file, -1), each.line)))
