"""A stream's pieces told apart as the parts of an answer: what begins, what goes on, what ends. The dialects say it.

The rules are those by which `providers/assembly.py` makes a whole reply of the same pieces, so that a stream and a whole
reply say the same.
"""

from abc import ABC, abstractmethod
from typing import Literal

from providers.types import ChatDelta, FinishReason, ToolCallDelta, Usage

Kind = Literal["text", "thought", "call"]


def is_plain(delta: ChatDelta) -> bool:
    """Nothing but a piece of text, as nearly all are."""
    return (
        delta.finish_reason is None
        and not delta.thinking
        and not delta.tool_calls
        and delta.signature is None
        and delta.redacted is None
        and delta.usage is None
        and delta.stop_sequence is None
    )


class Telling(ABC):
    """Subclasses say in their dialect what these methods are told; each returns bytes, b"" where the dialect has nothing."""

    __slots__ = ("_calls", "_open", "finish_reason", "stop_sequence", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason = "stop"
        self.stop_sequence: str | None = None
        self._open: Kind | None = None
        self._calls: set[int] = set()

    def begin(self, kind: Kind) -> bytes:
        """A thought or a text begins."""
        return b""

    def end(self, kind: Kind) -> bytes:
        """The part that was open is complete."""
        return b""

    @abstractmethod
    def text(self, piece: str) -> bytes: ...

    @abstractmethod
    def thought(self, piece: str) -> bytes: ...

    def sign(self, kind: Kind, signature: str) -> bytes:
        """The signature of the open text or thought, which ends with it."""
        return b""

    def cipher(self, data: str) -> bytes:
        """A whole thought that nobody can read."""
        return b""

    @abstractmethod
    def call(self, piece: ToolCallDelta, is_first: bool) -> bytes:
        """A piece of a call; the call that is open is not always the one that goes on."""

    @abstractmethod
    def close(self) -> bytes:
        """The end of the answer, of which `finish_reason`, `stop_sequence` and `usage` are known by now."""

    def piece(self, delta: ChatDelta) -> bytes:
        said = []
        if delta.usage is not None:
            self.usage = delta.usage
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.stop_sequence = delta.stop_sequence or self.stop_sequence
        if delta.redacted is not None:
            said += [self._end(), self.cipher(delta.redacted)]
        if delta.thinking:
            said += [self._go_on("thought"), self.thought(delta.thinking)]
        if delta.text:
            said += [self._go_on("text"), self.text(delta.text)]
        if delta.signature is not None:
            kind: Kind = "text" if self._open == "text" and not delta.thinking else "thought"
            said += [self._go_on(kind), self.sign(kind, delta.signature), self._end()]
        for piece in delta.tool_calls:
            is_first = piece.index not in self._calls
            if is_first:
                self._calls.add(piece.index)
                said.append(self._end())
                self._open = "call"
            said.append(self.call(piece, is_first))
        return b"".join(said)

    def last(self) -> bytes:
        return self._end() + self.close()

    def _go_on(self, kind: Kind) -> bytes:
        if self._open == kind:
            return b""
        ended = self._end()
        self._open = kind
        return ended + self.begin(kind)

    def _end(self) -> bytes:
        kind, self._open = self._open, None
        return self.end(kind) if kind is not None else b""
