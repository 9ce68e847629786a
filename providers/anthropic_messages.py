"""Turns and tools in the words of Anthropic's messages. Pure.

Source: docs.anthropic.com/en/api/messages, /en/docs/agents-and-tools/tool-use/implement-tool-use.
"""

import base64
import re
from collections.abc import Sequence
from typing import Any

from providers.histories import alternating
from providers.pictures import media_type
from providers.types import Image, Message, Part, Text, Thought, Tool, ToolCall, ToolChoice, ToolResult

_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def wire_messages(messages: Sequence[Message], *, thoughts: bool) -> list[dict[str, Any]]:
    """Without what the system says, which stands elsewhere. Results of tools are the user's; turns of one role become one.

    Thoughts go back only with their signature, and only when `thoughts` says so: another host signs in another way.
    """
    return alternating(messages, lambda part: _block(part, thoughts))


def _block(part: Part, thoughts: bool) -> dict[str, Any] | None:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text} if text.strip() else None
        case Image():
            return _picture(part)
        case Thought(redacted=True) if thoughts:
            return {"type": "redacted_thinking", "data": part.text}
        case Thought(signature=str()) if thoughts:
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case ToolCall():
            return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": part.input}
        case ToolResult():
            return _result(part)
    return None


def _id(text: str) -> str:
    """Ids of other hosts may have signs that Anthropic refuses."""
    return _NO_ID.sub("_", text) or "_"


def _result(result: ToolResult) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(result.call_id)}
    if result.images:
        words = [{"type": "text", "text": result.content}] if result.content.strip() else []
        written["content"] = [*words, *(_picture(image) for image in result.images)]
    elif result.content:
        written["content"] = result.content
    return written | ({"is_error": True} if result.failed else {})


def _picture(image: Image) -> dict[str, Any]:
    if not image.data:
        return {"type": "image", "source": {"type": "url", "url": image.url or ""}}
    kind = media_type(image)
    source = {"type": "base64", "media_type": kind, "data": base64.b64encode(image.data).decode()}
    return {"type": "document" if kind == "application/pdf" else "image", "source": source}


def wire_tool(tool: Tool, *, strict: bool) -> dict[str, Any]:
    """`strict` says whether the model can be held to the schema of its arguments."""
    written: dict[str, Any] = {"name": tool.name, "input_schema": {"type": "object", **tool.parameters}}
    if tool.description:
        written["description"] = tool.description
    if tool.strict and strict:
        written["strict"] = True
    return written


def wire_choice(choice: ToolChoice | None) -> dict[str, Any]:
    """{} when nothing was said."""
    if choice is None:
        return {}
    if choice.mode == "required" and choice.name:
        written: dict[str, Any] = {"type": "tool", "name": choice.name}
    else:
        written = {"type": _CHOICES[choice.mode]}
    if choice.parallel is False and choice.mode != "none":
        written["disable_parallel_tool_use"] = True
    return written
