"""What bounds the callers: rates of requests, and one upload at a time for an Idempotency-Key."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from core.errors import Conflict, Overloaded, TooLarge

_MAX_NAMES = 50_000


def too_large(what: str, size: int, limit: int) -> TooLarge:
    """`what` is the file or the upload; sizes in bytes, `limit` that of a file."""
    return TooLarge(
        f"The {what} has {megabytes(size)}, at most {megabytes(limit)} are allowed.",
        field="file",
        hint="Send fewer pages or a lower resolution; the operator sets the limit with MAX_UPLOAD_MB.",
    )


def megabytes(count: int) -> str:
    """Of 1,048,576 bytes, rounded up, so that what is over a limit never looks equal to it: `50 MB`, `50.01 MB`."""
    return f"{math.ceil(count * 100 / (1 << 20)) / 100:.10g} MB"


class Buckets:
    """One token bucket a name, bounded in number.

    `take(name)` gives 0.0 when the request may pass, else the seconds until it may. A rate of 0 lets all pass.
    """

    def __init__(self, per_minute: int, monotonic: Callable[[], float]):
        self._rate = per_minute / 60
        self._size = max(per_minute / 6, 1.0)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        if not self._rate:
            return 0.0
        now = self._monotonic()
        tokens, seen = self._buckets.pop(name, (self._size, now))
        tokens = min(self._size, tokens + (now - seen) * self._rate)
        passed = tokens >= 1.0
        self._buckets[name] = (tokens - 1.0 if passed else tokens, now)
        if len(self._buckets) > _MAX_NAMES:
            self._buckets.popitem(last=False)
        return 0.0 if passed else (1.0 - tokens) / self._rate


class Held:
    """The bytes of all bodies that are held in memory at one time."""

    def __init__(self, most: int):
        self._most = most
        self.now = 0

    def take(self, size: int) -> None:
        """Counts them whether there is room or not: whoever took them gives them back. Raises Overloaded."""
        self.now += size
        self.check(0)

    def check(self, size: int) -> None:
        """Raises Overloaded when so many more do not fit."""
        if self.now + size > self._most:
            hint = "Ask again in a moment; the operator sets the limit with MAX_BODIES_MB."
            raise Overloaded("The bodies of other requests take all the room.", hint=hint, retry_after=1)

    def give_back(self, size: int) -> None:
        self.now -= size


class Places:
    """So many at a time, and the others wait a little."""

    def __init__(self, count: int, seconds: float = 10.0):
        self._free = asyncio.Semaphore(count)
        self._seconds = seconds

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Raises Overloaded when none becomes free in time."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded("Too many pages are being drawn.", hint="Ask again in a moment.", retry_after=5) from None
        try:
            yield
        finally:
            self._free.release()


class Uploads:
    """The Idempotency-Keys whose uploads are arriving at this moment."""

    def __init__(self) -> None:
        self._arriving: set[tuple[str, str]] = set()

    @contextmanager
    def entered(self, owner: str, key: str | None) -> Iterator[None]:
        """Raises Conflict while another upload with the same key is under way."""
        if key is None:
            yield
            return
        if (owner, key) in self._arriving:
            raise Conflict("An upload with this Idempotency-Key is under way.", field="Idempotency-Key", retry_after=1)
        self._arriving.add((owner, key))
        try:
            yield
        finally:
            self._arriving.discard((owner, key))
