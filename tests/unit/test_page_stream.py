"""The stream of an open page, from its opening to the closing of the page."""

import asyncio
from contextlib import suppress

from baton_router.pages.live import PageStream
from baton_router.stream import Wakes


async def test_a_page_that_is_closed_while_it_waits_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    wakes, opened = Wakes("postgresql://nowhere"), asyncio.Event()

    async def read() -> None:
        async for _ in PageStream(wakes, stopping=asyncio.Event()).run():
            opened.set()

    reader = asyncio.create_task(read())
    await opened.wait()
    await asyncio.sleep(0)  # now it waits for news
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    await asyncio.sleep(0)  # what was cancelled ends

    assert asyncio.all_tasks() == before
    assert not wakes.count


async def test_a_page_is_told_of_news_until_the_service_stops() -> None:
    wakes, stopping = Wakes("postgresql://nowhere"), asyncio.Event()
    stream = PageStream(wakes, stopping).run()
    opening = await anext(stream)

    wakes.wake("mary")
    news = await anext(stream)
    stopping.set()

    assert (b"event: news" in opening, b"event: news" in news) == (False, True)
    assert [each async for each in stream] == []
