"""An answer of a form from models that keep to no schema but that of a tool: the arguments of a call are the answer. Pure."""

from typing import Any

from providers.openai_schemas import NAME, in_an_object
from providers.types import Tool

SAY_JSON = "Answer with JSON and nothing else."
_SAY_ANSWER = "Gives the answer. Call it exactly once, with the whole answer."


def answer_tool(schema: dict[str, Any]) -> Tool:
    """Arguments are objects, so any other schema stands inside one."""
    return Tool(NAME, _SAY_ANSWER, schema if schema.get("type") == "object" else in_an_object(schema))
