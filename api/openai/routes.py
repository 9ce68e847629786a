"""OpenAI's addresses."""

from functools import partial
from urllib.parse import parse_qsl

import orjson

from api.anthropic import models as anthropic_models
from api.conversing import Speech, converse
from api.exchange import Exchange
from api.fronts import at
from api.gate import Rule
from api.openai import models

CHAT = Speech("openai", "chat", "/chat/completions", most=("max_completion_tokens", "max_tokens"))
COMPLETIONS = Speech("openai", "text_completion", "/completions")
EMBEDDINGS = Speech("openai", "embeddings", "/embeddings")
_PREFIX = "/v1/models/"


def rules() -> list[Rule]:
    return [
        at("/v1/chat/completions", partial(converse, CHAT), "openai"),
        at("/v1/completions", partial(converse, COMPLETIONS), "openai"),
        at("/v1/embeddings", partial(converse, EMBEDDINGS), "openai"),
        at("/v1/models", list_models, "openai", methods=("GET",)),
        at(_PREFIX + "{model}", one_model, "openai", methods=("GET",)),
    ]


async def list_models(exchange: Exchange) -> None:
    """To clients that send `anthropic-version` as Anthropic would: both have their lists at this address."""
    names = exchange.rooms.catalogue.names
    if b"anthropic-version" in exchange.headers:
        query = dict(parse_qsl(exchange.scope["query_string"].decode("latin-1")))
        shown = anthropic_models.list_models(names, query, exchange.allows)
    else:
        shown = models.list_models(names, exchange.allows)
    await exchange.reply(orjson.dumps(shown), [])


async def one_model(exchange: Exchange) -> None:
    shape = anthropic_models if b"anthropic-version" in exchange.headers else models
    name = exchange.scope["path"].removeprefix(_PREFIX)
    await exchange.reply(orjson.dumps(shape.one_model(exchange.rooms.catalogue.names, name, exchange.allows)), [])
