"""An answer of a form from models that keep to no schema but that of a tool: the arguments of a call are the answer. Pure."""

from typing import Any

from providers.types import Tool
from providers.wrapping import NAME, has_other_root, in_an_object

SAY_JSON = "Answer with JSON and nothing else."
_SAY_ANSWER = "Gives the answer. Call it exactly once, with the whole answer."


def answer_tool(schema: dict[str, Any]) -> Tool:
    """Arguments are objects, so any other schema stands inside one."""
    return Tool(NAME, _SAY_ANSWER, in_an_object(schema) if has_other_root(schema) else schema)
