"""Time as a value that is handed in, so that tests own it."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`now()` is wall time in seconds since 1970 (shown to people); `monotonic()` measures waits and never jumps."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
