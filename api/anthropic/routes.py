"""Anthropic's addresses; its list of models is served beside OpenAI's, which has the same address."""

from functools import partial

import orjson

from api.anthropic.events import MessageRendering
from api.anthropic.wire import chat_reply, chat_request
from api.askers import asker_of
from api.conversing import Conversation, Speech, converse, envelope
from api.exchange import Exchange
from api.fronts import at
from api.gate import Rule
from api.passing import pass_whole
from api.visit import Visit, estimated
from core.errors import InvalidField
from providers.types import Usage

MESSAGES = Speech("anthropic", "chat", "/messages", Conversation(chat_request, chat_reply, MessageRendering))
_COUNTED = "/messages/count_tokens"


def rules() -> list[Rule]:
    return [at("/v1/messages", partial(converse, MESSAGES), "anthropic"), at("/v1/messages/count_tokens", count, "anthropic")]


async def count(exchange: Exchange) -> None:
    """Anthropic itself counts; for every other provider about four letters are taken for a token, and the answer says so."""
    raw = await exchange.body()
    body, refusal = envelope(raw)
    name, gateway = body.get("model"), exchange.rooms.gateway
    named = name if isinstance(name, str) else ""
    with exchange.enter("anthropic", "count_tokens", named, False) as call:
        if refusal is not None:
            raise refusal
        if not named:
            raise InvalidField("The model is missing.", hint="GET /v1/models lists the models.", field="model")
        target = await gateway.resolve(named, exchange.allows, lambda: asker_of(exchange, body))
        visit = Visit(exchange, call, target)
        call.route(target.provider, target.model, input_tokens=0, max_output=0)
        if gateway.passes(target, "anthropic", _COUNTED):
            await pass_whole(visit, "anthropic", _COUNTED, body, raw, free=True)
            return
        tokens = estimated({name: body.get(name) for name in ("system", "messages", "tools")})
        visit.settle(Usage(), None)
        headers = [*visit.headers(), (b"x-myelin-estimated", b"true")]
        await exchange.reply(orjson.dumps({"input_tokens": tokens}), headers)
