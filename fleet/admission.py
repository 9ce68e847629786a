"""The door in front of the models: open in normal times, closed while the models change places.

Everything runs on one event loop, so counters need no lock: nothing happens between two awaits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import Overloaded


class Admission:
    """`async with admission.admitted():` around each question; `close_and_drain` before the models change, `open` after."""

    def __init__(self, wait_seconds: float = 900.0):
        self._wait_seconds = wait_seconds
        self._inside = 0
        self._door = asyncio.Event()
        self._empty = asyncio.Event()
        self._door.set()
        self._empty.set()

    @property
    def inside(self) -> int:
        """How many are between entry and exit."""
        return self._inside

    @property
    def is_open(self) -> bool:
        return self._door.is_set()

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Waits for the door. Raises Overloaded when it stays closed for `wait_seconds`."""
        await self._enter()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def _enter(self) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                # It may have been closed again before this waiter had its turn.
                while not self._door.is_set():
                    await self._door.wait()
        except TimeoutError:
            raise Overloaded("The models are being moved and the wait was too long.", retry_after=30) from None
        self._inside += 1
        self._empty.clear()

    async def close_and_drain(self, seconds: float) -> bool:
        """Closes the door and waits until nobody is inside; False when somebody still is after `seconds`. Stays closed."""
        self._door.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def open(self) -> None:
        self._door.set()
