"""What runs by itself in the background, and whether it still does."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from core.logs import get_logger

log = get_logger()


class Loops:
    """Loops that are meant never to end; `healthy` while none has."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def healthy(self) -> bool:
        return not any(task.done() for task in self._tasks)

    def start(self, *loops: Callable[[], Coroutine[Any, Any, None]]) -> None:
        for loop in loops:
            task = asyncio.create_task(loop(), name=getattr(loop, "__qualname__", repr(loop)))
            task.add_done_callback(_tell)
            self._tasks.append(task)

    async def close(self) -> None:
        """Cancels them and waits until they are gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def run_loops(stack: AsyncExitStack, *running: Callable[[], Coroutine[Any, Any, None]]) -> Loops:
    """They run until `stack` is left."""
    loops = Loops()
    loops.start(*running)
    stack.push_async_callback(loops.close)
    return loops


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.critical("loop.ended", loop=task.get_name(), exc_info=task.exception())
