"""`/api/models`, `/api/models/search`: the models of all configured providers, what they can do and what they cost."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from typing_extensions import TypedDict

from api.deps import House, answer, house, principal, refuse_unknown
from api.policy import CLIENTS, allow
from api.presence import Presences
from core.errors import InvalidField
from gateway.catalogue import Followed, Source
from gateway.facts import Model
from gateway.names import Allows, Names
from gateway.search import Wanted

router = APIRouter(prefix="/api", tags=["models"])

_PER_THOUSAND = 1000.0

Provider = Annotated[str | None, Query(max_length=64, description="The name of a provider: its models only.")]
Words = Annotated[
    str | None, Query(max_length=200, description="A text of at most 200 characters: all its words are in the name.")
]
MaxCost = Annotated[
    float | None,
    Query(
        ge=0, allow_inf_nan=False,
        description="A number from 0: USD for 1,000 tokens, read or written, at the most; what has no known price is left out.",
    ),
]  # fmt: skip
MinContext = Annotated[
    int | None, Query(ge=1, description="A whole number from 1: tokens that question and document may have, at the least.")
]


def _flag(what: str) -> Any:
    return Query(description=f"True or false (1 or 0): whether the model {what}; what is unknown is neither.")


Chat = Annotated[bool | None, _flag("answers")]
Vision = Annotated[bool | None, _flag("sees pictures")]
Tools = Annotated[bool | None, _flag("calls tools")]
Thinking = Annotated[bool | None, _flag("thinks before it answers")]
JsonSchema = Annotated[bool | None, _flag("keeps to a JSON Schema")]
Embeddings = Annotated[bool | None, _flag("makes vectors of texts")]


class PriceView(TypedDict):
    """USD per million tokens; null is unknown, for a cache also that there is none."""

    input: float
    output: float
    cache_read: float | None
    cache_write: float | None


class CatalogueModel(TypedDict):
    """`id` leads to this model and no other; `name` is the shortest name for it. Null is unknown, of all members.

    Context and output limit in tokens, `size` in bytes, `cost_per_1k_tokens` USD for 1,000 tokens of the dearer kind.
    """

    id: str
    name: str
    provider: str
    aliases: list[str]
    description: str | None
    local: bool
    resident: bool | None
    size: int | None
    context: int | None
    output_limit: int | None
    supports_chat: bool | None
    supports_completion: bool | None
    supports_streaming: bool | None
    supports_vision: bool | None
    supports_tools: bool | None
    supports_thinking: bool | None
    supports_json_schema: bool | None
    supports_embeddings: bool | None
    price: PriceView | None
    cost_per_1k_tokens: float | None


class ProviderState(TypedDict):
    """`source` null before its first answer; stale: it fails now, this is what it listed before; `age_seconds` of its list;
    `models` is how many of them this key may use."""

    name: str
    title: str
    models: int
    source: Source | None
    age_seconds: float | None
    warning: str | None


class CatalogueView(TypedDict):
    models: list[CatalogueModel]
    total: int
    providers: list[ProviderState]


@router.get("/models", summary="The models of all providers, with capabilities and prices", response_model=CatalogueView)
@router.get("/models/search", summary="The models that fit what you need", response_model=CatalogueView)
@allow(*CLIENTS)
async def listed(
    request: Request,
    provider: Provider = None,
    supports_chat: Chat = None,
    supports_completion: Chat = None,
    supports_vision: Vision = None,
    supports_tools: Tools = None,
    supports_thinking: Thinking = None,
    supports_json_schema: JsonSchema = None,
    supports_embeddings: Embeddings = None,
    max_cost: MaxCost = None,
    min_context: MinContext = None,
    q: Words = None,
) -> Response:
    """Every filter may be left out. A model passes one only when what it asks is known of that model."""
    refuse_unknown(request)
    asked = {
        "chat": (supports_chat, supports_completion),
        "vision": (supports_vision,),
        "tools": (supports_tools,),
        "thinking": (supports_thinking,),
        "json_schema": (supports_json_schema,),
        "embeddings": (supports_embeddings,),
    }
    wanted = Wanted(
        provider=provider,
        supports=tuple((name, value) for name, values in asked.items() for value in values if value is not None),
        max_price=None if max_cost is None else max_cost * _PER_THOUSAND,
        min_context=min_context,
        words=tuple((q or "").lower().split()),
    )
    return answer(_catalogue(house(request), wanted, principal(request).allows))


def _catalogue(rooms: House, wanted: Wanted, allows: Allows | None) -> CatalogueView:
    """Raises InvalidField for a provider that is not configured."""
    states, names = rooms.catalogue.followed(), rooms.catalogue.names
    if wanted.provider is not None and wanted.provider not in {state.provider for state in states}:
        configured = ", ".join(state.provider for state in states)
        raise InvalidField(
            f"No provider {wanted.provider!r} is configured.", field="provider", hint=f"Configured are: {configured}."
        )
    presences = Presences(rooms.machines, rooms.clock.now())
    models = [_model(model, names, presences) for model in wanted.among(names, allows)]
    usable = Counter(model.provider for model in names.allowed(allows))
    shown = [_state(state, usable[state.provider]) for state in states if wanted.provider in (None, state.provider)]
    return {"models": models, "total": len(models), "providers": shown}


def _model(model: Model, names: Names, presences: Presences) -> CatalogueModel:
    info, supports, price = model.info, model.supports, model.price
    return {
        "id": model.id,
        "name": names.shown(model),
        "provider": model.provider,
        "aliases": names.aliases_of(model),
        "description": info.description,
        "local": model.local,
        "resident": presences.resident(model),
        "size": info.size,
        "context": info.context,
        "output_limit": info.output_limit,
        "supports_chat": supports.chat,
        "supports_completion": supports.chat,
        "supports_streaming": supports.streaming,
        "supports_vision": supports.vision,
        "supports_tools": supports.tools,
        "supports_thinking": supports.thinking,
        "supports_json_schema": supports.json_schema,
        "supports_embeddings": supports.embeddings,
        "price": price and asdict(price),
        "cost_per_1k_tokens": price and round(price.dearest / _PER_THOUSAND, 9),
    }


def _state(state: Followed, models: int) -> ProviderState:
    return {
        "name": state.provider,
        "title": state.title,
        "models": models,
        "source": state.source,
        "age_seconds": None if state.age is None else round(state.age, 1),
        "warning": state.error and state.error.detail,
    }
