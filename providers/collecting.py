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


class Collecting:
    """The pieces of a stream, one after the other, as one reply; `title` is the provider's."""

    def __init__(self, request: ChatRequest, title: str, max_tokens: int):
        self._request, self._title = request, title
        self._assembly = Assembly()
        self._blanks = BlankRun()
        self._size = self._written = 0
        self._most = _MOST_CHARACTERS_PER_TOKEN * max_tokens + 4096
        self._version: str | None = None
        self._last: ChatDelta | None = None

    def add(self, delta: ChatDelta) -> None:
        """Raises InvalidAnswer when an answer of JSON is lost in white space (more than 64 in a row), or when it is longer than
        the `max_tokens` that were sent can be or than 1 MiB."""
        request = self._request
        self._assembly.add(delta)
        written = len(delta.text)
        for call in delta.tool_calls:
            written += len(call.arguments)
        self._written += written
        self._size += written + len(delta.thinking)
        self._version = delta.model_version or self._version
        if request.schema is not None and self._blanks.add(delta.text) > MAX_BLANKS:
            raise InvalidAnswer(
                f"{request.model} wrote only white space instead of an answer.", hint="Ask again, or use a larger model."
            )
        if self._size > MAX_CHARACTERS or self._written > self._most:
            raise InvalidAnswer(f"{request.model} did not stop writing.", hint="Ask again, or use another model.")
        if delta.finish_reason is not None:
            self._last = delta

    def reply(self) -> ChatReply:
        """Raises ProviderError when the stream ended without its last piece."""
        last = self._last
        if last is None:
            raise ProviderError(f"The answer of {self._title} ended before it was complete.")
        usage = last.usage or Usage(estimated=True)
        parts = self._assembly.parts()
        return ChatReply(parts, last.finish_reason, usage, self._request.model, self._version, last.stop_sequence)


async def collect(deltas: AsyncGenerator[ChatDelta, None], request: ChatRequest, title: str, max_tokens: int) -> ChatReply:
    """All of a stream as one reply; the stream is closed, whatever comes of it. Raises as `Collecting` does."""
    collecting = Collecting(request, title, max_tokens)
    try:
        async for delta in deltas:
            collecting.add(delta)
    finally:
        await deltas.aclose()
    return collecting.reply()
