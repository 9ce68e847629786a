"""A stream of Anthropic's messages on its way through.

Source: docs.anthropic.com/en/api/messages-streaming. `message_start` tells the input, `message_delta` the output so far and
why it ended, `message_stop` that it is whole.
"""

from typing import Any

from gateway.passing.frames import EventPassage, piece_of
from providers.anthropic_stream import finish_of, later_counts, usage_of
from providers.telling import member
from providers.types import FinishReason, Usage

#: Every whole answer has one of these members.
ANSWERS = frozenset({"content", "input_tokens"})


def usage_in(reply: dict[str, Any]) -> Usage | None:
    """Of a whole answer."""
    return usage_of(reply.get("usage"))


def reason_of(reply: dict[str, Any]) -> FinishReason | None:
    return finish_of(reply.get("stop_reason"))


class AnthropicPassage(EventPassage):
    marks = (b"message_start", b"message_delta", b"message_stop", b'"type":"error"', b'"type": "error"')

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, Any] = {}

    def _keeps(self, told: bytes) -> bool:
        if told:
            self._learn(piece_of(told), told)
        return True

    def _learn(self, event: dict[str, Any], told: bytes) -> None:
        self.seen.pieces += 1
        match event.get("type"):
            case "error":
                self.seen.failed, self.seen.over = told, True
            case "message_start":
                self._count(member(event, "message"))
            case "message_delta":
                self._count(event)
                self.seen.finish_reason = reason_of(member(event, "delta")) or self.seen.finish_reason
                self.seen.begun = True
            case "message_stop":
                self.seen.ended = self.seen.begun = self.seen.over = True
            case "content_block_start" | "content_block_delta":
                self.seen.begun = True

    def _count(self, message: dict[str, Any]) -> None:
        self._counts |= later_counts(message)
        self.seen.usage = usage_of(self._counts)
