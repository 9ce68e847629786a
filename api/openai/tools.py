"""Tools, the choice among them, and the wanted form of the answer, as chat completions say them and as responses do.

The two differ in one thing: chat completions wrap what is said of a function into `function`, and of a schema into
`json_schema`; responses say it flat. Source: platform.openai.com/docs/api-reference.
"""

from dataclasses import replace
from typing import Any

from api.json_schemas import read_schema
from api.members import Body, as_mapping, at, flag, items, needed_text, refuse, text, wrong
from providers.types import Tool, ToolChoice

_MEMBERS = frozenset({"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"})
_ONLY_FUNCTIONS = "Run other tools on your side, and offer them to the model as functions."


def read_tools(body: Body, *, flat: bool = False) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Raises InvalidField."""
    if _MEMBERS.isdisjoint(body):
        return (), None
    tools = tuple(_tool(tool, f"tools.{index}", flat) for index, tool in enumerate(items(body, "tools")))
    field = "tool_choice"
    wanted = body.get(field)
    if not flat and not tools:  # what there was before `tools`
        tools = tuple(_declared(tool, f"functions.{index}") for index, tool in enumerate(items(body, "functions")))
        if body.get("functions") is not None:
            field = "function_call"
            wanted = body.get(field)
            wanted = {"type": "function", "function": wanted} if isinstance(wanted, dict) else wanted
    tools, choice = _choice(wanted, field, tools, flat)
    if body.get("parallel_tool_calls") is not None and tools:
        choice = replace(choice or ToolChoice(), parallel=flag(body, "parallel_tool_calls"))
    return tools, choice


def _tool(tool: Any, path: str, flat: bool) -> Tool:
    tool = as_mapping(tool, path)
    if tool.get("type", "function") != "function":
        refuse(at(path, "type"), "Only functions can be offered as tools here.", _ONLY_FUNCTIONS)
    if flat:
        return _declared(tool, path)
    return _declared(as_mapping(tool.get("function"), at(path, "function")), at(path, "function"))


def _declared(function: Any, path: str) -> Tool:
    function = as_mapping(function, path)
    strict = flag(function, "strict", path=path) if function.get("strict") is not None else None
    known = Tool(needed_text(function, "name", path), text(function, "description", path) or "", strict=strict)
    if not function.get("parameters"):
        return known
    return replace(known, parameters=read_schema(function["parameters"], at(path, "parameters")))


def _choice(wanted: Any, field: str, tools: tuple[Tool, ...], flat: bool) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """The tools are fewer when only some are allowed."""
    if wanted is None:
        return tools, None
    if isinstance(wanted, str):
        if wanted not in ("none", "auto", "required"):
            raise wrong(field, "is not a choice", 'Send "auto", "none", "required" or the name of a function as an object.')
        if wanted == "required" and not tools:
            raise wrong(field, "wants a call, but there are no tools", "Send tools, too.")
        return tools, ToolChoice(wanted) if tools else None
    wanted = as_mapping(wanted, field)
    if wanted.get("type") == "allowed_tools":
        return _allowed(wanted if flat else wanted.get("allowed_tools"), field, tools, flat)
    if wanted.get("type", "function") != "function":
        refuse(at(field, "type"), "Only functions can be chosen here.", _ONLY_FUNCTIONS)
    name = _named(wanted, field, tools, flat)
    return tools, ToolChoice("required", name)


def _named(wanted: Body, field: str, tools: tuple[Tool, ...], flat: bool) -> str:
    inner, path = (wanted, field) if flat else (as_mapping(wanted.get("function"), at(field, "function")), at(field, "function"))
    name = needed_text(inner, "name", path)
    if all(tool.name != name for tool in tools):
        raise wrong(at(path, "name"), "is the name of no tool that was sent", "Send the tool in tools, too.")
    return name


def _allowed(wanted: Any, field: str, tools: tuple[Tool, ...], flat: bool) -> tuple[tuple[Tool, ...], ToolChoice]:
    inner = field if flat else at(field, "allowed_tools")
    wanted = as_mapping(wanted, inner)
    mode = wanted.get("mode", "auto")
    if mode not in ("auto", "required"):
        raise wrong(at(inner, "mode"), "is not a mode", "Send auto or required.")
    listed = items(wanted, "tools", inner)
    names = {_named(as_mapping(one, f"{inner}.tools.{i}"), f"{inner}.tools.{i}", tools, flat) for i, one in enumerate(listed)}
    if not names:
        raise wrong(at(inner, "tools"), "is empty", 'Name the tools that are allowed, or send "none".')
    return tuple(tool for tool in tools if tool.name in names), ToolChoice(mode)


def read_format(wanted: dict[str, Any] | None, field: str, *, flat: bool = False) -> dict[str, Any] | None:
    """The JSON Schema of the answer, {} for any JSON, None for text."""
    if wanted is None:
        return None
    match wanted.get("type"):
        case "text":
            return None
        case "json_object":
            return read_schema(wanted.get("schema") or {}, at(field, "schema"))  # with one: llama.cpp's way to say it
        case "json_schema":
            path = field if flat else at(field, "json_schema")
            inner = wanted if flat else as_mapping(wanted.get("json_schema"), path)
            if inner.get("schema") is not None:
                return read_schema(inner["schema"], at(path, "schema"))
            raise wrong(at(path, "schema"), "is missing", "Send a JSON Schema.")
    raise wrong(at(field, "type"), "is not a form of an answer", "Send text, json_object or json_schema.")
