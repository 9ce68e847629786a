"""The words that the rest of the house uses to talk to any model provider.

Nobody changes any of them. Those that are made for each question are not frozen: Python would take three times as long to make
them, a thousand instructions a field.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

import orjson

#: Tokens that a picture of a page takes at the most: up to PIXELS_PER_IMAGE pixels, in patches of 28 × 28 as Qwen2.5-VL counts
#: them (Llama 3.2 Vision and Gemini take fewer, Gemma 3 a quarter of a thousand).
TOKENS_PER_IMAGE = 2048
PIXELS_PER_IMAGE = 1_600_000
#: What is reckoned where nobody has counted. Whether a text fits into a context is measured on the safe side instead.
USUAL_CHARACTERS_PER_TOKEN = 4

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "filtered", "other"]
Dialect = Literal["openai", "anthropic", "ollama"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as data with conservative defaults; code asks these, never the provider's name."""

    chat: bool = True
    stream: bool = True
    embed: bool = False
    json_schema: bool = False
    vision: bool = False
    tools: bool = False
    thinking: bool = False
    needs_key: bool = True
    key_per_request: bool = False
    local: bool = False
    pull: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Text:
    """`signature` is opaque: what a provider wants back with this part (Gemini's thoughtSignature)."""

    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as its bytes (`media_type` when it is known), or by the address that the provider shall fetch it from."""

    data: bytes = field(default=b"", repr=False)
    media_type: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought; its `signature` comes back unchanged, also without a text. `redacted`: it is cipher."""

    text: str
    signature: str | None = None
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is JSON of an object as the model wrote it, `id` is unique in its conversation."""

    id: str
    name: str
    arguments: str
    signature: str | None = None

    @property
    def input(self) -> dict[str, Any]:
        """The arguments as an object. What a model wrote wrongly stays readable under `arguments`."""
        if not self.arguments.strip():
            return {}
        try:
            value = orjson.loads(self.arguments)
        except orjson.JSONDecodeError:
            value = None
        return value if isinstance(value, dict) else {"arguments": self.arguments}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer of the tool to the call `call_id`; `failed` says that it is an error."""

    call_id: str
    name: str
    content: str
    failed: bool = False
    images: tuple[Image, ...] = ()


Part = Text | Image | Thought | ToolCall | ToolResult


@dataclass(slots=True, unsafe_hash=True)
class Message:
    """One turn, its parts in the order in which they were said. Results of tools are turns of the role "tool"."""

    role: Role
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, role: Role, text: str, images: Iterable[bytes] = ()) -> "Message":
        """The pictures go before the text, as every provider advises."""
        return cls(role, (*(Image(data) for data in images), Text(text)))

    @property
    def content(self) -> str:
        """The texts alone, as one."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(part for part in self.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`mode` "required" wants a call of any tool, or of `name` when it is given."""

    mode: Literal["auto", "none", "required"] = "auto"
    name: str | None = None
    parallel: bool | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much a model shall think before it answers: a word, a number of tokens, or nothing (`effort` "none").

    Words: none, minimal, low, medium, high, xhigh, max. A provider takes what it knows and the nearest otherwise.
    """

    effort: str | None = None
    budget_tokens: int | None = None


@dataclass(slots=True)
class ChatRequest:
    """`schema` is a JSON Schema for the answer ({}: any JSON); `options` are provider-native knobs.

    `max_tokens` caps what the model writes, thoughts included; with `room_to_think` the answer alone: models that think get
    more beside it.

    None means "not said": the provider's own default holds.
    """

    model: str
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    max_tokens: int | None = None
    room_to_think: bool = False
    temperature: float | None = 0.0
    api_key: str | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None

    def to(self, model: str) -> "ChatRequest":
        """The same of another model, at a third of the price of `dataclasses.replace`."""
        return self if model == self.model else ChatRequest(model, *_BUT_ITS_MODEL(self))


_BUT_ITS_MODEL = attrgetter(*ChatRequest.__slots__[1:])


@dataclass(slots=True, unsafe_hash=True)
class Usage:
    """Tokens in buckets that never overlap, whatever the provider counts into what; `estimated` when the provider did not say."""

    input_uncached: int = 0
    output_text: int = 0
    estimated: bool = False
    cache_read: int = 0
    cache_write: int = 0
    output_reasoning: int = 0

    @property
    def input_tokens(self) -> int:
        return self.input_uncached + self.cache_read + self.cache_write

    @property
    def output_tokens(self) -> int:
        return self.output_text + self.output_reasoning

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_uncached + other.input_uncached,
            self.output_text + other.output_text,
            self.estimated or other.estimated,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output_reasoning + other.output_reasoning,
        )


@dataclass(slots=True)
class ChatReply:
    """`parts` are what the model said, in its order; `model_version` is a digest or a version string if known.

    `stop_sequence` is the one of `ChatRequest.stop` that ended the answer, when the provider says so.
    """

    parts: tuple[Part, ...]
    finish_reason: FinishReason
    usage: Usage
    model: str
    model_version: str | None = None
    stop_sequence: str | None = None

    @property
    def text(self) -> str:
        """The answer without the model's thinking and without calls of tools."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Thought) and not part.redacted)


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of the call at `index` (0, 1, …): its first piece has `id` and `name`, each may add to `arguments`."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None


@dataclass(slots=True)
class ChatDelta:
    """One piece of a stream; the last one carries `finish_reason` and `usage`.

    `signature` belongs to the thought that is being told, or to the text when no thought was told before it; `redacted` is a
    whole thought as cipher.
    """

    text: str = ""
    thinking: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model_version: str | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    signature: str | None = None
    redacted: str | None = None
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector a text, in their order."""

    vectors: list[list[float]]
    usage: Usage


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its provider lists it; everything but `name` may be unknown (None). Sizes in bytes, context in tokens.

    `resident` to `expires_at` say how it is in the memory of a local server now; `machine` is the name of one of several.
    """

    name: str
    provider: str
    size: int | None = None
    digest: str | None = None
    family: str | None = None
    parameters: str | None = None
    quantization: str | None = None
    context: int | None = None
    output_limit: int | None = None
    capabilities: tuple[str, ...] = ()
    description: str | None = None
    modified_at: str | None = None
    resident: bool | None = None
    size_vram: int | None = None
    loaded_context: int | None = None
    expires_at: str | None = None
    machine: str | None = None
