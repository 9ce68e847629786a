"""The table of genai-prices, as a program of its own: a server that read it would be held up, and 23 MB larger for good.

    echo '{"at": 1772323200, "openai": ["gpt-4o"]}' | python gateway/pricetable.py

prints {"openai": {"gpt-4o": {"context": 128000, "prices": {"input": [[-1, 2.5]], "cache_read": …}}}}: of what holds at that time
[tokens of input above which it holds, US dollars for a million tokens], the base first. What a seller does not list is left out.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from genai_prices import data_snapshot

_COLUMNS = {"input": "input", "output": "output", "cache_read": "cache_read", "cache_write": "cache_write",
            "output_reasoning": "reasoning"}  # fmt: skip


def listed(seller: str, models: Sequence[str], at: datetime) -> dict[str, dict[str, Any]]:
    snapshot = data_snapshot.get_snapshot()
    provider = next((one for one in snapshot.providers if one.id == seller), None)
    rows = {}
    for name in models if provider else ():
        try:
            _, found = snapshot.find_provider_model(name.lower(), provider, None, None)
        except LookupError:
            continue
        prices = found.get_prices(at)
        columns = {ours: getattr(prices, f"{theirs}_mtok", None) for theirs, ours in _COLUMNS.items()}
        told = {name: _steps(price) for name, price in columns.items() if price is not None}
        rows[name] = {
            "context": found.context_window,
            "prices": told | ({"output": [[-1, 0.0]]} if _is_free(found, told) else {}),
        }
    return rows


def _is_free(found: Any, told: dict[str, Any]) -> bool:
    """Whether output costs nothing: there is none of what only embeds."""
    return "output" not in told and "embed" in found.id


def _steps(price: Any) -> list[list[float]]:
    if not hasattr(price, "tiers"):
        return [[-1, float(price)]]
    return [[-1, float(price.base)], *([tier.start, float(tier.price)] for tier in price.tiers)]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    now = datetime.fromtimestamp(asked.pop("at"), UTC)
    json.dump({seller: listed(seller, models, now) for seller, models in asked.items()}, sys.stdout)
