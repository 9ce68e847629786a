"""Why a parameter or a member of a body cannot be used, in words: what validators say of patterns and types stays inside."""

from collections.abc import Mapping
from typing import Any

#: By the beginning of pydantic's type of an error: what the member must be, with its context (docs.pydantic.dev/latest/errors).
_WANTED = (
    ("literal_error", "{expected}"),
    ("string_type", "a text"),
    ("string_too_short", "a text of {min_length} or more letters"),
    ("string_too_long", "a text of at most {max_length} letters"),
    ("string_pattern", "written as GET /docs shows it"),
    ("int_", "a whole number"),
    ("float_", "a number"),
    ("finite_number", "a number"),
    ("bool_", "true or false"),
    ("greater_than_equal", "at least {ge:.15g}"),
    ("greater_than", "more than {gt:.15g}"),
    ("less_than_equal", "at most {le:.15g}"),
    ("list_type", "a list"),
    ("too_short", "a list of at least {min_length}"),
    ("too_long", "a list of at most {max_length}"),
    ("model_type", "an object"),
    ("date", "a time with its zone, such as 2030-01-31T00:00:00Z"),
    ("timezone_aware", "a time with its zone, such as 2030-01-31T00:00:00Z"),
)


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
    kind = error["type"]
    if not name:
        return "The body must be a JSON object."
    if kind == "missing":
        return f"{name} is missing."
    if kind == "extra_forbidden":
        return f"There is no member {name!r}."
    wanted = next((words for begin, words in _WANTED if kind.startswith(begin)), None)
    return f"{name}: {error['msg']}." if wanted is None else f"{name} must be {wanted.format(**error.get('ctx', {}))}."
