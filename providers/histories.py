"""Histories as hosts want them that alternate users and assistants, and that know only tools that are offered."""

from collections.abc import Callable, Sequence
from typing import Any

from providers.types import ChatRequest, Message, Part, Thought, Tool, ToolCall, ToolResult

_OF_TOOLS = (ToolCall, ToolResult)


def tools_of(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools of a request; without any, those that its history calls: such hosts refuse calls of tools they were not told.

    Source: docs.anthropic.com/en/docs/agents-and-tools/tool-use, Bedrock's ValidationException "toolConfig must be defined".
    """
    if request.tools:
        return request.tools
    parts = [part for message in request.messages for part in message.parts if isinstance(part, _OF_TOOLS)]
    if not parts:
        return ()
    calls = {part.id: part.name for part in parts if isinstance(part, ToolCall)}
    results = {part.call_id: part.name for part in parts if isinstance(part, ToolResult)}
    return tuple(Tool(name) for name in dict.fromkeys([*calls.values(), *results.values()]) if name)


def system_of(messages: Sequence[Message]) -> str:
    """What the system says, wherever it says it."""
    return "\n\n".join(message.content for message in messages if message.role == "system" and message.content.strip())


def alternating(messages: Sequence[Message], block: Callable[[Part], dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Turns {role, content: the `block` of each part that has one}, without what the system says and without empty ones.

    Results of tools are the user's; turns of one role after the other are one. A text has a member `text`.
    """
    written: list[dict[str, Any]] = []
    for message in messages:
        content = [told for part in message.parts if (told := block(part)) is not None]
        if message.role == "system" or not content:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if written and written[-1]["role"] == role:
            written[-1]["content"] += content
        else:
            written.append({"role": role, "content": content})
    last = written[-1]["content"][-1] if written and written[-1]["role"] == "assistant" else {}
    if "text" in last:
        last["text"] = last["text"].rstrip()  # an answer that is begun must not end with white space
    return written


def is_unsigned(messages: Sequence[Message]) -> bool:
    """Whether the turn under way calls tools without the signed thought that began it, as other dialects lose it."""
    for message in reversed(messages):
        if message.role == "assistant":
            thought = any(isinstance(part, Thought) and (part.signature or part.redacted) for part in message.parts)
            return any(isinstance(part, ToolCall) for part in message.parts) and not thought
        if message.role != "tool":
            return False
    return False
