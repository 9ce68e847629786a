"""The task of a swapper, for as long as somebody needs its turns."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from core.logs import get_logger
from fleet.swapper.scheduler import Swapper

log = get_logger(__name__)


@asynccontextmanager
async def running(swapper: Swapper) -> AsyncIterator[Callable[[], bool]]:
    """Gives what tells whether it still runs. At the end whoever waits is refused."""
    task = asyncio.create_task(swapper.run(), name="swapper")
    task.add_done_callback(_tell)
    try:
        yield lambda: not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.critical("swapper.ended", exc_info=task.exception())
