"""What hosts that speak OpenAI's dialect answer: chunks of a stream, or a whole reply as if it were one chunk.

Source: platform.openai.com/docs/api-reference/chat-streaming, and what the hosts do otherwise.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from core.errors import ProviderError
from providers.openai_errors import classify_error, error_of
from providers.sse import data_of
from providers.types import ChatDelta, FinishReason, ToolCallDelta, Usage

_FINISH: dict[str, FinishReason] = {
    "stop": "stop", "eos": "stop", "eos_token": "stop", "stop_sequence": "stop", "end_turn": "stop",
    "length": "length", "max_tokens": "length", "model_length": "length",
    "tool_calls": "tool_calls", "function_call": "tool_calls",
    "content_filter": "filtered",
}  # fmt: skip
#: Words of an end that is a failure: what was said before is no answer.
FAILURES = frozenset({"error", "insufficient_system_resource", "abort"})


_DONE = b"[DONE]"


def parse(data: bytes) -> dict[str, Any]:
    """Raises ProviderError for what is no object of JSON."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _leniently(data)
    if not isinstance(value, dict):
        raise ProviderError("The provider sent something that is not its protocol.", hint="Check its address.")
    return value


def _leniently(data: bytes) -> Any:
    """Halves of characters are no JSON for some readers; their other half comes with the next piece."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


#: What nothing is told with but how much was read and written.
_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def usage_of(told: Any) -> Usage | None:
    """Disjoint buckets: `prompt_tokens` include those of the cache and `completion_tokens` the reasoning; None if not told.

    xAI counts reasoning beside the completion: its total says so. DeepSeek names the cache `prompt_cache_hit_tokens`.
    """
    if not isinstance(told, dict):
        return None
    read, written = _count(told, "prompt_tokens"), _count(told, "completion_tokens")
    if told.keys() <= _PLAIN:
        return Usage(read, written)
    details, more = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    cached = min(_count(details, "cached_tokens") or _count(told, "prompt_cache_hit_tokens"), read)
    stored = min(_count(details, "cache_write_tokens"), read - cached)
    thought = _count(more, "reasoning_tokens")
    if thought and _count(told, "total_tokens") == read + written + thought:
        written += thought
    thought = min(thought, written)
    return Usage(read - cached - stored, written - thought, False, cached, stored, thought)


def _count(told: Any, name: str) -> int:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def finish_of(word: Any) -> FinishReason | None:
    """Why an answer ended; None while it has not, and for an end that is a failure."""
    if not isinstance(word, str) or not word or word in FAILURES:
        return None
    return _FINISH.get(word, "other")


@dataclass(slots=True)
class Reader:
    """Reads the chunks of one answer. `version` is what the host says that the model is, `usage` what it says it read and
    wrote (the last word counts), `finish_reason` is set with the chunk that ends the answer, `over` by the marker behind all.
    `typed` gives errors inside the stream their class, from a status and their members."""

    model: str
    typed: Callable[[int, dict[str, Any]], ProviderError] = classify_error
    version: str | None = None
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    over: bool = False
    _calls: dict[int, tuple[int, str]] = field(default_factory=dict)
    _count: int = 0
    _refused: bool = False

    def read(self, data: bytes) -> ChatDelta:
        """What one chunk says; its end and its usage are kept. Raises ProviderError for an error inside the stream."""
        chunk = parse(data)
        if chunk.get("error"):
            raise self.typed(502, error_of(chunk))
        self.usage = usage_of(chunk.get("usage")) or self.usage
        self._name(chunk)
        choices = chunk.get("choices")
        first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        said = first.get("delta") or first.get("message")
        delta = self._said(said) if isinstance(said, dict) else ChatDelta()
        self._end(first.get("finish_reason"))
        return delta

    def pieces(self, lines: Iterable[bytes]) -> Iterator[ChatDelta]:
        """What the next lines of a stream say. Behind the end of an answer only its usage is read: no error counts there. Raises
        as `read` does."""
        for data in data_of(lines):
            if self.over or data.startswith(_DONE):
                self.over = True
                return
            whole = self.finish_reason is not None
            try:
                delta = self.read(data)
            except ProviderError:
                if not whole:
                    raise
                continue
            if not whole and (delta.text or delta.thinking or delta.tool_calls):
                yield delta

    def last(self) -> ChatDelta:
        """The piece that ends the answer. Raises ProviderError when the stream ended before it."""
        if self.finish_reason is None:
            raise ProviderError("The provider's answer ended before it was complete.", hint="Ask again.")
        usage = self.usage or Usage(estimated=True)
        return ChatDelta(finish_reason=self.finish_reason, usage=usage, model_version=self.version)

    def _name(self, chunk: dict[str, Any]) -> None:
        """OpenAI answers with the dated name; servers of local models with the name that was asked, and a build."""
        named, build = chunk.get("model"), chunk.get("system_fingerprint")
        if isinstance(named, str) and named and (named != self.model or not isinstance(build, str) or not build):
            self.version = named
        elif isinstance(build, str) and build:
            self.version = build

    def _end(self, word: Any) -> None:
        if isinstance(word, str) and word in FAILURES:
            raise ProviderError("The provider broke its answer off.", hint="Ask again.")
        told = finish_of(word)
        if told is None:
            return
        if self._refused and told == "stop":
            told = "filtered"
        # Some hosts say that an answer with calls just stopped.
        self.finish_reason = "tool_calls" if self._count and told == "stop" else told

    def _said(self, said: dict[str, Any]) -> ChatDelta:
        text, thinking = _content(said.get("content"))
        # DeepSeek, vLLM and llama.cpp say reasoning_content, OpenRouter and later vLLMs reasoning; some say both.
        thinking += _text(said.get("reasoning_content")) or _text(said.get("reasoning"))
        if refusal := _text(said.get("refusal")):
            self._refused = True
            text += refusal
        calls = said.get("tool_calls")
        pieces = [self._call(call, place) for place, call in enumerate(calls)] if isinstance(calls, list) else []
        if isinstance(legacy := said.get("function_call"), dict):
            pieces.append(self._call({"index": 0, "function": legacy}, 0))
        return ChatDelta(text, thinking, tool_calls=tuple(piece for piece in pieces if piece is not None))

    def _call(self, call: Any, place: int) -> ToolCallDelta | None:
        """A piece of a call. Indexes may be missing or all the same: an id that was not seen there, with a name, is another
        call."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            return None
        told = call.get("index")
        key = told if isinstance(told, int) else place
        id_, name = _text(call.get("id")), _text(function.get("name"))
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else _as_text(arguments) if arguments else ""
        known = self._calls.get(key)
        if known is not None and not (name and id_ and id_ != known[1]):
            return ToolCallDelta(known[0], arguments=text)
        index, self._count = self._count, self._count + 1
        self._calls[key] = (index, id_)
        unique = id_ and not id_.isdigit()  # TGI names every call "0"
        return ToolCallDelta(index, id_ if unique else f"call_{uuid4().hex}", name, text)


def _as_text(arguments: Any) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        raise ProviderError("The provider sent a call that is nested too deeply.", hint="Ask again.") from None


def _content(value: Any) -> tuple[str, str]:
    """(answer, thoughts): a text, or Mistral's list of parts."""
    if not isinstance(value, list):
        return _text(value), ""
    parts = [part for part in value if isinstance(part, dict)]
    thoughts = [inner for part in parts if isinstance(part.get("thinking"), list) for inner in part["thinking"]]
    told = [_text(part.get("text")) for part in parts if part.get("type") == "text"]
    return "".join(told), "".join(_text(one.get("text")) for one in thoughts if isinstance(one, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
