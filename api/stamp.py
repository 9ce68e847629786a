"""What makes one answer itself: a name of its own, the time at which it began, and the clock that says when it is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from utils import token

_SECOND = 1_000_000_000


@dataclass(slots=True)  # one for each answer: frozen ones are made three times slower
class Stamp:
    """`token` is random, behind the dialect's prefix; `created_ns` and what `clock` says are nanoseconds since 1970."""

    token: str = field(default_factory=token)
    created_ns: int = field(default_factory=time.time_ns)
    clock: Callable[[], int] = time.time_ns

    @property
    def created(self) -> int:
        """In seconds."""
        return self.created_ns // _SECOND

    @property
    def completed(self) -> int:
        """In seconds: now, though clocks may be set back."""
        return max(self.clock(), self.created_ns) // _SECOND
