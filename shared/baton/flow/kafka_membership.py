"""Being in a consumer group of Kafka: joined behind the scenes, watched, and joined anew when it is past repair."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from baton.flow.kafka_calls import KafkaFailure, bounded, in_background
from baton.flow.kafka_clients import (
    ConsumerClient,
    Rebalances,
    answers,
    end,
    is_blind,
    is_broken,
    new_member,
    session_refused,
)
from baton.flow.kafka_settings import KafkaSettings

log = structlog.get_logger()

_JOIN_SECONDS: Final = 20.0
"""A join ends when the slowest member has finished its batch."""
_PAUSE_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 1.5
"""How long a member may go on without its coordinator once the cluster answers others. It keeps its name in the group
while it looks; a new one waits until the old name has expired."""
FALLBACK_SESSION: Final = timedelta(seconds=6)
"""Kafka's own floor, where the broker allows no less."""


class Membership:
    """Keeps one client in the group."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        group: str,
        topics: Sequence[str],
        gather: timedelta,
        rebalances: Rebalances,
        lost: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._group = group
        self._gather = gather
        self._topics = [settings.prefix + topic for topic in topics]
        self._session = settings.session_timeout
        self._rebalances = rebalances
        self._lost = lost
        self._keeping: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self.client: ConsumerClient | None = None
        """While joined."""
        self.problem: str | None = None
        """What keeps the group away; None when nothing is known to."""

    def start(self) -> None:
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    async def joined(self, wait: timedelta) -> bool:
        """Wait so long at most, and not at all when something is known to be wrong."""
        if self.client is None and self.problem is None and wait:
            try:
                async with asyncio.timeout(wait.total_seconds()):
                    await self._joined.wait()
            except TimeoutError:
                return False
        return self.client is not None

    async def stop(self, last: Callable[[ConsumerClient], Awaitable[None]]) -> None:
        """Leave, after `last`; all of it bounded."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        client = self.client
        if client is not None:
            await last(client)
            self._let_go()
            await end(client)

    async def _keep(self) -> None:
        while True:
            client = await self._join()
            if client is None:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self.client, self.problem = client, None
            self._joined.set()
            await self._until_broken(client)
            log.warning("group_joined_anew", group=self._group, problem=self.problem)
            self._let_go()
            # Awaited: its farewell lets the new client join without waiting for the old one's session.
            await end(client)

    async def _join(self) -> ConsumerClient | None:
        client = new_member(
            self._settings,
            group=self._group,
            topics=self._topics,
            gather=self._gather,
            session=self._session,
            rebalances=self._rebalances,
        )
        try:
            await bounded(client.start(), _JOIN_SECONDS)
        except KafkaFailure as failure:
            self._note(failure)
            self._lost()
            await end(client)
            return None
        except asyncio.CancelledError:
            in_background(end(client))
            raise
        return client

    async def _until_broken(self, client: ConsumerClient) -> None:
        blind_since: float | None = None
        while not is_broken(client):
            await asyncio.sleep(_LOOK_SECONDS)
            if not is_blind(client):
                blind_since, self.problem = None, None
                continue
            self.problem = "the group's coordinator does not answer"
            if not await answers(self._settings):
                blind_since = None
                continue
            now = asyncio.get_running_loop().time()
            blind_since = blind_since or now
            if now - blind_since > _GRACE_SECONDS:
                return

    def _let_go(self) -> None:
        self.client = None
        self._joined.clear()
        self._lost()

    def _note(self, failure: KafkaFailure) -> None:
        self.problem = str(failure)
        if isinstance(failure.cause, session_refused) and self._session < FALLBACK_SESSION:
            log.warning("session_timeout_refused", asked=str(self._session), now=str(FALLBACK_SESSION))
            self._session = FALLBACK_SESSION
            self.problem = None
