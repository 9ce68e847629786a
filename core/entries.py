"""Lists in one setting: JSON, or short forms between commas."""

from collections.abc import Callable
from typing import Any

import orjson


def entries(text: str, short: Callable[[str], dict[str, str]]) -> Any:
    """What a JSON list holds, or each part between commas as `short` reads it. Raises ValueError for what is neither."""
    if text.lstrip().startswith("["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ValueError("is not JSON") from None
    return [short(part.strip()) for part in text.split(",") if part.strip()]
