"""Prices that the operator gives: a pattern of provider/model and what a million tokens cost."""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Dollar = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Dollars(BaseModel):
    """US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollar
    output: Dollar | None = None
    cache_read: Dollar | None = None
    cache_write: Dollar | None = None
    reasoning: Dollar | None = None


def read_prices(value: object) -> object:
    """A mapping, or JSON of one: pattern → {input, output, cache_read, cache_write, reasoning}; as pairs."""
    value = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
    return tuple(value.items()) if isinstance(value, dict) else value


def plain(prices: tuple[tuple[str, Dollars], ...]) -> tuple[tuple[str, dict[str, float]], ...]:
    """The pairs with what was given as a mapping."""
    return tuple((pattern, dollars.model_dump(exclude_none=True)) for pattern, dollars in prices)
