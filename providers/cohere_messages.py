"""Turns and tools in the words of Cohere's chat. Pure.

Source: docs.cohere.com/reference/chat, docs.cohere.com/docs/tool-use-overview, cohere-python (types of v2).
"""

from collections.abc import Sequence
from typing import Any

from providers.pictures import data_url
from providers.types import Image, Message, Text, Thought, Tool, ToolCall, ToolChoice, ToolResult


def wire_messages(messages: Sequence[Message], *, thoughts: bool) -> list[dict[str, Any]]:
    """Turns without any words are left out. Pictures that tools gave follow the results as a turn of the user.

    `thoughts` says whether those go back that led to calls of tools.
    """
    written: list[dict[str, Any]] = []
    shown: list[Image] = []
    for message in messages:
        if message.role == "tool":
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            written += [_result(result) for result in results]
            shown += [image for result in results for image in result.images]
            continue
        written += _shown(shown)
        shown = []
        turn = _assistant(message, thoughts) if message.role == "assistant" else _turn(message)
        if len(turn) > 1:
            written.append(turn)
    return written + _shown(shown)


def _shown(images: Sequence[Image]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [_picture(image) for image in images]}] if images else []


def _turn(message: Message) -> dict[str, Any]:
    if not message.images or message.role == "system":
        return {"role": message.role} | ({"content": message.content} if message.content.strip() else {})
    parts = [
        {"type": "text", "text": part.text} if isinstance(part, Text) else _picture(part)
        for part in message.parts
        if isinstance(part, Image) or (isinstance(part, Text) and part.text.strip())
    ]
    return {"role": message.role, "content": parts}


def _assistant(message: Message, thoughts: bool) -> dict[str, Any]:
    """What is said beside calls of tools is their plan."""
    written: dict[str, Any] = {"role": "assistant"}
    words = message.content if message.content.strip() else ""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if not calls:
        return written | ({"content": words} if words else {})
    written["tool_calls"] = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in calls
    ]
    if words:
        written["tool_plan"] = words
    thought = "".join(part.text for part in message.parts if isinstance(part, Thought) and not part.redacted)
    if thought and thoughts:
        written["content"] = [{"type": "thinking", "thinking": thought}]
    return written


def _result(result: ToolResult) -> dict[str, Any]:
    """There is no mark for a tool that failed: its words have to say it."""
    content = f"Error: {result.content}" if result.failed else result.content
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _picture(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(image) if image.data else image.url or ""}}


def wire_tools(tools: Sequence[Tool], choice: ToolChoice | None, *, strict: bool, choosing: bool) -> dict[str, Any]:
    """`tools`, `tool_choice` and `strict_tools`; nothing without tools.

    No tool can be demanded by its name: it is the only one that is offered. `strict` and `choosing` say whether the model takes
    these two at all; Cohere holds only tools to their schemas that require an argument, and all of them or none.
    """
    if choice is not None and choice.mode == "required" and choice.name:
        tools = [tool for tool in tools if tool.name == choice.name]
    if not tools:
        return {}
    body: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]}
    if choice is not None and choice.mode != "auto" and choosing:
        body["tool_choice"] = choice.mode.upper()
    if strict and all(tool.strict and tool.parameters.get("required") for tool in tools):
        body["strict_tools"] = True
    return body


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": {"type": "object", **tool.parameters}}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}
