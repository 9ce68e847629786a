"""JSON as it is sent."""

from typing import Any

import orjson

from utils import mended


def encoded(value: Any) -> bytes:
    """JSON in UTF-8. Half characters, which are rare and UTF-8 cannot carry, are looked for only where there must be some."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(wholly(value))


def wholly(value: Any) -> Any:
    """A value of JSON with every text and every name in it made whole, as `mended` makes a text."""
    match value:
        case str():
            return mended(value)
        case dict():
            return {mended(name): wholly(inner) for name, inner in value.items()}
        case list():
            return [wholly(inner) for inner in value]
    return value
