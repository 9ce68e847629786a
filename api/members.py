"""Members of a client's JSON body, checked by hand: each error names the member by its path and says the cure.

null means "not said" everywhere, as in every dialect.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from core.errors import InvalidField

Body = Mapping[str, Any]
#: The members of an object are read by one of these functions: `path` is where the object is, "" for the body itself.
_MOST_TOKENS = 1 << 30


def at(path: str, name: str | int) -> str:
    return f"{path}.{name}" if path else str(name)


def wrong(field: str, what: str, hint: str | None = None) -> InvalidField:
    """`what` goes on after the name: "must be a text"."""
    return InvalidField(f"{field} {what}.", hint=hint, field=field)


def refuse(field: str, why: str, hint: str) -> NoReturn:
    """For what a dialect knows and this gateway cannot do: said, never dropped."""
    raise InvalidField(why, hint=hint, field=field)


def text(body: Body, name: str, path: str = "") -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise wrong(at(path, name), "must be a text", "Send it in quotation marks.")


def needed_text(body: Body, name: str, path: str = "") -> str:
    """A text that is not empty."""
    value = text(body, name, path)
    if not value:
        raise wrong(at(path, name), "is missing", "Send a text that is not empty.")
    return value


def number(body: Body, name: str, low: float, high: float, path: str = "") -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise wrong(at(path, name), f"must be a number from {low:g} to {high:g}", "Send a number in this range, or leave it out.")


def whole(body: Body, name: str, low: int, high: int = _MOST_TOKENS, path: str = "") -> int | None:
    """Also of a number such as 5.0, which some languages write for 5."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise wrong(at(path, name), f"must be a whole number from {low} to {high}", "Send a number in this range, or leave it out.")


def flag(body: Body, name: str, default: bool = False, path: str = "") -> bool:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise wrong(at(path, name), "must be true or false", "Send it without quotation marks.")


def items(body: Body, name: str, path: str = "") -> list[Any]:
    """An absent list is an empty one."""
    value = body.get(name)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise wrong(at(path, name), "must be a list", "Put it into square brackets.")


def mapping(body: Body, name: str, path: str = "") -> dict[str, Any] | None:
    value = body.get(name)
    return None if value is None else as_mapping(value, at(path, name))


def as_mapping(value: Any, field: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise wrong(field, "must be an object", "Put it into curly brackets.")


def one_of(body: Body, name: str, known: tuple[str, ...], path: str = "") -> str | None:
    value = body.get(name)
    if value is None or (isinstance(value, str) and value in known):
        return value
    raise wrong(at(path, name), "is not a word that is known here", f"Send one of: {', '.join(known)}.")


def texts(body: Body, name: str, most: int, path: str = "") -> tuple[str, ...]:
    """One text or a list of up to `most` of them; empty ones stop nothing and are left out."""
    value = body.get(name)
    listed = [value] if isinstance(value, str) else items(body, name, path)
    if len(listed) > most:
        raise wrong(at(path, name), f"has more than {most} texts", "Send fewer of them.")
    if not all(isinstance(one, str) for one in listed):
        raise wrong(at(path, name), "must be a text or a list of texts", "Send texts in quotation marks.")
    return tuple(one for one in listed if one)
