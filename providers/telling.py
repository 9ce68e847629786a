"""Reading what others tell: members of JSON that may be missing or of another kind."""

from typing import Any


def member(value: Any, name: str) -> dict[str, Any]:
    """The object under `name`; {} when there is none."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def entries(value: Any, name: str) -> list[dict[str, Any]]:
    """The objects of the list under `name`."""
    inner = value.get(name) if isinstance(value, dict) else None
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []


def text(value: Any, name: str) -> str:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, str) else ""


def count(value: Any, name: str) -> int | None:
    """A number that counts something: None when it is missing or negative."""
    inner = value.get(name) if isinstance(value, dict) else None
    if isinstance(inner, float) and inner.is_integer():  # Cohere counts tokens so
        inner = int(inner)
    return inner if type(inner) is int and inner >= 0 else None  # not true, which is 1
