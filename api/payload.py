"""The JSON body of a front: what is hostile in it is refused before anybody walks it."""

import json
import re
from typing import Any

import orjson

from core.errors import InvalidRequest

_DEEPEST = 64
#: More than any honest request has; a body of nothing but brackets would take gigabytes to parse.
_MOST_CONTAINERS = 200_000
_MOST_VALUES = 2_000_000
_FEW = 64
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*")')
_ESCAPED_COLON = b"\\u003"  # U+003A, and some that are none
_ESCAPED_LETTER = b"\\u006"  # m, o, d, e and l are U+0064 to U+006F


def read(raw: bytes) -> dict[str, Any]:
    """The object. Raises InvalidRequest for what is no JSON object (RFC 8259: no NaN, no half surrogates), is nested deeper
    than 64 levels, has more than 200,000 containers, or says a name twice: parsers differ in which of the two they take, so that
    we could decide on one model and a provider answer with another."""
    containers = raw.count(b"{") + raw.count(b"[")
    if len(raw) > _MOST_VALUES and (containers > _MOST_VALUES or raw.count(b",") > _MOST_VALUES):
        raise InvalidRequest("The body has too many values.", hint="Send less in one request.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not JSON: {_why(error)}.", hint="Send one JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body is not a JSON object.", hint='Send an object such as {"model": …}.')
    if containers > _FEW:
        _refuse_depth(value)
    # Colons that are lacking are a sign that something was dropped, unless others were spelt as \u003a and make up for them.
    if orjson.dumps(value).count(b":") != raw.count(b":") or raw.find(_ESCAPED_COLON) >= 0:
        _refuse_twins(raw)
    return value


def renamed(raw: bytes, model: str) -> bytes | None:
    """An object that was read, with another model and every other byte as it is; None when that takes writing it anew.

    Where `"model"` stands once and no letter of it can be escaped, it is the member of that name: inside of a text it would
    have a backslash.
    """
    if raw.count(b'"model"') != 1 or raw.find(_ESCAPED_LETTER) >= 0:
        return None
    found = _MODEL.search(raw)
    return raw[: found.start(1)] + orjson.dumps(model) + raw[found.end(1) :] if found else None


def _why(error: orjson.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def _refuse_depth(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    seen = 0
    for _ in range(_DEEPEST):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
        seen += len(level)
        if seen > _MOST_CONTAINERS:
            raise InvalidRequest("The body has too many values.", hint="Send less in one request.")
        if not level:
            return
    raise InvalidRequest(f"The body is nested deeper than {_DEEPEST} levels.")


def _refuse_twins(raw: bytes) -> None:
    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidRequest(f"The body says {twice[:60]!r} twice.", field=twice[:60])
        return found

    json.loads(raw, object_pairs_hook=checked)
