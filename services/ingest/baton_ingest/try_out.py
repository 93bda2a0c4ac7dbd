"""A test delivery is told what would become of its lead: scored and routed, of which nothing stays.

The only place where a service asks others instead of telling the bus: the sender waits for it, and no lead depends on
it. What was delivered is durable before, whatever they answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

import structlog

from baton_ingest.captures import Capture, Nameless, Told
from baton_ingest.sources.source_type import Outcome, Refused

log = structlog.get_logger()

PATIENCE_SECONDS: Final = 1.5
"""How long the answer to a request waits for all of its tests: HubSpot gives five seconds, of which the database may
take three."""
_LATE: Final = "scoring and the router did not answer in time"
_UNKNOWN: Final = "ingest was not told where scoring and the router are: set BATON_SCORING_URL and BATON_ROUTER_URL"
_UNPROVEN: Final = "the sender proved nothing, and a trace tells of your people and accounts: ask POST /router/v1/route"
_FAILED: Final = "something went wrong here; it is in the log"

Json = Mapping[str, object]


class NotTold(Exception):
    """What would happen can't be told; the message says why to whoever reads the answer."""


class DryRun(Protocol):
    """Those who decide, asked without any effect, in the shapes of their own API. Both raise NotTold."""

    async def score(self, asked: Json, /) -> Json:
        """As `POST /scoring/v1/score`."""

    async def route(self, asked: Json, /) -> Json:
        """As `POST /router/v1/route`."""


class NoDryRun:
    """Where ingest knows nobody to ask."""

    async def score(self, _: Json, /) -> Json:
        raise NotTold(_UNKNOWN)

    async def route(self, _: Json, /) -> Json:
        raise NotTold(_UNKNOWN)


class _Test(NamedTuple):
    """A test among the items of a request, and whom it is about."""

    number: int
    told: Told
    lead_id: str


@dataclass(frozen=True, slots=True)
class TryOut:
    """Adds to the outcomes of tests what would happen. `patience_seconds` None: however long it takes."""

    dry_run: DryRun
    patience_seconds: float | None = PATIENCE_SECONDS

    async def tell(
        self, items: Sequence[Capture | Nameless | Refused], outcomes: Sequence[Outcome]
    ) -> Sequence[Outcome]:
        """The outcomes of these items, which are durable: whatever goes wrong here is only told."""
        # Every request passes here, and hardly one is a test.
        if not [item for item in items if not isinstance(item, Refused) and item.told.test]:
            return outcomes
        return await self._try_all(_new_tests(items, outcomes), outcomes)

    async def _try_all(self, tests: Sequence[_Test], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        would = dict.fromkeys((test.number for test in tests), _nothing(_LATE))
        try:
            async with asyncio.timeout(self.patience_seconds):
                for test in tests:
                    would[test.number] = await self._try(test)
        except TimeoutError:
            log.warning("dry_run_late", tests=len(tests))
        return [replace(one, would=would.get(number)) for number, one in enumerate(outcomes)]

    async def _try(self, test: _Test) -> Json:
        if not test.told.proven:
            return _nothing(_UNPROVEN)
        try:
            return await self._decided(test)
        except NotTold as why:
            return _nothing(str(why))
        except Exception as error:  # the edge of a request that was taken in, whatever happens here
            log.exception("dry_run_failed", error=type(error).__name__)
            return _nothing(_FAILED)

    async def _decided(self, test: _Test) -> Json:
        lead = {**test.told.fields, "lead_id": test.lead_id}
        activity = test.told.activity(test.lead_id)
        did = None if activity is None else activity.model_dump(mode="json", exclude={"source"})
        scored = await self.dry_run.score({"lead": lead, "activities": [] if did is None else [did]})
        routed = await self.dry_run.route({**lead, "activity": did, "score": scored["score"]})
        return {"score": scored["score"], **routed}


def _new_tests(items: Sequence[Capture | Nameless | Refused], outcomes: Sequence[Outcome]) -> Sequence[_Test]:
    """Those that are about somebody; a repeat is answered as every repeat."""
    return [
        _Test(number, item.told, outcome.lead_id)
        for number, (item, outcome) in enumerate(zip(items, outcomes, strict=True))
        if not isinstance(item, Refused) and item.told.test and outcome.lead_id is not None and not outcome.duplicate
    ]


def _nothing(why: str) -> Json:
    return {"trace": None, "why": why}
