"""Why a parameter or a member of a body cannot be used, in words: what validators say of patterns and types stays inside."""

from collections.abc import Mapping
from typing import Any


def of_parameter(name: str, error: Mapping[str, Any], description: str) -> str:
    """`description` begins with what the parameter must be; its purpose may follow after a colon.

    >>> of_parameter("wait", {"type": "float_parsing"}, "A number of seconds from 0 to 120: how long to wait.")
    'wait must be a number of seconds from 0 to 120.'
    """
    wanted = description.partition(":")[0].rstrip(".")
    missing = " is missing: it" if error["type"] == "missing" else ""
    return f"{name}{missing} must be {wanted[0].lower()}{wanted[1:]}."


def of_member(name: str, error: Mapping[str, Any]) -> str:
    """`name` is the member of a JSON body; empty for the body as a whole.

    >>> of_member("mode", {"type": "literal_error", "ctx": {"expected": "'cpu', 'gpu' or 'auto'"}, "msg": ""})
    "mode must be 'cpu', 'gpu' or 'auto'."
    """
    match error["type"]:
        case "missing":
            return f"{name} is missing."
        case "extra_forbidden":
            return f"There is no member {name!r}."
        case "literal_error":
            return f"{name} must be {error['ctx']['expected']}."
        case "string_type":
            return f"{name} must be a text."
        case "model_type" if name:
            return f"{name} must be an object."
    return f"{name}: {error['msg']}." if name else "The body must be a JSON object."
