"""Tells open pages that something has changed: server-sent events without content. Who hears one looks again."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from fastapi.sse import format_sse_event

from baton_router.stream import EVERYBODY, HEARTBEAT_SECONDS, Wakes

_APART_SECONDS: Final = 0.5
"""Between two events at least: under load a page looks again twice a second, not for each lead."""


@dataclass(frozen=True, slots=True)
class PageStream:
    """The stream of one open page."""

    wakes: Wakes
    stopping: asyncio.Event

    async def run(self) -> AsyncGenerator[bytes]:
        """`event: news` whenever any lead's story went on; it ends when this process stops."""
        with self.wakes.sleeper(EVERYBODY) as news:
            yield format_sse_event(comment="open", retry=1000)
            while not self.stopping.is_set():
                if not await self._woken(news, HEARTBEAT_SECONDS):
                    yield format_sse_event(comment="still here")
                    continue
                news.clear()
                yield format_sse_event(event="news", data_str="{}")
                await self._woken(None, _APART_SECONDS)

    async def _woken(self, news: asyncio.Event | None, seconds: float) -> bool:
        """Wait for news, or for the end; False if neither came in time."""
        waiting = [asyncio.create_task(each.wait()) for each in (self.stopping, news) if each is not None]
        try:
            done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also of a page that was closed meanwhile
            for task in waiting:
                task.cancel()
        return bool(done)
