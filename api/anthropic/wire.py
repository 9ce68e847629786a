"""Anthropic's messages into the one vocabulary, and whole answers back. Pure.

Source: docs.claude.com/en/api/messages. `cache_control`, `metadata` and `service_tier` are knobs: dropped. What Anthropic runs
itself (server tools, MCP servers, containers) is refused.
"""

from typing import Any

from api.anthropic.blocks import blocks_of, read_assistant, read_system, read_user
from api.asked import Asked
from api.json_schemas import read_schema
from api.members import Body, as_mapping, at, flag, items, mapping, needed_text, number, refuse, text, texts, whole, wrong
from api.stamp import Stamp
from api.thinking import EFFORTS, of_think, samplers
from api.turns import Turns
from providers.types import ChatReply, ChatRequest, FinishReason, Message, Thinking, Tool, ToolChoice, Usage

FINISH: dict[FinishReason, str] = {
    "stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filtered": "refusal", "other": "end_turn",
}  # fmt: skip
_MODES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
_LEAST_BUDGET = 1024
_MOST_STOPS = 64
#: What `adaptive` means when no effort is said (docs.claude.com/en/docs/build-with-claude/effort).
_EFFORT = "high"
_OWN_TOOLS = "Run it on your side, and offer it to the model as a tool with an input_schema."


def chat_request(body: dict[str, Any]) -> Asked:
    """Raises InvalidField, with the path of the member."""
    for name in ("mcp_servers", "container"):
        if body.get(name):
            refuse(name, f"{name} is run by Anthropic alone.", "Name a model of Anthropic, or leave it out.")
    model = needed_text(body, "model")
    most = whole(body, "max_tokens", 1)
    if most is None:
        raise wrong("max_tokens", "is missing", "Say how many tokens the answer may have.")
    tools = tuple(_tool(tool, f"tools.{index}") for index, tool in enumerate(items(body, "tools")))
    output = mapping(body, "output_config") or {}
    request = ChatRequest(
        model=model,
        messages=_messages(body),
        schema=_schema(body, output),
        max_tokens=most,
        temperature=number(body, "temperature", 0, 1),
        options=samplers(mapping(body, "options") or {}),
        tools=tools,
        tool_choice=_choice(body, tools),
        thinking=_thinking(body, output, most) or of_think(body.get("think")),
        top_p=number(body, "top_p", 0, 1),
        top_k=whole(body, "top_k", 0),
        stop=texts(body, "stop_sequences", _MOST_STOPS),
    )
    return Asked(model, request)


def _messages(body: Body) -> tuple[Message, ...]:
    listed = items(body, "messages")
    if not listed:
        raise wrong("messages", "is missing", 'Send at least {"role": "user", "content": "…"}.')
    turns = Turns()
    if system := read_system(body):
        turns.say("system", system)
    for index, message in enumerate(listed):
        path = f"messages.{index}"
        message = as_mapping(message, path)
        match message.get("role"):
            case "user":
                read_user(message, path, turns)
            case "assistant":
                turns.say("assistant", read_assistant(message, path))
            case "system":
                turns.say("system", read_system({"system": message.get("content")}))
            case _:
                raise wrong(at(path, "role"), "is not a role", "Send user or assistant; system is a member of the body.")
    return turns.messages()


def _tool(tool: Any, path: str) -> Tool:
    tool = as_mapping(tool, path)
    if tool.get("type") not in (None, "custom"):
        refuse(at(path, "type"), "Tools that Anthropic runs or defines itself are not here.", _OWN_TOOLS)
    schema = read_schema(tool.get("input_schema"), at(path, "input_schema"))
    strict = flag(tool, "strict", path=path) if tool.get("strict") is not None else None
    return Tool(needed_text(tool, "name", path), text(tool, "description", path) or "", schema, strict)


def _choice(body: Body, tools: tuple[Tool, ...]) -> ToolChoice | None:
    choice = mapping(body, "tool_choice")
    if choice is None:
        return None
    mode = _MODES.get(needed_text(choice, "type", "tool_choice"))
    if mode is None:
        raise wrong("tool_choice.type", "is not a choice", f"Send one of: {', '.join(_MODES)}.")
    name = needed_text(choice, "name", "tool_choice") if choice["type"] == "tool" else None
    if name is not None and all(tool.name != name for tool in tools):
        raise wrong("tool_choice.name", "is the name of no tool that was sent", "Send the tool in tools, too.")
    if mode == "required" and not tools:
        raise wrong("tool_choice", "wants a call, but there are no tools", "Send tools, too.")
    single = choice.get("disable_parallel_tool_use")
    parallel = None if single is None else not flag(choice, "disable_parallel_tool_use", path="tool_choice")
    return ToolChoice(mode, name, parallel) if tools else None


def _schema(body: Body, output: Body) -> dict[str, Any] | None:
    """`output_format` is what `output_config.format` was called before."""
    path, form = "output_config.format", mapping(output, "format", "output_config")
    if form is None:
        path, form = "output_format", mapping(body, "output_format")
    if form is None:
        return None
    if form.get("type") != "json_schema":
        raise wrong(at(path, "type"), "is not a form of an answer", "Send json_schema.")
    return read_schema(form.get("schema"), at(path, "schema"))


def _thinking(body: Body, output: Body, most: int) -> Thinking | None:
    """`output_config.effort` alone makes no model think that would not."""
    effort = output.get("effort")
    if effort is not None and effort not in EFFORTS:
        raise wrong("output_config.effort", "is not a word for how much to think", f"Send one of: {', '.join(EFFORTS[2:])}.")
    thinking = mapping(body, "thinking")
    if thinking is None:
        return None
    match thinking.get("type"):
        case "disabled":
            return Thinking("none")
        case "adaptive":
            return Thinking(effort or _EFFORT)
        case "enabled":
            budget = whole(thinking, "budget_tokens", _LEAST_BUDGET, path="thinking")
            if budget is None:
                raise wrong("thinking.budget_tokens", "is missing", f"Send at least {_LEAST_BUDGET}, or the type adaptive.")
            if budget >= most:
                raise wrong("thinking.budget_tokens", "must be less than max_tokens", "Raise max_tokens.")
            return Thinking(budget_tokens=budget)
    raise wrong("thinking.type", "is not a way of thinking", "Send enabled, adaptive or disabled.")


def chat_reply(reply: ChatReply, asked: Asked, stamp: Stamp | None = None) -> dict[str, Any]:
    """The `message`."""
    stamp = stamp or Stamp()
    return {
        "id": f"msg_{stamp.token}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": blocks_of(reply.parts),
        "stop_reason": reason_of(reply.finish_reason, reply.stop_sequence),
        "stop_sequence": reply.stop_sequence,
        "usage": usage_of(reply.usage),
    }


def reason_of(reason: FinishReason, stop_sequence: str | None) -> str:
    return "stop_sequence" if stop_sequence is not None and reason == "stop" else FINISH[reason]


def usage_of(usage: Usage) -> dict[str, Any]:
    """The input's tokens are without those of the cache; the output's include thoughts."""
    return {
        "input_tokens": usage.input_uncached,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.output_reasoning},
    }
