"""Ollama's native JSON and back: pure, without HTTP. Facts from server/routes.go and api/types.go of Ollama (2026-08)."""

import base64
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from core.errors import InvalidField, ProviderError
from providers.arguments import as_text
from providers.telling import count
from providers.types import (
    ChatDelta,
    ChatRequest,
    FinishReason,
    Image,
    Message,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
)  # fmt: skip
from utils import mended, token

#: A difference in one of these loads the model anew: they are ours to choose, never the caller's.
RUNNER_OPTIONS = frozenset({"num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict"})
_OURS = RUNNER_OPTIONS | {"think"}
_SAMPLING = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_sampling = attrgetter(*_SAMPLING)
_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


def to_wire(
    request: ChatRequest, *, num_ctx: int, num_gpu: int | None, keep_alive: int, think: bool | str | None, num_predict: int
) -> dict[str, Any]:
    """The body of `POST /api/chat`. Nothing is sent as null; runner options in `request.options` are dropped.

    Raises InvalidField for a picture that is only an address, which Ollama does not fetch.
    """
    body = {
        "model": request.model,
        "messages": [plain for message in request.messages for plain in _messages(message)],
        "stream": True,
        "options": _options(request, num_ctx, num_gpu, num_predict),
        "keep_alive": keep_alive,
        "truncate": False,
        "shift": False,
    }
    if request.schema is not None:
        body["format"] = request.schema or "json"
    if tools := offered(request):
        body["tools"] = [_tool(tool) for tool in tools]
    return body if think is None else {**body, "think": think}


def _options(request: ChatRequest, num_ctx: int, num_gpu: int | None, num_predict: int) -> dict[str, Any]:
    options = {name: value for name, value in request.options.items() if name not in _OURS and value is not None}
    for name, value in zip(_SAMPLING, _sampling(request), strict=True):
        if value is not None:
            options.setdefault(name, value)
    if request.stop:
        options.setdefault("stop", list(request.stop))
    options["num_ctx"] = num_ctx
    options["num_predict"] = num_predict
    if num_gpu is not None:
        options["num_gpu"] = num_gpu
    return options


def offered(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools that the model is told of."""
    choice = request.tool_choice
    if choice is None or choice.mode == "auto":
        return request.tools
    if choice.mode == "none":
        return ()
    return tuple(tool for tool in request.tools if choice.name in (None, tool.name))


def _tool(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"type": "function", "function": {"name": tool.name, **described, "parameters": tool.parameters}}


def _messages(message: Message) -> list[dict[str, Any]]:
    """One message, or one for each result of a tool and one for what was said besides."""
    results = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
    return results if results and len(results) == len(message.parts) else [*results, _message(message)]


def _message(message: Message) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[Image] = []
    calls: list[ToolCall] = []
    for part in message.parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Image):
            images.append(part)
        elif isinstance(part, ToolCall):
            calls.append(part)
        elif isinstance(part, Thought) and not part.redacted:
            thoughts.append(part.text)
    plain: dict[str, Any] = {"role": "user" if message.role == "tool" else message.role, "content": mended("".join(texts))}
    if encoded := _images(images):
        plain["images"] = encoded
    if thought := mended("".join(thoughts)):
        plain["thinking"] = thought
    if calls:
        plain["tool_calls"] = [
            {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.input}}
            for index, call in enumerate(calls)
        ]
    return plain


def _result(result: ToolResult) -> dict[str, Any]:
    """Ollama has no mark for a tool that failed, so its words say it."""
    failed = result.failed and not result.content.lower().startswith("error")
    content = mended(f"Error: {result.content}" if failed else result.content)
    plain: dict[str, Any] = {"role": "tool", "content": content, "tool_call_id": result.call_id}
    if result.name:
        plain["tool_name"] = result.name
    if images := _images(result.images):
        plain["images"] = images
    return plain


def _images(images: Iterable[Image]) -> list[str]:
    for image in images:
        if image.url and not image.data:
            hint = "Send the picture itself, as base64."
            raise InvalidField("Ollama does not fetch pictures from addresses.", hint=hint, field="messages")
    return [base64.b64encode(image.data).decode() for image in images if image.data]


class Reading:
    """The lines of one answer as pieces. Calls of tools get distinct indexes and, where Ollama gives none, ids of their own."""

    def __init__(self, version: str | None, mark: str | None = None):
        self._version = version
        self._mark = mark
        self._ids: list[str] = []

    def delta(self, line: dict[str, Any]) -> ChatDelta:
        """Counts may be absent (`omitempty`): the usage is then estimated. Raises ProviderError."""
        message = line.get("message")
        said = message if isinstance(message, dict) else {}
        text, thinking = said.get("content") or "", said.get("thinking") or ""
        if not isinstance(text, str) or not isinstance(thinking, str):
            raise ProviderError("Ollama sent an answer that is not text.")
        told = said.get("tool_calls")
        calls = tuple(map(self._call, told)) if isinstance(told, list) else ()
        if line.get("done") is not True:
            return ChatDelta(text, thinking, tool_calls=calls)
        return ChatDelta(text, thinking, self._finish(line), usage(line), self._version, calls)

    def given(self, delta: ChatDelta) -> ChatDelta:
        """What of a piece goes to the caller."""
        return delta

    def _call(self, call: Any) -> ToolCallDelta:
        """Ollama's own `index` is no help: models that call one tool a line begin each line at 0."""
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not name:
            raise ProviderError("Ollama sent a call of a tool that has no name.")
        index, own = len(self._ids), call.get("id")
        known = isinstance(own, str) and own and own not in self._ids
        self._ids.append(own if known else self._made_id(index))
        return ToolCallDelta(index, self._ids[index], name, as_text(function.get("arguments")))

    def _made_id(self, index: int) -> str:
        self._mark = self._mark or token()
        return f"call_{self._mark}{index}"

    def _finish(self, line: dict[str, Any]) -> FinishReason:
        """Ollama says `stop` after calls of tools, too."""
        reason = finish_reason(line)
        return "tool_calls" if reason == "stop" and self._ids else reason


def finish_reason(line: dict[str, Any]) -> FinishReason:
    return _REASONS.get(str(line.get("done_reason", "stop")), "other")


def usage(line: dict[str, Any]) -> Usage:
    """The tokens of the last line; Ollama counts thoughts into the answer."""
    read, written = count(line, "prompt_eval_count"), count(line, "eval_count")
    return Usage(read or 0, written or 0, estimated=read is None or written is None)


def starts_json(text: str) -> bool:
    """Whether `text`, without white space before it, can begin a value of JSON or a fenced one."""
    return text.lstrip()[:1] in {"", "{", "[", '"', "`", "-", "t", "f", "n", *"0123456789"}
