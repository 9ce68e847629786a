"""What a question costs: the operator's own table, then the list prices; what has no price is unknown, not free."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.grants import NANO
from gateway.pricelist import PriceList, Row
from providers.types import Usage

_PER_MILLION = NANO / 1_000_000
_KEPT = 4096
#: Seconds that a question waits at the most for the price of its model, and between two looks whether it is there.
_PATIENCE, _BETWEEN = 10.0, 0.02


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
    the first that fits holds. What a provider of `local` answers is free. Of all else `listed` is asked."""

    def __init__(
        self,
        table: Sequence[tuple[str, Mapping[str, float]]] = (),
        *,
        local: Collection[str] = ("ollama", "builtin"),
        listed: PriceList | None = None,
    ):
        self._table = [(pattern, rates_of(dollars)) for pattern, dollars in table]
        self._local, self._listed = frozenset(local), listed or PriceList()
        self._own: dict[tuple[str, str], Rates | None] = {}
        self._made: dict[tuple[str, str], tuple[Row | None, Rates | None]] = {}

    def rates(self, provider: str, model: str) -> tuple[Rates | None, bool]:
        """None for a price that nobody knows; and whether nothing can be said of it yet, as it is being looked up."""
        try:
            return self._found(provider, model), False
        except KeyError:
            return None, True

    async def looked_up(self, provider: str, model: str, seconds: float = _PATIENCE) -> None:
        """Waits until it is known what can be said of the price, and not longer than `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.rates(provider, model)[1]:
                    await asyncio.sleep(_BETWEEN)

    def _found(self, provider: str, model: str) -> Rates | None:
        name = (provider, model)
        if name not in self._own:
            if len(self._own) > _KEPT:
                self._own, self._made = {}, {}
            self._own[name] = self._of_the_operator(provider, model)
        if (own := self._own[name]) is not None:
            return own
        row = self._listed.get(provider, model)
        known, rates = self._made.get(name, (None, None))
        if row is not known:
            rates = _rates_of_row(row)
            self._made[name] = row, rates
        return rates

    def _of_the_operator(self, provider: str, model: str) -> Rates | None:
        full = f"{provider}/{model}"
        found = next((rates for pattern, rates in self._table if fnmatchcase(full, pattern)), None)
        return FREE if found is None and provider in self._local else found


def _rates_of_row(row: Row | None) -> Rates | None:
    if row is None or not row.is_priced:
        return None
    starts = {start for steps in row.prices.values() for start, _ in steps if start >= 0}
    dearer = tuple((start, _rates_above(row, start)) for start in sorted(starts, reverse=True))
    base = _rates_above(row, -1)
    return Rates(base.input, base.output, base.cache_read, base.cache_write, base.reasoning, dearer)


def _rates_above(row: Row, tokens: int) -> Rates:
    """The rates of a request with more input than `tokens`."""
    return rates_of({bucket: max(step for step in steps if step[0] <= tokens)[1] for bucket, steps in row.prices.items()})
