"""Calls into aiokafka that come back: bounded, with one kind of error, and without a stranger's cancellation."""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from aiokafka.errors import KafkaError

T = TypeVar("T")

_STOP_SECONDS: Final = 3.0
_background: set["asyncio.Task[None]"] = set()


class KafkaFailure(Exception):
    """A call failed, or took too long. `cause` is aiokafka's error, if it gave one."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.cause = cause


async def bounded(call: Awaitable[T], seconds: float) -> T:
    """Await a call of aiokafka's for so long at most.

    Raises:
        KafkaFailure: it failed, timed out, or was cancelled by somebody other than our caller.
    """
    try:
        async with asyncio.timeout(seconds):
            return await call
    except (KafkaError, OSError, TimeoutError) as error:
        raise KafkaFailure(error) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # we are really to stop
            raise
        raise KafkaFailure(error) from error


async def discard(client: Any, *, method: str = "stop") -> None:
    """Stop a client, or give up on it: it may hang with its broker."""
    with suppress(KafkaFailure, RuntimeError, AssertionError):
        await bounded(getattr(client, method)(), _STOP_SECONDS)


def in_background(work: Coroutine[Any, Any, None]) -> None:
    """Let something finish by itself; it is bounded."""
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
