import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable

import pytest

from core import logs

#: A test that waits for what never comes fails, and says where, instead of holding all others up.
SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.obj = in_time(item.obj)


def in_time(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def bounded(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(SECONDS):
            await test(*arguments, **named)

    return bounded


@pytest.fixture(autouse=True, scope="session")
def plain_logs():
    logs.configure("warning", [])
