"""The words that the rest of the house uses to talk to any model provider."""

from dataclasses import dataclass, field
from typing import Any, Literal

#: Tokens that a picture of a page takes at the most: up to PIXELS_PER_IMAGE pixels, in patches of 28 × 28 as Qwen2.5-VL counts
#: them (Llama 3.2 Vision and Gemini take fewer, Gemma 3 a quarter of a thousand).
TOKENS_PER_IMAGE = 2048
PIXELS_PER_IMAGE = 1_600_000

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "filtered", "other"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as data with conservative defaults; code asks these, never the provider's name."""

    chat: bool = True
    stream: bool = True
    embed: bool = False
    json_schema: bool = False
    vision: bool = False
    needs_key: bool = True
    key_per_request: bool = False
    local: bool = False
    pull: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`schema` is a JSON Schema for the answer; `max_tokens` caps the answer; `options` are provider-native knobs."""

    model: str
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float | None = 0.0
    api_key: str | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens; `estimated` is true when the provider did not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class ChatReply:
    """`text` is the answer without the model's thinking; `model_version` is a digest or a version string if known."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    model: str
    model_version: str | None = None
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """One piece of a stream; the last one carries `finish_reason` and `usage`."""

    text: str = ""
    thinking: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model_version: str | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its provider lists it; everything but `name` may be unknown (None). Sizes in bytes, context in tokens."""

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
