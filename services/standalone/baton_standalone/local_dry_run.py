"""Scoring and the router of this process, asked by ingest what would become of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from baton.flow.database import DatabaseUnavailable
from baton.flow.deliveries import NotReady
from baton.flow.unit_of_work import UnitOfWork
from baton.service.errors import Refusal
from baton.service.service import Service
from baton_ingest.reception import Reception
from baton_ingest.try_out import PATIENCE_SECONDS, Json, NotTold, TryOut
from baton_router.dry_run import dry_run
from baton_scoring.api import ScoreRequest, answer_score
from baton_standalone.apps import Apps, service_of


def connect(apps: Apps, *, patience_seconds: float | None = PATIENCE_SECONDS) -> None:
    """Let ingest ask the two. Without patience to lose, its answers depend on nothing but what was asked."""
    reception: Reception = apps["ingest"].state.reception
    dry_run = LocalDryRun(scoring=service_of(apps["scoring"]), router=service_of(apps["router"]))
    reception.try_out = TryOut(dry_run, patience_seconds)


@dataclass(frozen=True, slots=True)
class LocalDryRun:
    """Calls what their API calls: nobody in this process needs a key for it."""

    scoring: Service
    router: Service

    async def score(self, asked: Json) -> Json:
        with _told("scoring"):
            request = ScoreRequest.model_validate(asked)
            return answer_score(request, self.scoring.feed.current(), now=self.scoring.clock.now())

    async def route(self, asked: Json) -> Json:
        with _told("the router"):
            async with self.router.database.connection() as connection:
                unit = UnitOfWork(connection, now=self.router.clock.now())
                return await dry_run(unit, self.router.feed.current(), asked)


@contextmanager
def _told(who: str) -> Iterator[None]:
    """Say why they don't answer, as their API does."""
    try:
        yield
    except (DatabaseUnavailable, NotReady) as error:
        raise NotTold(f"{who} is not ready: {error}") from error
    except Refusal as refusal:
        raise NotTold(f"{who} refuses it: {refusal.message}") from refusal
