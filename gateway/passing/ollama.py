"""A stream of Ollama's `/api/chat` or `/api/generate` on its way through: one JSON object a line, the last one with `done`.

Source: docs.ollama.com/api. What is zero is left out there, so that a count that is absent is none.
"""

from typing import Any

from core.errors import ProviderError
from gateway.passing.frames import Seen, piece_of
from providers.types import FinishReason, Usage

_REASONS: dict[str, FinishReason] = {"stop": "stop", "load": "stop", "unload": "stop", "length": "length"}
#: Quotes inside of texts are escaped, so no text can look like one of these.
_TELLING = (b'"done":true', b'"done": true', b'"error"')
_MOST_WAITING = 4 << 20
#: Every whole answer has one of these members.
ANSWERS = frozenset({"message", "response", "embeddings", "embedding"})


def usage_in(reply: dict[str, Any]) -> Usage | None:
    """None when neither count is told."""
    read, written = reply.get("prompt_eval_count"), reply.get("eval_count")
    if not isinstance(read, int) and not isinstance(written, int):
        return None
    return Usage(read if isinstance(read, int) else 0, written if isinstance(written, int) else 0)


def reason_of(reply: dict[str, Any]) -> FinishReason | None:
    told = reply.get("done_reason")
    return _REASONS.get(told, "other") if isinstance(told, str) else "stop" if reply.get("done") is True else None


class OllamaPassage:
    def __init__(self) -> None:
        self.seen = Seen()
        self._rest = b""

    def take(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        end = data.rfind(b"\n") + 1
        block, self._rest = data[:end], data[end:]
        if len(self._rest) > _MOST_WAITING:
            raise ProviderError("The provider sent a line that is too long.")
        start = 0
        while start < len(block) and not self.seen.begun:
            end = block.find(b"\n", start) + 1
            self._learn(block[start:end])
            start = end
        end = _telling(block, start)
        self.seen.pieces += block.count(b"\n", start, end)
        for line in block[end:].split(b"\n"):
            self._learn(line)
        return block

    def finish(self) -> bytes:
        rest = self.take(b"\n") if self._rest.strip() else b""
        self.seen.must_be_whole()
        return rest

    def _learn(self, line: bytes) -> None:
        if not line.strip():
            return
        self.seen.pieces += 1
        piece = piece_of(line)
        if piece.get("error"):
            self.seen.failed, self.seen.over = line, True
            return
        if piece.get("done") is True:
            self.seen.ended = self.seen.over = True
            self.seen.usage, self.seen.finish_reason = usage_in(piece), reason_of(piece)
        message = piece.get("message")
        said = message if isinstance(message, dict) else {"content": piece.get("response"), "thinking": piece.get("thinking")}
        told = any(said.get(name) for name in ("content", "thinking", "tool_calls"))
        self.seen.begun = self.seen.begun or self.seen.ended or told


def _telling(block: bytes, start: int) -> int:
    """Where the first line from `start` on begins that has a mark; the length of `block` when none has any."""
    found = [at for mark in _TELLING if (at := block.find(mark, start)) >= 0]
    return max(start, block.rfind(b"\n", 0, min(found)) + 1) if found else len(block)
