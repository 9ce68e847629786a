"""A queue in memory: a view of the rows that wait for a stage. Losing it loses nothing."""

import asyncio
from bisect import bisect_left, insort

from models import PRIORITY_NAMES
from store.jobs import Waiting


class Line:
    """The jobs that wait for a stage: urgent before normal before batch, then first come, first served.

    One list a priority, sorted by `seq`: a place is found by bisection, also in a queue of ten thousand.
    """

    def __init__(self) -> None:
        self._lists: dict[int, list[tuple[int, str, float]]] = {number: [] for number in sorted(PRIORITY_NAMES)}
        self._arrived = asyncio.Semaphore(0)

    def __len__(self) -> int:
        return sum(map(len, self._lists.values()))

    def put(self, waiting: Waiting, now: float) -> None:
        insort(self._lists[waiting.priority], (waiting.seq, waiting.id, now))
        self._arrived.release()

    async def get(self) -> str:
        while True:
            await self._arrived.acquire()
            # One that was discarded has left its ticket behind.
            if first := next((waiting for waiting in self._lists.values() if waiting), None):
                return first.pop(0)[1]

    def discard(self, priority: int, seq: int) -> None:
        waiting = self._lists[priority]
        place = bisect_left(waiting, (seq,))
        if waiting[place : place + 1] and waiting[place][0] == seq:
            del waiting[place]

    def position(self, priority: int, seq: int) -> int:
        """1 for the next one to be taken."""
        before = sum(len(waiting) for number, waiting in self._lists.items() if number < priority)
        return 1 + before + bisect_left(self._lists[priority], (seq,))

    def oldest(self) -> float | None:
        """When the one that has waited longest in front of its priority arrived; None when nobody waits."""
        return min((waiting[0][2] for waiting in self._lists.values() if waiting), default=None)
