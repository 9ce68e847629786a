"""Events of a stream that goes through unchanged: whole ones are let out, a cut one waits for its rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from core.errors import ProviderError
from providers.types import FinishReason, Usage

_MOST_WAITING = 4 << 20


@dataclass(slots=True)
class Seen:
    """What a stream has told so far. `begun` by its first content, `ended` by its terminal marker, `over` when nothing more can
    come; `failed` holds the error that the upstream told inside the stream, `pieces` counts its events."""

    begun: bool = False
    ended: bool = False
    over: bool = False
    failed: bytes | None = None
    pieces: int = 0
    usage: Usage | None = None
    finish_reason: FinishReason | None = None


class Passage(Protocol):
    """Lets a stream of one dialect through, piece by piece, and reads only what can matter of it."""

    seen: Seen

    def take(self, data: bytes) -> bytes:
        """What may go to the client of all that came so far: whole events. Raises ProviderError for what is no such stream."""
        ...

    def finish(self) -> bytes:
        """What is still to be said once the upstream has ended well. Raises ProviderError when it ended early."""
        ...


class Frames:
    """Cuts bytes into runs of whole events of server-sent events (WHATWG HTML §9.2), whatever their line ends are."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> bytes:
        """Raises ProviderError when an event has more than 4 MiB."""
        data = self._rest + data if self._rest else data
        end = max(_after(data, b"\n\n"), _after(data, b"\r\n\r\n") if b"\r" in data else 0)
        self._rest = data[end:]
        if len(self._rest) > _MOST_WAITING:
            raise ProviderError("The provider sent an event that is too long.")
        return data[:end]

    @property
    def rest(self) -> bytes:
        return self._rest


def _after(data: bytes, mark: bytes) -> int:
    """Where the last `mark` ends; 0 without one."""
    found = data.rfind(mark)
    return found + len(mark) if found >= 0 else 0


def events(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(the event as it came, its data) of each event of a run of whole ones."""
    for raw in block.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = raw.split(b"\n")
        data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
        if raw:
            yield raw + b"\n\n", data
