"""A stream of Anthropic's messages on its way through.

Source: docs.anthropic.com/en/api/messages-streaming. `message_start` tells the input, `message_delta` the output so far and
why it ended, `message_stop` that it is whole.
"""

from typing import Any

import orjson

from core.errors import ProviderError
from gateway.passing.frames import EventPassage
from providers.types import FinishReason, Usage

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
    "model_context_window_exceeded": "length", "tool_use": "tool_calls", "refusal": "filtered",
}  # fmt: skip


def usage_of(told: Any) -> Usage | None:
    """`input_tokens` exclude the cache, and reasoning is counted into `output_tokens`, untold how much."""
    if not isinstance(told, dict):
        return None
    return Usage(
        _count(told, "input_tokens"),
        _count(told, "output_tokens"),
        cache_read=_count(told, "cache_read_input_tokens"),
        cache_write=_count(told, "cache_creation_input_tokens"),
    )


def _count(told: dict[str, Any], name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def usage_in(reply: dict[str, Any]) -> Usage | None:
    """Of a whole answer."""
    return usage_of(reply.get("usage"))


def reason_of(reply: dict[str, Any]) -> FinishReason | None:
    told = reply.get("stop_reason")
    return _REASONS.get(told, "other") if isinstance(told, str) else None


class AnthropicPassage(EventPassage):
    marks = (b"message_start", b"message_delta", b"message_stop", b'"type":"error"', b'"type": "error"')

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, Any] = {}

    def finish(self) -> bytes:
        rest = self.take(b"\n\n") if self._frames.rest.strip() else b""
        if not self.seen.ended or self.seen.failed:
            raise ProviderError("The provider's answer ended before it was complete.", hint="Ask again.")
        return rest

    def _keeps(self, told: bytes) -> bool:
        if told:
            self._learn(told)
        return True

    def _learn(self, told: bytes) -> None:
        self.seen.pieces += 1
        try:
            event = orjson.loads(told)
        except orjson.JSONDecodeError:
            raise ProviderError("The provider sent a piece that is no JSON.", hint="Ask again.") from None
        kind = event.get("type") if isinstance(event, dict) else None
        if kind == "error":
            self.seen.failed, self.seen.over = told, True
        elif kind == "message_start":
            self._count_in((event.get("message") or {}).get("usage"))
        elif kind == "message_delta":
            self._count_in(event.get("usage"))
            self.seen.finish_reason = reason_of(event.get("delta") or {}) or self.seen.finish_reason
            self.seen.begun = True
        elif kind == "message_stop":
            self.seen.ended = self.seen.begun = self.seen.over = True
        elif kind in ("content_block_start", "content_block_delta"):
            self.seen.begun = True

    def _count_in(self, told: Any) -> None:
        """Later counts are of the whole message so far: they replace the earlier ones, and null says nothing."""
        if isinstance(told, dict):
            self._told |= {name: value for name, value in told.items() if value is not None}
            self.seen.usage = usage_of(self._told)
