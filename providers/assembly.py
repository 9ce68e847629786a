"""The parts of an answer out of the pieces of its stream."""

from dataclasses import dataclass, field

from providers.types import ChatDelta, Part, Text, Thought, ToolCall
from utils import mended


@dataclass(slots=True)
class _Open:
    """A part that still grows; a call of a tool has a name."""

    kind: type[Part]
    said: list[str] = field(default_factory=list)
    signature: str | None = None
    id: str = ""
    name: str = ""
    redacted: bool = False

    def closed(self) -> Part:
        text = mended("".join(self.said))
        if self.kind is Text:
            return Text(text, self.signature)
        if self.kind is Thought:
            return Thought(text, self.signature, self.redacted)
        return ToolCall(self.id, self.name, text or "{}", self.signature)


class Assembly:
    """Thoughts, texts and calls of tools in the order in which they began; calls are told apart by their index."""

    def __init__(self) -> None:
        self._parts: list[_Open] = []
        self._calls: dict[int, _Open] = {}

    def add(self, delta: ChatDelta) -> None:
        if delta.redacted is not None:
            self._parts.append(_Open(Thought, [delta.redacted], redacted=True))
        if delta.thinking:
            self._last(Thought).said.append(delta.thinking)
        if delta.text:
            self._last(Text).said.append(delta.text)
        if delta.signature is not None:
            self._sign(delta)
        for piece in delta.tool_calls:
            call = self._calls.get(piece.index)
            if call is None:
                call = self._calls[piece.index] = _Open(ToolCall)
                self._parts.append(call)
            call.id = call.id or piece.id or ""
            call.name = call.name or piece.name or ""
            call.signature = piece.signature or call.signature
            call.said.append(piece.arguments)

    def parts(self) -> tuple[Part, ...]:
        return tuple(part.closed() for part in self._parts)

    def _last(self, kind: type[Part]) -> _Open:
        """The part that goes on: what was signed or is cipher is complete."""
        last = self._parts[-1] if self._parts else None
        if last is None or last.kind is not kind or last.signature is not None or last.redacted:
            last = _Open(kind)
            self._parts.append(last)
        return last

    def _sign(self, delta: ChatDelta) -> None:
        """A signature may come alone: it closes the thought before it, and a thought without words when there is none."""
        open_text = self._parts and self._parts[-1].kind is Text and self._parts[-1].signature is None
        self._last(Text if open_text and not delta.thinking else Thought).signature = delta.signature
