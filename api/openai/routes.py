"""OpenAI's addresses."""

from functools import partial
from urllib.parse import parse_qsl

import orjson

from api.anthropic import models as anthropic_models
from api.conversing import Conversation, Measuring, Speech, converse
from api.exchange import Exchange
from api.fronts import at, listed
from api.gate import Rule
from api.openai import models
from api.openai.chunks import ChatRendering
from api.openai.completions import CompletionRendering, completion_reply, completion_request
from api.openai.embeddings import embeddings_reply, embeddings_request
from api.openai.events import ResponseRendering
from api.openai.responses import response_reply, response_request
from api.openai.wire import chat_reply, chat_request

_COMPLETION = Conversation(completion_request, completion_reply, CompletionRendering)
#: Responses are made from chats for everyone: what OpenAI's own would keep is not kept here.
SPEECHES = {
    "/v1/chat/completions": Speech(
        "openai", "chat", "/chat/completions", Conversation(chat_request, chat_reply, ChatRendering),
        most=("max_completion_tokens", "max_tokens"),
    ),
    "/v1/completions": Speech("openai", "text_completion", "/completions", _COMPLETION),
    "/v1/responses": Speech(
        "openai", "chat", None, Conversation(response_request, response_reply, ResponseRendering), most=("max_output_tokens",)
    ),
    "/v1/embeddings": Speech(
        "openai", "embeddings", "/embeddings", Measuring(embeddings_request, embeddings_reply), needs="embeddings"
    ),
}  # fmt: skip
_PREFIX = "/v1/models/"


def rules() -> list[Rule]:
    return [
        *(at(path, partial(converse, speech), "openai") for path, speech in SPEECHES.items()),
        at("/v1/models", list_models, "openai", methods=("GET",)),
        at(_PREFIX + "{model}", one_model, "openai", methods=("GET",)),
    ]


async def list_models(exchange: Exchange) -> None:
    """To clients that send `anthropic-version` as Anthropic would: both have their lists at this address."""
    names = await listed(exchange)
    if b"anthropic-version" in exchange.headers:
        query = dict(parse_qsl(exchange.scope["query_string"].decode("latin-1")))
        shown = anthropic_models.list_models(names, query, exchange.allows)
    else:
        shown = models.list_models(names, exchange.allows)
    await exchange.reply(orjson.dumps(shown), [])


async def one_model(exchange: Exchange) -> None:
    shape = anthropic_models if b"anthropic-version" in exchange.headers else models
    name = exchange.scope["path"].removeprefix(_PREFIX)
    shown = await exchange.rooms.catalogue.sought(lambda names: shape.one_model(names, name, exchange.allows))
    await exchange.reply(orjson.dumps(shown), [])
