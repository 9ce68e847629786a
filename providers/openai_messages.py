"""Turns and tools in the words of OpenAI's chat completions. Pure.

Source: platform.openai.com/docs/api-reference/chat/create.
"""

from collections.abc import Sequence
from typing import Any

from core.errors import InvalidField
from providers.openai_habits import Habits
from providers.pictures import data_url
from providers.types import Image, Message, Text, Thought, Tool, ToolCall, ToolChoice, ToolResult


def wire_messages(messages: Sequence[Message], habits: Habits) -> list[dict[str, Any]]:
    """Each result of a tool is a message of its own; pictures of results follow them as the user's, who alone may show any.

    Raises InvalidField for a picture by its address where the host fetches none.
    """
    written: list[dict[str, Any]] = []
    shown: list[Image] = []
    for message in messages:
        if message.role == "tool":
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            written += [_result(result) for result in results]
            shown += [image for result in results for image in result.images]
            continue
        if shown:
            written.append({"role": "user", "content": [_picture(image, habits) for image in shown]})
            shown = []
        written.append(_assistant(message, habits) if message.role == "assistant" else _turn(message, habits))
    if shown:
        written.append({"role": "user", "content": [_picture(image, habits) for image in shown]})
    return written


def _turn(message: Message, habits: Habits) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": message.content}
    parts = [
        {"type": "text", "text": part.text} if isinstance(part, Text) else _picture(part, habits)
        for part in message.parts
        if isinstance(part, Text | Image) and part != Text("")
    ]
    return {"role": message.role, "content": parts}


def _assistant(message: Message, habits: Habits) -> dict[str, Any]:
    written: dict[str, Any] = {"role": "assistant", "content": message.content}
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in calls
        ]
        thoughts = "".join(part.text for part in message.parts if isinstance(part, Thought) and not part.redacted)
        if thoughts and habits.thoughts:
            written[habits.thoughts] = thoughts
    return written


def _result(result: ToolResult) -> dict[str, Any]:
    """The dialect has no mark for a tool that failed: its words have to say it."""
    content = f"Error: {result.content}" if result.failed else result.content
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _picture(image: Image, habits: Habits) -> dict[str, Any]:
    if image.data:
        url = data_url(image)
    elif habits.image_urls and image.url:
        url = image.url
    else:
        raise InvalidField(
            "This provider does not fetch pictures by their address.", field="messages", hint="Send the bytes of the picture."
        )
    return {"type": "image_url", "image_url": {"url": url}}


def wire_tools(tools: Sequence[Tool], choice: ToolChoice | None, habits: Habits) -> dict[str, Any]:
    """`tools`, `tool_choice` and `parallel_tool_calls`; nothing without tools.

    Where no tool can be demanded by its name, it is the only one that is offered.
    """
    if not tools:
        return {}
    if choice is not None and choice.name and not habits.named_tool:
        tools = [tool for tool in tools if tool.name == choice.name]
    body: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]}
    if choice is None:
        return body
    named = choice.mode == "required" and choice.name and habits.named_tool
    body["tool_choice"] = {"type": "function", "function": {"name": choice.name}} if named else choice.mode
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel
    return body


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}
