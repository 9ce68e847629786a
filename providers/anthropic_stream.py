"""Anthropic's events as pieces of an answer. Source: docs.anthropic.com/en/api/messages-streaming."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.errors import ProviderError
from providers.anthropic_errors import classify_error, status_of
from providers.telling import count, member, text
from providers.types import ChatDelta, FinishReason, ToolCallDelta, Usage
from providers.wrapping import NAME as ANSWER

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls", "refusal": "filtered",
}  # fmt: skip


def finish_of(word: Any) -> FinishReason | None:
    """Why an answer ended; None while it has not."""
    return _FINISH.get(word, "other") if isinstance(word, str) and word else None


def later_counts(message: dict[str, Any]) -> dict[str, Any]:
    """What `usage` of an event says anew: counts are of the whole message so far, and null says nothing."""
    return {name: told for name, told in member(message, "usage").items() if told is not None}


def usage_of(counts: Any) -> Usage | None:
    """What was new, read from the cache and written to it are told apart already, thoughts are a part of the output.

    None when neither input nor output is told.
    """
    read, written = count(counts, "input_tokens"), count(counts, "output_tokens")
    if read is None and written is None:
        return None
    cached, stored = count(counts, "cache_read_input_tokens"), count(counts, "cache_creation_input_tokens")
    thought = min(count(member(counts, "output_tokens_details"), "thinking_tokens") or 0, written or 0)
    return Usage(read or 0, (written or 0) - thought, False, cached or 0, stored or 0, thought)


@dataclass(slots=True)
class Reader:
    """Reads the events of one answer; `by_tool`: the answer is the arguments of the tool that stands for it.

    `typed` gives an error inside the stream its class.
    """

    by_tool: bool = False
    typed: Callable[[int, dict[str, Any]], ProviderError] = classify_error
    _version: str | None = None
    _counts: dict[str, Any] = field(default_factory=dict)
    _calls: dict[int, int] = field(default_factory=dict)
    _answering: int | None = None

    def read(self, event: dict[str, Any]) -> ChatDelta | None:
        """None for events that say nothing. The one with `finish_reason` is the last that does.

        Usage is told twice, cumulative: what was read at the start, what was written at the end. Raises ProviderError.
        """
        match event.get("type"):
            case "message_start":
                message = member(event, "message")
                self._version = text(message, "model") or None
                self._counts |= later_counts(message)
            case "content_block_start":
                return self._begin(event, member(event, "content_block"))
            case "content_block_delta":
                return self._go_on(event, member(event, "delta"))
            case "message_delta":
                self._counts |= later_counts(event)
                return self._end(member(event, "delta"))
            case "error":
                error = member(event, "error")
                raise self.typed(status_of(error), error)
        return None

    def _begin(self, event: dict[str, Any], block: dict[str, Any]) -> ChatDelta | None:
        match block.get("type"):
            case "text" if text(block, "text"):
                return ChatDelta(text(block, "text"))
            case "thinking" if text(block, "thinking") or text(block, "signature"):
                return ChatDelta(thinking=text(block, "thinking"), signature=text(block, "signature") or None)
            case "redacted_thinking":
                return ChatDelta(redacted=text(block, "data"))
            case "tool_use":
                return self._begin_call(_index(event), block)
        return None

    def _begin_call(self, index: int, block: dict[str, Any]) -> ChatDelta | None:
        given = member(block, "input")
        arguments = orjson.dumps(given).decode() if given else ""
        if self.by_tool and block.get("name") == ANSWER:
            self._answering = index
            return ChatDelta(arguments) if arguments else None
        number = self._calls[index] = len(self._calls)
        return ChatDelta(tool_calls=(ToolCallDelta(number, text(block, "id"), text(block, "name"), arguments),))

    def _go_on(self, event: dict[str, Any], delta: dict[str, Any]) -> ChatDelta | None:
        match delta.get("type"):
            case "text_delta":
                return ChatDelta(text(delta, "text"))
            case "thinking_delta":
                return ChatDelta(thinking=text(delta, "thinking"))
            case "signature_delta":
                return ChatDelta(signature=text(delta, "signature"))
            case "input_json_delta":
                return self._argue(_index(event), text(delta, "partial_json"))
        return None  # citations

    def _argue(self, index: int, said: str) -> ChatDelta | None:
        if index == self._answering:
            return ChatDelta(said)
        if index in self._calls:
            return ChatDelta(tool_calls=(ToolCallDelta(self._calls[index], arguments=said),))
        return None  # tools that run at Anthropic's

    def _end(self, delta: dict[str, Any]) -> ChatDelta | None:
        finish = finish_of(delta.get("stop_reason"))
        if finish is None:
            return None
        if finish == "tool_calls" and not self._calls:
            finish = "stop"
        stopped = text(delta, "stop_sequence") or None
        usage = usage_of(self._counts) or Usage(estimated=True)
        return ChatDelta(finish_reason=finish, usage=usage, model_version=self._version, stop_sequence=stopped)


def _index(event: dict[str, Any]) -> int:
    return count(event, "index") or 0
