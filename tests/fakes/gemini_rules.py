"""What Google refuses of a conversation: each check gives its words."""

import base64
import re
from collections.abc import Iterator
from typing import Any

SKIPPED = b"skip_thought_signature_validator"
_DECLARATION = frozenset(["name", "description", "parameters", "parametersJsonSchema", "response", "behavior"])
_PART = frozenset(
    ["text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse", "videoMetadata"]
)

_FREE = frozenset(["args", "response", "parametersJsonSchema", "responseJsonSchema", "responseSchema", "parameters"])


def camel(value: Any) -> Any:
    """proto3 JSON takes a field by its JSON name and by its name in the .proto; what is free inside stays as it is."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in _FREE else camel(inner) for name, inner in named.items()}


def check_thinking(entry: dict[str, Any], thinking: dict[str, Any]) -> Iterator[str]:
    third = entry["name"] >= "models/gemini-3"
    if thinking and not entry.get("thinking"):
        yield "Thinking is not enabled for this model."
    if "thinkingBudget" in thinking and third:
        yield "Thinking budget is not supported for this model. Use thinking_level."
    if "thinkingLevel" in thinking and not third:
        yield "Thinking level is not supported for this model."
    if thinking.get("thinkingBudget") == 0 and "-pro" in entry["name"]:
        yield "Budget 0 is invalid. This model only works in thinking mode."
    if thinking.get("thinkingLevel") == "MINIMAL" and "-pro" in entry["name"]:
        yield "Thinking level MINIMAL is not supported for this model."


def check_tools(tools: list[dict[str, Any]]) -> Iterator[str]:
    for declaration in (one for tool in tools for one in tool.get("functionDeclarations", ())):
        for name in declaration.keys() - _DECLARATION:
            yield f"Invalid JSON payload received. Unknown name \"{name}\" at 'tools[0].function_declarations[0]': Cannot find field."
        if "$schema" in (declaration.get("parametersJsonSchema") or {}):
            yield "Unknown name \"$schema\" at 'tools[0].function_declarations[0].parameters_json_schema'"


def check_parts(entry: dict[str, Any], contents: list[dict[str, Any]]) -> Iterator[str]:
    calls = 0
    for position, content in enumerate(contents):
        parts = content.get("parts") or []
        if content.get("role", "user") not in ("user", "model"):
            yield "Please use a valid role: user, model."
        for name in {name for part in parts for name in part} - _PART:
            yield f"Invalid JSON payload received. Unknown name \"{name}\" at 'contents[{position}].parts[0]': Cannot find field."
        results = sum("functionResponse" in part for part in parts)
        if (results or calls) and results != calls:
            yield (
                "Please ensure that the number of function response parts is equal to the number of function call parts of the "
                "function call turn."
            )
        yield from _signatures(entry, parts, position)
        calls = sum("functionCall" in part for part in parts)


def _signatures(entry: dict[str, Any], parts: list[dict[str, Any]], position: int) -> Iterator[str]:
    called = [part for part in parts if "functionCall" in part]
    if entry["name"] >= "models/gemini-3" and called and "thoughtSignature" not in called[0]:
        name = called[0]["functionCall"]["name"]
        yield (
            f"Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. "
            f"Additional data, function call `{name}`, position {position}."
        )
    for signature in (part["thoughtSignature"] for part in parts if "thoughtSignature" in part):
        told = base64.urlsafe_b64decode(signature.replace("+", "-").replace("/", "_"))
        if not told.endswith(b"signed by the fake") and base64.urlsafe_b64encode(told) != SKIPPED:
            yield "Thought signature is not valid."
