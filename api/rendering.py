"""How a stream of an answer is written in a dialect."""

from typing import Protocol

from core.errors import MyelinError
from providers.types import ChatDelta


class Rendering(Protocol):
    """One answer's stream as bytes: `first`, then a `piece` for each delta, then `last`; or `failed` in its place."""

    media_type: str

    def first(self) -> bytes: ...

    def piece(self, delta: ChatDelta) -> bytes: ...

    def last(self) -> bytes: ...

    def failed(self, error: MyelinError) -> bytes: ...

    def ping(self) -> bytes:
        """What keeps a silent stream open; b"" when the dialect has nothing for it."""
        ...
