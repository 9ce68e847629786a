"""A call of a tool that must come: Ollama has no `tool_choice`, but its grammar can hold a model to the form of a call."""

from dataclasses import replace
from typing import Any

import orjson

from core.errors import InvalidAnswer
from providers.arguments import as_text
from providers.ollama_wire import Reading, offered
from providers.types import ChatDelta, ChatRequest, Message, Text, Tool, ToolCallDelta

_ASKED = 'Call one of these functions now. Answer only with JSON: {"name": its name, "arguments": its arguments}.\n'


def prepared(request: ChatRequest) -> tuple[ChatRequest, type[Reading]]:
    """The question to send, and how its answer is read. When a call must come the answer is one call as JSON, and the tools
    stand in an instruction before all."""
    tools = offered(request)
    if not tools or request.tool_choice is None or request.tool_choice.mode != "required":
        return request, Reading
    told = [{"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in tools]
    asked = Message("system", (Text(_ASKED + orjson.dumps(told).decode()),))
    messages = (asked, *request.messages)
    return replace(request, messages=messages, tools=(), tool_choice=None, stop=(), schema=_schema(tools)), Calling


def _schema(tools: tuple[Tool, ...]) -> dict[str, Any]:
    """References inside the parameters begin at the root, so what they refer to moves there."""
    shared: dict[str, Any] = {}
    calls = []
    for tool in tools:
        parameters = {name: value for name, value in tool.parameters.items() if name not in ("$schema", "$defs")}
        shared |= tool.parameters.get("$defs") or {}
        properties = {"name": {"type": "string", "enum": [tool.name]}, "arguments": parameters}
        calls.append({"type": "object", "properties": properties, "required": ["name", "arguments"]})
    schema: dict[str, Any] = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return schema | ({"$defs": shared} if shared else {})


class Calling(Reading):
    """The lines of an answer that is one call as JSON: its text is held back, and becomes the call at the end."""

    def __init__(self, version: str | None, mark: str | None = None):
        super().__init__(version, mark)
        self._written: list[str] = []

    def given(self, delta: ChatDelta) -> ChatDelta:
        """Raises InvalidAnswer when the answer is no call; one that was cut by its limit ends without one."""
        self._written.append(delta.text)
        if delta.finish_reason != "stop":
            return replace(delta, text="")
        return replace(delta, text="", tool_calls=(self._whole(),), finish_reason="tool_calls")

    def _whole(self) -> ToolCallDelta:
        try:
            call = orjson.loads("".join(self._written))
        except orjson.JSONDecodeError:
            call = None
        if not isinstance(call, dict) or not isinstance(name := call.get("name"), str):
            raise InvalidAnswer("The model wrote no call of a tool.", hint="Ask again, or use a larger model.")
        return ToolCallDelta(0, self._made_id(0), name, as_text(call.get("arguments")))
