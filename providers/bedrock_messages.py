"""Turns and tools in the words of Bedrock's Converse. Pure.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and the shapes of botocore's service model.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Any

from core.errors import InvalidField
from providers.histories import alternating
from providers.pictures import media_type
from providers.types import Image, Message, Part, Text, Thought, Tool, ToolCall, ToolChoice, ToolResult

_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_ID = 64
_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}


def wire_messages(messages: Sequence[Message], *, thoughts: bool) -> list[dict[str, Any]]:
    """Without what the system says. Results of tools are the user's; turns of one role become one.

    Thoughts go back only with their signature, and only when `thoughts` says so. Raises InvalidField for a picture by its
    address, and for one of another kind than PNG, JPEG, GIF and WebP.
    """
    return alternating(messages, lambda part: _block(part, thoughts))


def _block(part: Part, thoughts: bool) -> dict[str, Any] | None:
    match part:
        case Text(text=text):
            return {"text": text} if text.strip() else None
        case Image():
            return _picture(part)
        case Thought(redacted=True) if thoughts:
            return {"reasoningContent": {"redactedContent": part.text}}
        case Thought(signature=str()) if thoughts:
            return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
        case ToolCall():
            return {"toolUse": {"toolUseId": _id(part.id), "name": part.name, "input": part.input}}
        case ToolResult():
            return {"toolResult": _result(part)}
    return None


def _id(text: str) -> str:
    """Ids of other hosts may have signs that Bedrock refuses, or be longer than 64."""
    known = _NO_ID.sub("_", text) or "_"
    return known if len(known) <= _LONGEST_ID else hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _result(result: ToolResult) -> dict[str, Any]:
    """Models refuse a text without words: nothing is said as a dash."""
    words = [{"text": result.content}] if result.content.strip() else []
    content = [*words, *(_picture(image) for image in result.images)] or [{"text": "-"}]
    written: dict[str, Any] = {"toolUseId": _id(result.call_id), "content": content}
    return written | ({"status": "error"} if result.failed else {})


def _picture(image: Image) -> dict[str, Any]:
    if not image.data:
        raise InvalidField(
            "AWS Bedrock does not fetch pictures by their address.", field="messages", hint="Send the bytes of the picture."
        )
    kind = _FORMATS.get(media_type(image))
    if kind is None:
        raise InvalidField(
            "AWS Bedrock takes pictures as PNG, JPEG, GIF and WebP.", field="messages", hint="Send the picture as one of these."
        )
    return {"image": {"format": kind, "source": {"bytes": base64.b64encode(image.data).decode()}}}


def wire_tool(tool: Tool, *, strict: bool) -> dict[str, Any]:
    """`strict` says whether the model can be held to the schema of its arguments."""
    written: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": {"type": "object", **tool.parameters}}}
    if tool.description.strip():
        written["description"] = tool.description
    if tool.strict and strict:
        written["strict"] = True
    return {"toolSpec": written}


def wire_choice(choice: ToolChoice | None) -> dict[str, Any]:
    """{} when nothing was said. None of the tools cannot be chosen: they are not offered then."""
    if choice is None or choice.mode == "none":
        return {}
    if choice.mode == "required":
        return {"toolChoice": {"tool": {"name": choice.name}} if choice.name else {"any": {}}}
    return {"toolChoice": {"auto": {}}}
