"""Gemini's vocabulary and back: pure, without the SDK. Facts from python-genai 3.4 and the v1beta API."""

import base64
import mimetypes
from binascii import Error as NotBase64
from collections.abc import Iterator
from typing import Any

import orjson

from core.errors import InvalidAnswer, QuestionRefused
from providers.arguments import as_text
from providers.characters import Halves
from providers.failures import reason
from providers.gemini_models import model_version
from providers.gemini_thinking import config as thinking_config
from providers.gemini_thinking import room
from providers.pictures import media_type
from providers.types import (
    ChatDelta,
    ChatRequest,
    FinishReason,
    Image,
    Message,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
)  # fmt: skip
from utils import mended, token

#: The documented way to send back a call that another model made: from 3 on calls without a signature are refused.
NO_SIGNATURE = "skip_thought_signature_validator"
#: Options of callers that Google knows besides what the vocabulary has words for; others would be refused.
_OPTIONS = frozenset(
    {"temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "safety_settings", "media_resolution"}
)
_SAMPLING = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_FILTERED = frozenset({
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION", "ESCALATION", "PUP_LIMITED_DISABLED", "MODEL_ARMOR",
})  # fmt: skip
_UNUSABLE = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})


def to_wire(request: ChatRequest) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(contents, config) for `generate_content_stream`. `$schema` is dropped: Google refuses it in some models."""
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    config = {name: value for name, value in request.options.items() if name in _OPTIONS and value is not None}
    for name in _SAMPLING:
        if (value := getattr(request, name)) is not None:
            config.setdefault(name, value)
    if (most := max_output_tokens(request)) is not None:
        config["max_output_tokens"] = most
    if request.stop:
        config["stop_sequences"] = list(request.stop)
    contents = _contents(request)
    if system and contents:
        config["system_instruction"] = mended(system)
    elif system:  # Google answers no instruction alone
        contents = [{"role": "user", "parts": [{"text": mended(system)}]}]
    if request.schema is not None:
        config["response_mime_type"] = "application/json"
    if request.schema:
        config["response_json_schema"] = _schema(request.schema)
    if request.tools:
        config |= _tools(request)
    if (thinking := thinking_config(request.model, request.thinking)) is not None:
        config["thinking_config"] = thinking
    return contents, config


def max_output_tokens(request: ChatRequest) -> int | None:
    """None leaves it to Google."""
    if request.max_tokens is None or not request.room_to_think:
        return request.max_tokens
    return request.max_tokens + room(request.model, request)


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "$schema"}


def _tools(request: ChatRequest) -> dict[str, Any]:
    declared = {"function_declarations": [_declaration(tool) for tool in request.tools]}
    config: dict[str, Any] = {"tools": [declared], "automatic_function_calling": {"disable": True}}
    if (choice := request.tool_choice) is not None:
        calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
        if choice.mode == "required" and choice.name:
            calling["allowed_function_names"] = [choice.name]
        config["tool_config"] = {"function_calling_config": calling}
    return config


def _declaration(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parameters_json_schema": _schema(tool.parameters)}


def _contents(request: ChatRequest) -> list[dict[str, Any]]:
    """Turns of one side that follow each other become one: Google wants all results of a turn's calls together."""
    names = {part.id: part.name for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    signed = (model_version(request.model) or (0, 0)) >= (3, 0)
    contents: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "system":
            continue
        role = "model" if message.role == "assistant" else "user"
        parts = [plain for part in message.parts for plain in _parts(part, names)] or [{"text": ""}]
        if signed and role == "model":
            _excuse(parts)
        if contents and contents[-1]["role"] == role and (role == "model" or _answers(message)):
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _answers(message: Message) -> bool:
    return any(isinstance(part, ToolResult) for part in message.parts)


def _excuse(parts: list[dict[str, Any]]) -> None:
    """The first call of a turn carries the signature of all."""
    first = next((part for part in parts if "function_call" in part), None)
    if first is not None and "thought_signature" not in first:
        first["thought_signature"] = _bytes(NO_SIGNATURE)


def _parts(part: Part, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    match part:
        case Text(text, signature) if text or signature:
            yield {"text": mended(text), **_signed(signature)}
        case Image():
            yield _image(part)
        case Thought(text, signature) if signature and not part.redacted:
            yield {"text": mended(text), **({"thought": True} if text else {}), **_signed(signature)}
        case ToolCall():
            call = {"id": part.id, "name": part.name, "args": part.input}
            yield {"function_call": call, **_signed(part.signature)}
        case ToolResult():
            name = part.name or names.get(part.call_id, "")
            yield {"function_response": {"id": part.call_id, "name": name, "response": _response(part)}}
            yield from map(_image, part.images)


def _response(result: ToolResult) -> dict[str, Any]:
    """Google wants an object; `output` and `error` are its names for what is none."""
    content = mended(result.content)
    if result.failed:
        return {"error": content}
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"output": content}


def _image(image: Image) -> dict[str, Any]:
    if image.data:
        return {"inline_data": {"mime_type": media_type(image), "data": image.data}}
    address = image.url or ""
    kind = image.media_type or mimetypes.guess_type(address.partition("?")[0])[0] or "image/jpeg"
    return {"file_data": {"file_uri": address, "mime_type": kind}}


def _signed(signature: str | None) -> dict[str, bytes]:
    """What is no base64 is a signature of somebody else's."""
    try:
        return {"thought_signature": _bytes(signature)} if signature else {}
    except (NotBase64, ValueError):
        return {}


def _bytes(signature: str) -> bytes:
    """Base64 of either alphabet, with or without its padding."""
    plain = signature.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


class Reading:
    """The chunks of one answer (`GenerateContentResponse.model_dump(mode="json")`) as pieces, the last one with the usage."""

    def __init__(self, mark: str | None = None):
        self._mark = mark or token()
        self._ids: list[str] = []
        self._said, self._thought = Halves(), Halves()
        self._usage = Usage(estimated=True)
        self._version: str | None = None

    def deltas(self, chunk: dict[str, Any]) -> Iterator[ChatDelta]:
        """Raises QuestionRefused for a blocked prompt, and InvalidAnswer for a call of a tool that cannot be read."""
        candidates = chunk.get("candidates") or []
        feedback = chunk.get("prompt_feedback") or {}
        if not candidates and (blocked := feedback.get("block_reason")):
            raise QuestionRefused(
                f"Gemini refused the prompt ({reason(str(blocked))}).",
                hint="Use another model, or send AI-Provider ollama or builtin.",
            )
        self._version = mended(chunk.get("model_version") or "") or self._version
        self._usage = _usage(chunk["usage_metadata"]) if chunk.get("usage_metadata") else self._usage
        first = candidates[0] if candidates else {}
        for part in (first.get("content") or {}).get("parts") or []:
            yield from self._part(part)
        if (finish := self._finish(first.get("finish_reason"))) is not None:
            text, thinking = self._said.add("", last=True), self._thought.add("", last=True)
            yield ChatDelta(text, thinking, finish, self._usage, self._version)

    def _part(self, part: dict[str, Any]) -> Iterator[ChatDelta]:
        signature = _text_of(part.get("thought_signature"))
        if isinstance(call := part.get("function_call"), dict):
            yield ChatDelta(tool_calls=(self._call(call, signature),))
            return
        text = part.get("text") or ""
        said, thought = ("", self._thought.add(text)) if part.get("thought") else (self._said.add(text), "")
        if said or thought or signature:
            yield ChatDelta(said, thought, signature=signature)

    def _call(self, call: dict[str, Any], signature: str | None) -> ToolCallDelta:
        index, own = len(self._ids), call.get("id")
        self._ids.append(own if own and own not in self._ids else f"call_{self._mark}{index}")
        name = mended(call.get("name") or "")
        if not name:
            raise InvalidAnswer("Gemini called a tool without a name.", hint="Ask again.")
        return ToolCallDelta(index, self._ids[index], name, as_text(call.get("args")), signature)

    def _finish(self, word: str | None) -> FinishReason | None:
        match word:
            case None | "FINISH_REASON_UNSPECIFIED":
                return None
            case "STOP":
                return "tool_calls" if self._ids else "stop"
            case "MAX_TOKENS":
                return "length"
            case "MISSING_THOUGHT_SIGNATURE":
                hint = "Send back what the model said with its signatures, as it came."
                raise QuestionRefused("Gemini misses the signature of a thought in the conversation.", hint=hint)
        if word in _UNUSABLE:
            raise InvalidAnswer("Gemini wrote a call of a tool that cannot be read.", hint="Ask again, or use another model.")
        return "filtered" if word in _FILTERED else "other"


def _text_of(signature: Any) -> str | None:
    """Standard base64: the SDK writes bytes in the other alphabet."""
    return signature.replace("-", "+").replace("_", "/") if isinstance(signature, str) and signature else None


def _usage(usage: dict[str, Any]) -> Usage:
    """Google counts the cached tokens into the prompt, and thoughts apart from the answer."""
    cached = usage.get("cached_content_token_count") or 0
    read = (usage.get("prompt_token_count") or 0) + (usage.get("tool_use_prompt_token_count") or 0)
    return Usage(
        max(read - cached, 0),
        usage.get("candidates_token_count") or 0,
        cache_read=min(cached, read),
        output_reasoning=usage.get("thoughts_token_count") or 0,
    )
