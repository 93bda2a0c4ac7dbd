"""What sla-monitor answers: clocks, attainment, and business time for whoever has to know it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import asyncpg
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from baton.kernel import business_time
from baton.kernel.calendars import ALWAYS, Calendar, CalendarError
from baton.kernel.durations import Duration, parse_duration
from baton.kernel.instants import format_instant, parse_instant
from baton.kernel.segments import Pause
from baton.kernel.suggestions import did_you_mean
from baton.leads.naming import WAYS
from baton.service.access import require
from baton.service.errors import Refusal
from baton.service.fields import Instant
from baton.service.naming import named_lead
from baton.service.paging import Cursor, Limit, page, read_cursor, write_cursor
from baton.service.service import Service
from baton_sla_monitor import reports
from baton_sla_monitor.deciding.clock_state import ClockState, standstill_of
from baton_sla_monitor.deciding.courses import percent_used
from baton_sla_monitor.deciding.terms import Terms
from baton_sla_monitor.reports import ClockFilter, Place
from baton_sla_monitor.shelf import TermsShelf

_SUMMARY_REACHES_BACK: Final = timedelta(days=30)
_FIRST: Final = datetime.min.replace(tzinfo=UTC) + _SUMMARY_REACHES_BACK
_MOST_PAUSES: Final = 1000

StatusWord = Literal["running", "met", "breached", "cancelled", "overdue", "any"]


class PauseSpan(BaseModel):
    """Half-open: the clock stands still from `from` up to, but without, `to`; without `to`, for good."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: Instant = Field(alias="from")
    to: Instant | None = None


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start: Instant
    calendar: str | dict[str, object] = Field(description="A calendar's name, `always`, or one in the playbook's shape")
    pauses: list[PauseSpan] = Field(default_factory=list, max_length=_MOST_PAUSES)


class DueQuestion(_Question):
    """When is it due?"""

    target: str = Field(description="`30s 5m 1h30m 24h`, `14d` where nothing closes, `2wd` for working days")


class ElapsedQuestion(_Question):
    """How much business time is that?"""

    end: Instant


class DueAnswer(BaseModel):
    due: str | None = Field(description="UTC; null while a pause without an end stops the clock")


class ElapsedAnswer(BaseModel):
    elapsed: float = Field(description="Seconds")


def create_router(service: Service, shelf: TermsShelf) -> APIRouter:
    """The routes of the API."""
    router = APIRouter(prefix="/v1", tags=["sla"], dependencies=[Depends(require("read"))])
    _add_reports(router, service, shelf)
    _add_business_time(router, service)
    return router


def _add_reports(router: APIRouter, service: Service, shelf: TermsShelf) -> None:
    @router.get("/clocks")
    async def clocks(
        *,
        lead: Annotated[str | None, Query(description=WAYS)] = None,
        rep: str | None = None,
        policy: str | None = None,
        status: StatusWord = "running",
        due_before: Instant | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> dict[str, object]:
        """Clocks in the order in which they are due: the running ones, if nothing else is asked for."""
        wanted = ClockFilter(status, None if lead is None else named_lead(lead), rep, policy, due_before)
        async with service.database.connection() as connection:
            found = await reports.list_clocks(connection, wanted, after=_place(cursor), limit=limit + 1)
            terms = await shelf.find(connection, {clock.terms for clock in found})
        shown, now = found[:limit], service.clock.now()
        following = write_cursor(_text(shown[-1].due), shown[-1].id) if len(found) > limit else None
        return page([_shown(clock, terms[clock.terms], now=now) for clock in shown], following=following)

    @router.get("/summary")
    async def summary(
        since: Annotated[Instant | None, Query(description="30 days ago, if left out")] = None,
        until: Annotated[Instant | None, Query(description="Now, if left out; not included")] = None,
        min_volume: Annotated[int, Query(ge=1, description="With fewer outcomes, `attainment` is null")] = 1,
    ) -> dict[str, object]:
        """How well promises were kept, by policy, and within it by rep, team and source.

        `met` in time, `met_late` after the breach (one of the `breached`), `corrected` where a breach turned out to
        have been met in time; `attainment` is met and corrected over all outcomes. What is `running` or `overdue`
        counts as of now.
        """
        end = until or service.clock.now() + timedelta(microseconds=1)
        begin = since or max(end, _FIRST) - _SUMMARY_REACHES_BACK
        if begin >= end:
            raise Refusal(422, "`since` must be before `until`")
        async with service.database.connection() as connection:
            rows = await reports.attainment(connection, since=begin, until=end)
        return {"since": _text(begin), "until": _text(end), **_summary(rows, min_volume=min_volume)}


def _add_business_time(router: APIRouter, service: Service) -> None:
    @router.post("/due")
    async def due(question: DueQuestion) -> DueAnswer:
        """The instant at which the target has passed on the calendar since the start, pauses left out."""
        calendar = _calendar(question.calendar, service)
        target = _duration(question.target)
        try:
            instant = business_time.due(question.start, target, calendar, _pauses(question))
        except (ValueError, OverflowError) as error:
            raise Refusal(422, str(error)) from None
        return DueAnswer(due=_text(instant))

    @router.post("/elapsed")
    async def elapsed(question: ElapsedQuestion) -> ElapsedAnswer:
        """The business time between two instants, pauses left out."""
        calendar = _calendar(question.calendar, service)
        try:
            passed = business_time.elapsed(question.start, question.end, calendar, _pauses(question))
        except (ValueError, OverflowError) as error:
            raise Refusal(422, str(error)) from None
        return ElapsedAnswer(elapsed=passed.total_seconds())


def _calendar(asked: str | Mapping[str, object], service: Service) -> Calendar:
    if not isinstance(asked, str):
        try:
            return Calendar.parse("inline", asked)
        except CalendarError as error:
            mistake = error.mistakes[0] if error.mistakes else None
            raise Refusal(422, str(error), hint=mistake.hint or None if mistake else None) from None
    if asked == ALWAYS.name:
        return ALWAYS
    known = service.feed.current().calendars
    if asked not in known:
        names = list(dict.fromkeys([*known, ALWAYS.name]))
        hint = did_you_mean(asked, names) or f"known are {', '.join(names)}"
        raise Refusal(422, f'the playbook has no calendar "{asked[:100]}"', hint=hint)
    return known[asked]


def _duration(text: str) -> Duration:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refusal(422, str(error)) from None


def _pauses(question: _Question) -> Sequence[Pause]:
    return [Pause(span.from_, span.to) for span in question.pauses]


def _place(cursor: str | None) -> Place | None:
    read = read_cursor(cursor, 2)
    if read is None:
        return None
    try:
        return Place(None if read[0] is None else parse_instant(str(read[0])), str(read[1]))
    except ValueError:
        raise Refusal(422, "this cursor is not one of ours", hint="take `next` of the page before") from None


def _shown(clock: ClockState, terms: Terms, *, now: datetime) -> dict[str, object]:
    """A clock as events tell it, and how it stands."""
    at = clock.ended_at or now
    late = 0.0 if clock.due is None else max((at - clock.due).total_seconds(), 0.0)
    stopped = standstill_of(clock, terms, at=at)
    return {
        "id": clock.id,
        "policy": clock.policy,
        "lead_id": clock.lead,
        "assignment_id": clock.assignment,
        "rep": clock.rep,
        "pool": clock.pool,
        "source": clock.source,
        "calendar": terms.calendar.name,
        "start": _text(clock.start),
        "due": _text(clock.due),
        "at": _text(at),
        "percent": percent_used(clock.start, at, terms=terms, stops=clock.stops),
        "lateness": late,
        "stopped": None if stopped is None else stopped.model_dump(mode="json"),
        "status": clock.status.value,
        "reason": None if clock.reason is None else clock.reason.value,
        "corrected": clock.corrected,
        "breached_at": _text(clock.breached_at),
        "ended_at": _text(clock.ended_at),
        "next_at": _text(clock.next_at),
    }


def _summary(rows: Sequence[asyncpg.Record], *, min_volume: int) -> dict[str, object]:
    by_policy, by_rep, by_team, by_source = list[object](), list[object](), list[object](), list[object]()
    for row in rows:
        counts = _counts(row, min_volume=min_volume)
        if row["by_rep"]:
            by_rep.append({"policy": row["policy"], "rep": row["rep"], **counts})
        elif row["by_pool"]:
            by_team.append({"policy": row["policy"], "team": row["pool"], **counts})
        elif row["by_source"]:
            by_source.append({"policy": row["policy"], "source": row["source"], **counts})
        else:
            by_policy.append({"policy": row["policy"], **counts})
    return {"policies": by_policy, "reps": by_rep, "teams": by_team, "sources": by_source}


def _counts(row: asyncpg.Record, *, min_volume: int) -> dict[str, object]:
    kept = row["met"] + row["corrected"]
    volume = kept + row["breached"]
    names = ("met", "met_late", "corrected", "breached", "cancelled", "running", "overdue")
    rate = None if volume < min_volume else round(kept / volume, 4)
    return {"attainment": rate, "volume": volume, **{name: row[name] for name in names}}


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
