"""Bedrock's events, and its answers that come whole, as pieces of an answer.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html, /API_runtime_TokenUsage.html.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.errors import InvalidAnswer, ProviderError
from providers.arguments import as_text
from providers.bedrock_errors import classify_error, status_of
from providers.telling import count, entries, member, text
from providers.types import ChatDelta, FinishReason, ToolCallDelta, Usage
from providers.wrapping import NAME as ANSWER

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
    "tool_use": "tool_calls", "content_filtered": "filtered", "guardrail_intervened": "filtered",
}  # fmt: skip
_MALFORMED = ("malformed_model_output", "malformed_tool_use")


@dataclass(slots=True)
class Reader:
    """Reads the events of one answer; `by_tool`: the answer is the arguments of the tool that stands for it.

    `typed` gives an error inside the stream its class. `finish_reason` is set when the answer is complete; its usage comes in an
    event of its own behind that.
    """

    by_tool: bool = False
    typed: Callable[[int, dict[str, Any]], ProviderError] = classify_error
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    _stopped_by: str | None = None
    _calls: dict[int, int] = field(default_factory=dict)
    _answering: int | None = None

    def read(self, kind: str, event: dict[str, Any]) -> ChatDelta | None:
        """None for events that say nothing. Raises ProviderError."""
        index = count(event, "contentBlockIndex") or 0
        match kind:
            case "contentBlockStart":
                return self._begin(index, member(member(event, "start"), "toolUse"))
            case "contentBlockDelta":
                return self._go_on(index, member(event, "delta"))
            case "messageStop":
                self._end(event)
            case "metadata":
                self.usage = _usage(member(event, "usage"))
            case _ if kind.endswith("Exception"):
                raise self.typed(status_of(kind), {"type": kind, "message": text(event, "message")})
        return None

    def whole(self, reply: dict[str, Any]) -> Iterator[ChatDelta]:
        """The pieces of an answer of Converse, which does not stream. Raises ProviderError when it is none."""
        for index, block in enumerate(entries(member(member(reply, "output"), "message"), "content")):
            if call := member(block, "toolUse"):
                yield from filter(None, [self._begin(index, call), self._go_on(index, {"toolUse": {"input": _input(call)}})])
            elif thought := member(block, "reasoningContent"):
                told = member(thought, "reasoningText")
                for one in (told, thought):
                    if delta := self._think({name: one[name] for name in one if name != "reasoningText"}):
                        yield delta
            elif text(block, "text"):
                yield ChatDelta(text(block, "text"))
        self._end(reply)
        self.usage = _usage(member(reply, "usage"))

    def last(self) -> ChatDelta:
        """The last piece. Raises ProviderError when the answer did not come to its end."""
        if self.finish_reason is None:
            raise ProviderError("The answer of AWS Bedrock ended before it was complete.", hint="Ask again.")
        finish = "stop" if self.finish_reason == "tool_calls" and not self._calls else self.finish_reason
        usage = self.usage or Usage(estimated=True)
        return ChatDelta(finish_reason=finish, usage=usage, stop_sequence=self._stopped_by)

    def _begin(self, index: int, call: dict[str, Any]) -> ChatDelta | None:
        if not call:
            return None
        if self.by_tool and call.get("name") == ANSWER:
            self._answering = index
            return None
        number = self._calls[index] = len(self._calls)
        return ChatDelta(tool_calls=(ToolCallDelta(number, text(call, "toolUseId"), text(call, "name")),))

    def _go_on(self, index: int, delta: dict[str, Any]) -> ChatDelta | None:
        if text(delta, "text"):
            return ChatDelta(text(delta, "text"))
        if thought := member(delta, "reasoningContent"):
            return self._think(thought)
        if piece := text(member(delta, "toolUse"), "input"):
            if index == self._answering:
                return ChatDelta(piece)
            if index in self._calls:
                return ChatDelta(tool_calls=(ToolCallDelta(self._calls[index], arguments=piece),))
        return None

    @staticmethod
    def _think(thought: dict[str, Any]) -> ChatDelta | None:
        if cipher := text(thought, "redactedContent"):
            return ChatDelta(redacted=cipher)
        said, signature = text(thought, "text"), text(thought, "signature") or None
        return ChatDelta(thinking=said, signature=signature) if said or signature else None

    def _end(self, event: dict[str, Any]) -> None:
        word = text(event, "stopReason")
        if word in _MALFORMED:
            raise InvalidAnswer("The model of AWS Bedrock wrote an answer that cannot be read.", hint="Ask again.")
        if word:
            self.finish_reason = _FINISH.get(word, "other")
        self._stopped_by = text(member(event, "additionalModelResponseFields"), "stop_sequence") or None


def _input(call: dict[str, Any]) -> str:
    return orjson.dumps(call["input"]).decode() if isinstance(call.get("input"), list) else as_text(call.get("input"))


def _usage(usage: dict[str, Any]) -> Usage:
    """What was new, read from the cache and written to it are told apart already; thoughts are not told apart."""
    read, written = count(usage, "inputTokens"), count(usage, "outputTokens")
    cached, stored = count(usage, "cacheReadInputTokens") or 0, count(usage, "cacheWriteInputTokens") or 0
    return Usage(read or 0, written or 0, read is None or written is None, cached, stored)
