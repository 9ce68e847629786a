"""Events of a stream that goes through unchanged: whole ones are let out, a cut one waits for its rest."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import orjson

from core.errors import ProviderError
from providers.types import FinishReason, Usage

_MOST_WAITING = 4 << 20
_END = re.compile(rb"\n\n|\r\n\r\n")


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

    def must_be_whole(self) -> None:
        """Raises ProviderError for a stream that ended before its end, or with an error."""
        if not self.ended or self.failed:
            raise ProviderError("The provider's answer ended before it was complete.", hint="Ask again.")


class Passage(Protocol):
    """Lets a stream of one dialect through, piece by piece, and reads only what can matter of it."""

    seen: Seen

    def take(self, data: bytes) -> bytes:
        """What may go to the client of all that came so far: whole events. Raises ProviderError for what is no such stream."""
        ...

    def finish(self) -> bytes:
        """What is still to be said once the upstream has ended well. Raises ProviderError when it ended early."""
        ...


def piece_of(told: bytes) -> dict[str, Any]:
    """The object that a piece of a stream is. Raises ProviderError for anything else."""
    try:
        piece = orjson.loads(told)
    except orjson.JSONDecodeError:
        raise ProviderError("The provider sent a piece that is no JSON.", hint="Ask again.") from None
    if not isinstance(piece, dict):
        raise ProviderError("The provider sent a piece that is no object.", hint="Ask again.")
    return piece


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


class EventPassage(ABC):
    """A passage of server-sent events. Read are those up to the first content, and from the first one on that has one of
    `marks`; all between them go on unread, hundreds of events at the price of a search."""

    marks: ClassVar[Sequence[bytes]]

    def __init__(self) -> None:
        self.seen = Seen()
        self._frames = Frames()

    def take(self, data: bytes) -> bytes:
        block = self._frames.take(data)
        said, start = [], 0
        while start < len(block) and not self.seen.begun:
            found = _END.search(block, start)
            end = found.end() if found else len(block)
            said.append(self._read(block[start:end]))
            start = end
        end = _telling(block, self.marks, start)
        unread = block[start:end]
        self.seen.pieces += _count(unread)
        return b"".join((*said, unread, self._read(block[end:])))

    def finish(self) -> bytes:
        rest = self.take(b"\n\n") if self._frames.rest.strip() else b""
        self.seen.must_be_whole()
        return rest

    def _read(self, block: bytes) -> bytes:
        """As it is, unless something is taken out of it."""
        learnt = [(raw, self._keeps(told)) for raw, told in events(block)]
        return block if all(keeps for _, keeps in learnt) else b"".join(raw for raw, keeps in learnt if keeps)

    @abstractmethod
    def _keeps(self, told: bytes) -> bool:
        """Learns from an event's data; whether the client gets the event."""


def _telling(block: bytes, marks: Sequence[bytes], start: int) -> int:
    """Where the first event from `start` on begins that has one of `marks`; the length of `block` when none has any."""
    found = [at for mark in marks if (at := block.find(mark, start)) >= 0]
    if not found:
        return len(block)
    first = min(found)
    return max(start, _after(block[:first], b"\n\n"), _after(block[:first], b"\r\n\r\n"))


def _count(block: bytes) -> int:
    return block.count(b"\n\n") + (block.count(b"\r\n\r\n") if b"\r" in block else 0)
