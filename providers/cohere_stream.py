"""Cohere's events as pieces of an answer. Source: docs.cohere.com/docs/streaming, /docs/tool-use-streaming."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import ProviderError, ProviderTimeout
from providers.cohere_errors import classify_error
from providers.telling import count, member, text
from providers.types import ChatDelta, FinishReason, ToolCallDelta, Usage

_FINISH: dict[str, FinishReason] = {
    "COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls", "ERROR_TOXIC": "filtered",
}  # fmt: skip


@dataclass(slots=True)
class Reader:
    """Reads the events of one answer. `typed` gives an error inside the stream its class."""

    typed: Callable[[int, dict[str, Any]], ProviderError] = classify_error
    _calls: dict[int, int] = field(default_factory=dict)

    def read(self, event: dict[str, Any]) -> ChatDelta | None:
        """None for events that say nothing; the one with `finish_reason` is the last. Raises ProviderError."""
        message = member(member(event, "delta"), "message")
        content, call = member(message, "content"), member(message, "tool_calls")
        match event.get("type"):
            case "content-start" | "content-delta" if text(content, "thinking"):
                return ChatDelta(thinking=text(content, "thinking"))
            case "content-start" | "content-delta" if text(content, "text"):
                return ChatDelta(text(content, "text"))
            case "tool-plan-delta" if text(message, "tool_plan"):
                return ChatDelta(text(message, "tool_plan"))
            case "tool-call-start":
                return self._begin_call(count(event, "index") or 0, call)
            case "tool-call-delta" if (index := count(event, "index") or 0) in self._calls:
                arguments = text(member(call, "function"), "arguments")
                return ChatDelta(tool_calls=(ToolCallDelta(self._calls[index], arguments=arguments),))
            case "message-end":
                return self._end(member(event, "delta"))
        return None  # citations, ends of blocks

    def _begin_call(self, index: int, call: dict[str, Any]) -> ChatDelta:
        number = self._calls[index] = len(self._calls)
        function = member(call, "function")
        piece = ToolCallDelta(number, text(call, "id"), text(function, "name"), text(function, "arguments"))
        return ChatDelta(tool_calls=(piece,))

    def _end(self, delta: dict[str, Any]) -> ChatDelta:
        word, error = text(delta, "finish_reason"), text(delta, "error")
        if word == "TIMEOUT":
            raise ProviderTimeout("Cohere did not finish its answer in time.", hint="Ask again, or send fewer pages.")
        if error or word == "ERROR":
            raise self.typed(500, {"message": error})
        return ChatDelta(finish_reason=_FINISH.get(word, "other"), usage=usage_of(member(delta, "usage")))


def usage_of(usage: dict[str, Any]) -> Usage:
    """Of `tokens`, which is what the model read and wrote, the part that came from the cache included; `billed_units` leaves
    out what Cohere put around the prompt, so it is an estimate."""
    tokens = member(usage, "tokens")
    read, written = count(tokens, "input_tokens"), count(tokens, "output_tokens")
    if read is None or written is None:
        billed = member(usage, "billed_units")
        return Usage(count(billed, "input_tokens") or 0, count(billed, "output_tokens") or 0, estimated=True)
    cached = min(count(usage, "cached_tokens") or 0, read)
    return Usage(read - cached, written, False, cached)
