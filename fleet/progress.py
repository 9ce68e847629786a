"""Progress of a download out of the lines of Ollama's pull stream.

A line is `{"status", "digest"?, "total"?, "completed"?}`; layers come one after the other and some at the same time, so
bytes are summed over the layers seen so far. What lies on the disk from an earlier attempt counts as done, not as speed.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

_WINDOW_SECONDS = 10.0
_MAX_LAYERS = 1000


class Progress:
    """Bytes done and in all, bytes a second over the last ten seconds, seconds that are left."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}
        self._moved: deque[tuple[float, int]] = deque()

    def update(self, line: Mapping[str, Any], at: float) -> None:
        """Takes one line that arrived at `at` (seconds, monotonic). Anything malformed in it is left out."""
        digest, total = line.get("digest"), _count(line.get("total"))
        if not isinstance(digest, str) or total is None:
            return
        if digest not in self._layers and len(self._layers) >= _MAX_LAYERS:
            return
        completed = min(_count(line.get("completed")) or 0, total)
        before = self._layers.get(digest)
        self._layers[digest] = (completed, total)
        self._moved.append((at, max(0, completed - before[0]) if before else 0))
        while self._moved[0][0] < at - _WINDOW_SECONDS:
            self._moved.popleft()

    @property
    def completed(self) -> int:
        return sum(completed for completed, _ in self._layers.values())

    @property
    def total(self) -> int | None:
        """None until the first layer is known; grows when another one begins."""
        return sum(total for _, total in self._layers.values()) if self._layers else None

    @property
    def speed(self) -> float | None:
        """Bytes a second; None until two looks at a layer lie apart in time."""
        if len(self._moved) < 2 or self._moved[-1][0] <= self._moved[0][0]:
            return None
        # The first entry marks the beginning of the window: its bytes came before it.
        moved = sum(count for _, count in self._moved) - self._moved[0][1]
        return moved / (self._moved[-1][0] - self._moved[0][0])

    @property
    def eta_seconds(self) -> float | None:
        """Seconds for the layers known so far; None while nothing moves."""
        if not self.speed or self.total is None:
            return None
        return (self.total - self.completed) / self.speed


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None
