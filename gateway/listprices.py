"""What the providers ask for their models, from genai-prices: read when models of a cloud are described for the first time.

The package's table takes 0.1 s and 23 MB, for two thousand models of which a server has some dozens: it is let go once these
were looked up. Where all models are local it is never read.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from gateway.facts import Listed, Price

_TABLE = "genai_prices.data"
#: Providers of ours → the name of genai-prices. The others have its name, or no price.
_NAMES = {"gemini": "google", "grok": "x-ai", "bedrock": "aws"}


class ListPrices:
    """Prices of today, without tiers: what a short request costs. May be called from several threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Listed | None] = {}
        self._day = datetime.min.date()
        self._lock = Lock()

    def __call__(self, provider: str, models: Sequence[str]) -> dict[str, Listed]:
        """What is listed of `models`, by name. Slow where one of them was not asked for today."""
        with self._lock:
            now = datetime.now(UTC)
            if now.date() != self._day:
                self._known, self._day = {}, now.date()
            if unknown := [model for model in models if (provider, model) not in self._known]:
                with _seller(_NAMES.get(provider, provider)) as find:
                    self._known |= {(provider, model): _listed(find(model), now) for model in unknown}
            found = {model: self._known[provider, model] for model in models}
        return {model: listed for model, listed in found.items() if listed is not None}


@contextmanager
def _seller(name: str) -> Iterator[Any]:
    """A function from a model's name to its entry at the provider `name`, None when there is none; the table goes at the end."""
    from genai_prices import data, types  # heavy, and let go again

    seller = next((one for one in data.providers if one.id == name), None)
    try:
        yield lambda model: seller and seller.find_model(model.lower(), all_providers=data.providers)
    finally:
        sys.modules.pop(_TABLE, None)
        del sys.modules[types.__package__].data


def _listed(model: Any, now: datetime) -> Listed | None:
    if model is None:
        return None
    prices = model.get_prices(now)
    paid, made = _rate(prices.input_mtok), _rate(prices.output_mtok)
    if paid is None or (made is None and "embed" not in model.id):
        return Listed(None, model.context_window)
    return Listed(Price(paid, made or 0.0, _rate(prices.cache_read_mtok), _rate(prices.cache_write_mtok)), model.context_window)


def _rate(price: Any) -> float | None:
    """A price with tiers begins with its base."""
    price = getattr(price, "base", price)
    return None if price is None else float(price)
