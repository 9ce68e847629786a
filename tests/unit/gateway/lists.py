"""Models of the catalogue in one line, and the names that are made of them."""

from dataclasses import replace
from typing import Any

from gateway.facts import FREE, Model, Price, Supports
from gateway.names import Names
from providers.types import ModelInfo

CHATS = Supports(chat=True, streaming=True, vision=False, tools=True, thinking=False, json_schema=True, embeddings=False)
NOTHING_KNOWN = Supports(None, None, None, None, None, None, None)


def listed(
    id: str, *, local: bool = False, price: float | None = None, supports: Supports = CHATS, machines: Any = (None,), **facts: Any
) -> Model:
    """`id` is provider/name; `price` USD per million tokens, in and out."""
    provider, _, name = id.partition("/")
    info = ModelInfo(name, provider, **({"capabilities": ("completion",)} | facts))
    copies = tuple(replace(info, machine=machine) for machine in machines)
    return Model(info, supports, FREE if local else None if price is None else Price(price, price), local, copies)


def named(*models: Model, providers: Any = None, **more: Any) -> Names:
    """`providers` are by default those of the models, in their order."""
    return Names(models, providers=providers or list(dict.fromkeys(model.provider for model in models)), **more)
