"""From the pieces of a stream to one reply, with an end put to models that never end."""

from collections.abc import AsyncGenerator

from core.errors import InvalidAnswer, ProviderError
from providers.assembly import Assembly
from providers.types import ChatDelta, ChatReply, ChatRequest, Usage

#: Structured output that writes more white space than this in a row is stuck: grammars allow it for ever.
MAX_BLANKS = 64
MAX_CHARACTERS = 1 << 20
#: More than a token can hold on average: a longer answer did not keep to `max_tokens`.
_MOST_CHARACTERS_PER_TOKEN = 8


class BlankRun:
    """Counts the white space at the end of what was said so far, over the borders of the pieces."""

    def __init__(self) -> None:
        self._length = 0

    def add(self, text: str) -> int:
        """The longest run of white space that `text` continues or holds."""
        longest = 0
        for letter in text:
            self._length = self._length + 1 if letter.isspace() else 0
            longest = max(longest, self._length)
        return longest


async def collect(deltas: AsyncGenerator[ChatDelta, None], request: ChatRequest, title: str, max_tokens: int) -> ChatReply:
    """All of a stream as one reply; the stream is closed, whatever comes of it.

    Raises InvalidAnswer when an answer of JSON is lost in white space (more than 64 in a row), or when it is longer than the
    `max_tokens` that were sent can be or than 1 MiB, and ProviderError when the stream ends without its last piece.
    """
    assembly = Assembly()
    last: ChatDelta | None = None
    size = written = 0
    version, blanks = None, BlankRun()
    most = _MOST_CHARACTERS_PER_TOKEN * max_tokens + 4096
    try:
        async for delta in deltas:
            assembly.add(delta)
            called = sum(len(call.arguments) for call in delta.tool_calls)
            written += len(delta.text) + called
            size += len(delta.text) + len(delta.thinking) + called
            version = delta.model_version or version
            if request.schema is not None and blanks.add(delta.text) > MAX_BLANKS:
                raise InvalidAnswer(
                    f"{request.model} wrote only white space instead of an answer.", hint="Ask again, or use a larger model."
                )
            if size > MAX_CHARACTERS or written > most:
                raise InvalidAnswer(f"{request.model} did not stop writing.", hint="Ask again, or use another model.")
            if delta.finish_reason is not None:
                last = delta
    finally:
        await deltas.aclose()
    if last is None:
        raise ProviderError(f"The answer of {title} ended before it was complete.")
    usage = last.usage or Usage(estimated=True)
    return ChatReply(assembly.parts(), last.finish_reason, usage, request.model, version, last.stop_sequence)
