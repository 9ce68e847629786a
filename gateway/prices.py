"""What a question costs: the operator's own table, then the list prices of genai-prices; what has no price is unknown, not free.

genai-prices takes a quarter of a second and 8 MB to load and 0.1 ms a question. So it is loaded in a thread of its own when
the first model that may have a list price is asked for, and its answers are kept, for the hour in which they hold.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from gateway.grants import NANO
from providers.types import Usage

_PER_MILLION = NANO / 1_000_000
_KEPT = 4096
#: Providers of ours → the name of genai-prices. The others have its name, or no list price.
_SELLERS = {"gemini": "google", "grok": "x-ai", "bedrock": "aws"}


@dataclass(frozen=True, slots=True)
class Rates:
    """Billionths of a US dollar for one token of each bucket. `dearer` are (input tokens, rates) in falling order: a request
    with more input pays these rates for all its tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    reasoning: float
    dearer: tuple[tuple[int, "Rates"], ...] = ()

    def cost(self, usage: Usage) -> int:
        """Billionths of a US dollar."""
        rates = self._at(usage.input_tokens) if self.dearer else self
        return round(
            usage.input_uncached * rates.input
            + usage.cache_read * rates.cache_read
            + usage.cache_write * rates.cache_write
            + usage.output_text * rates.output
            + usage.output_reasoning * rates.reasoning
        )

    def ceiling(self, input_tokens: int, output_tokens: int) -> int:
        """What so many tokens cost at the most, whatever buckets they fall into."""
        rates = self._at(input_tokens) if self.dearer else self
        return round(
            input_tokens * max(rates.input, rates.cache_write, rates.cache_read)
            + output_tokens * max(rates.output, rates.reasoning)
        )

    def _at(self, input_tokens: int) -> "Rates":
        return next((rates for start, rates in self.dearer if input_tokens > start), self)


FREE = Rates(0.0, 0.0, 0.0, 0.0, 0.0)


def rates_of(dollars: Mapping[str, float]) -> Rates:
    """From US dollars for a million tokens: `input`, and if they differ `output`, `cache_read`, `cache_write`, `reasoning`.

    What is read from or written to a cache costs as much as other input, thinking as much as other output, unless it is said;
    a model without a price for output (embeddings) has none.
    """
    paid, made = dollars["input"] * _PER_MILLION, dollars.get("output", 0.0) * _PER_MILLION
    given = {name: dollars[name] * _PER_MILLION for name in ("cache_read", "cache_write", "reasoning") if name in dollars}
    return Rates(paid, made, **{"cache_read": paid, "cache_write": paid, "reasoning": made} | given)


class Prices:
    """`table` are the operator's prices: (pattern of `provider/model`, dollars for a million tokens as `rates_of` takes them),
    the first that fits holds. What a provider of `local` answers is free."""

    def __init__(
        self,
        table: Sequence[tuple[str, Mapping[str, float]]] = (),
        *,
        local: Collection[str] = ("ollama", "builtin"),
        now: Callable[[], float] = time.time,
    ):
        self._table = [(pattern, rates_of(dollars)) for pattern, dollars in table]
        self._local, self._now = frozenset(local), now
        self._known: dict[tuple[str, str], Rates | None] = {}
        self._hour = -1.0
        self._snapshot: ModuleType | None = None
        self._loading = threading.Lock()
        self._begun = False

    def rates(self, provider: str, model: str) -> Rates | None:
        """None for a price that nobody knows, and while the list is loaded (`pending`)."""
        hour = self._now() // 3600  # some models are cheaper at night
        if hour != self._hour or len(self._known) > _KEPT:
            self._known, self._hour = {}, hour
        name = (provider, model)
        try:
            return self._known[name]
        except KeyError:
            rates = self._own(provider, model)
            if rates is None and self._snapshot is None:
                self.load_soon()
                return None
            self._known[name] = rates = rates or self._listed(provider, model)
            return rates

    def pending(self, provider: str, model: str) -> bool:
        """Whether nothing can be said of the price yet."""
        return self._snapshot is None and (provider, model) not in self._known and self._own(provider, model) is None

    def load_soon(self) -> None:
        """Loads the list in a thread of its own; returns at once."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self.load, name="price-list", daemon=True).start()

    def load(self) -> None:
        """Loads the list of genai-prices. Slow: never on the event loop."""
        from genai_prices import data_snapshot  # heavy: see above

        with self._loading:
            data_snapshot.get_snapshot()
            self._snapshot = data_snapshot

    def _own(self, provider: str, model: str) -> Rates | None:
        full = f"{provider}/{model}"
        found = next((rates for pattern, rates in self._table if fnmatchcase(full, pattern)), None)
        return FREE if found is None and provider in self._local else found

    def _listed(self, provider: str, model: str) -> Rates | None:
        list_of_all = self._snapshot.get_snapshot()
        seller = next((one for one in list_of_all.providers if one.id == _SELLERS.get(provider, provider)), None)
        if seller is None:
            return None
        try:
            _, found = list_of_all.find_provider_model(model, seller, None, None)
        except LookupError:
            return None
        prices = found.get_prices(datetime.fromtimestamp(self._now(), UTC))
        columns = {name: getattr(prices, f"{column}_mtok", None) for name, column in _COLUMNS.items()}
        columns = {name: price for name, price in columns.items() if price is not None}
        if "input" not in columns or ("output" not in columns and "embed" not in found.id):
            return None
        starts = {tier.start for price in columns.values() for tier in getattr(price, "tiers", ())}
        dearer = tuple((start, _rates_above(columns, start)) for start in sorted(starts, reverse=True))
        base = _rates_above(columns, -1)
        return Rates(base.input, base.output, base.cache_read, base.cache_write, base.reasoning, dearer)


_COLUMNS = {name: name for name in ("input", "output")} | {
    "cache_read": "cache_read", "cache_write": "cache_write", "reasoning": "output_reasoning",
}  # fmt: skip


def _rates_above(columns: Mapping[str, Any], start: int) -> Rates:
    """The rates of a request whose input passes the tier that begins at `start`; -1 for those that pass none."""
    return rates_of({name: float(_above(price, start)) for name, price in columns.items()})


def _above(price: Any, start: int) -> Any:
    if not hasattr(price, "tiers"):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)
