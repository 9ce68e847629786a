"""What the providers ask for their models, from genai-prices: loaded when the first cloud model is described, not before.

The package takes 0.2 s and 26 MB to load, so it is loaded in the thread that describes, and never where all models are local.
"""

from datetime import UTC, datetime
from typing import Any

from gateway.facts import Listed, Price

#: Providers of ours → the name of genai-prices. The others have its name, or no price.
_NAMES = {"gemini": "google", "grok": "x-ai", "bedrock": "aws"}


class ListPrices:
    """Prices of now, without tiers: what a short request costs. Every answer is remembered for the day that it holds."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Listed | None] = {}
        self._day = datetime.min.date()

    def __call__(self, provider: str, model: str) -> Listed | None:
        """None when the model, or its provider, has no listed price. Slow at its first call."""
        now = datetime.now(UTC)
        if now.date() != self._day:
            self._known, self._day = {}, now.date()
        known = (provider, model)
        if known not in self._known:
            self._known[known] = _look_up(*known, now)
        return self._known[known]


def _look_up(provider: str, model: str, now: datetime) -> Listed | None:
    from genai_prices.data_snapshot import get_snapshot  # heavy: see above

    snapshot = get_snapshot()
    seller = next((one for one in snapshot.providers if one.id == _NAMES.get(provider, provider)), None)
    if seller is None:
        return None
    try:
        _, found = snapshot.find_provider_model(model, seller, None, None)
    except LookupError:
        return None
    prices = found.get_prices(now)
    paid, made = _rate(prices.input_mtok), _rate(prices.output_mtok)
    if paid is None or (made is None and not _embeds(found)):
        return Listed(None, found.context_window)
    cached, written = _rate(prices.cache_read_mtok), _rate(prices.cache_write_mtok)
    return Listed(Price(paid, made or 0.0, cached, written), found.context_window)


def _rate(price: Any) -> float | None:
    """A price with tiers begins with its base."""
    price = getattr(price, "base", price)
    return None if price is None else float(price)


def _embeds(model: Any) -> bool:
    return "embed" in model.id
