"""A stream of OpenAI's chat completions (and legacy completions) on its way through.

Source: platform.openai.com/docs/api-reference/chat-streaming. The usage comes in a chunk with empty `choices` when it was
asked for; whether the client asked or we did decides if it sees that chunk.
"""

from typing import Any

from gateway.passing.frames import EventPassage, piece_of
from providers.openai_stream import finish_of, usage_of
from providers.types import FinishReason, Usage

_DONE = b"[DONE]"
#: Every whole answer has one of these members.
ANSWERS = frozenset({"choices", "data"})


def usage_in(reply: dict[str, Any]) -> Usage | None:
    """Of a whole answer; embeddings have one, too."""
    return usage_of(reply.get("usage"))


def reason_of(reply: dict[str, Any]) -> FinishReason | None:
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    return finish_of(first.get("finish_reason"))


class OpenAIPassage(EventPassage):
    """`hides_usage` takes the chunk out again that only we asked for."""

    #: Quotes inside of texts are escaped, so no text can look like one of these.
    marks = (_DONE, b'"usage":{', b'"usage": {', b'"finish_reason":"', b'"finish_reason": "', b'"error"')

    def __init__(self, *, hides_usage: bool):
        super().__init__()
        self._hides_usage = hides_usage

    def finish(self) -> bytes:
        # Some servers forget the last word; clients that wait for it would wait for ever.
        return super().finish() + b"data: [DONE]\n\n"

    def _keeps(self, told: bytes) -> bool:
        """Whether the client gets an event with this data."""
        if not told:
            return True  # a comment
        if told.startswith(_DONE):  # it waits for `finish`, which knows whether it is true
            self.seen.over = True
            return False
        self.seen.pieces += 1
        chunk = piece_of(told)
        if chunk.get("error"):
            self.seen.failed, self.seen.over = told, True
            return True
        return self._learns(chunk)

    def _learns(self, chunk: dict[str, Any]) -> bool:
        self.seen.usage = usage_of(chunk.get("usage")) or self.seen.usage
        choices = chunk.get("choices")
        if not choices:
            return not (self._hides_usage and chunk.get("usage"))
        if reason := reason_of(chunk):
            self.seen.finish_reason, self.seen.ended = reason, True
        self.seen.begun = self.seen.begun or self.seen.ended or any(_has_content(choice) for choice in choices)
        return True


def _has_content(choice: Any) -> bool:
    """More than the role: a word, a thought or a call."""
    if not isinstance(choice, dict):
        return False
    delta = choice.get("delta")
    said = delta if isinstance(delta, dict) else {"text": choice.get("text")}
    return any(value for name, value in said.items() if name != "role")
