"""What makes one answer itself: a name of its own and the time at which it began."""

import time
from dataclasses import dataclass, field
from secrets import token_hex


@dataclass(frozen=True, slots=True)
class Stamp:
    """`token` is random, behind the dialect's prefix; `created_ns` are nanoseconds since 1970."""

    token: str = field(default_factory=lambda: token_hex(12))
    created_ns: int = field(default_factory=time.time_ns)

    @property
    def created(self) -> int:
        """In seconds."""
        return self.created_ns // 1_000_000_000
