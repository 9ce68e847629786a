"""A deadline for the work of a task, at half the price of `asyncio.timeout`: some hundred thousand of them pass in a minute."""

import asyncio
from types import TracebackType
from typing import Any


class Deadline:
    """`with Deadline(seconds):` raises TimeoutError at its end when the work inside took longer, as `asyncio.timeout` does.

    None is no time at all: only `end` ends it.
    """

    __slots__ = ("_cancelling", "_handle", "_seconds", "_task", "passed")

    def __init__(self, seconds: float | None):
        self._seconds = seconds
        self.passed = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] = asyncio.current_task(loop)  # without the loop it is looked for once more
        self._cancelling = self._task.cancelling()
        self._handle = None if self._seconds is None else loop.call_later(max(self._seconds, 0.0), self.end)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None) -> None:
        if self._handle is not None:
            self._handle.cancel()
        # Somebody else's cancellation is not ours to turn into a timeout.
        if self.passed and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """The time is over now; for work that has begun."""
        if not self.passed:
            self.passed = True
            self._task.cancel()
