"""Ollama's addresses: its lists over the models of all providers, and the care of a local Ollama for the operator."""

from contextlib import aclosing, suppress
from functools import partial
from typing import Any

import orjson

from api.conversing import Conversation, Measuring, Speech, converse
from api.exchange import Exchange
from api.fronts import at, listed
from api.gate import Rule
from api.ollama import models
from api.ollama.embeddings import embed_reply, embed_request, embedding_reply, embedding_request
from api.ollama.lines import LineRendering, chat_reply, generate_reply, loaded_reply
from api.ollama.wire import chat_request, generate_request, loads_only
from api.payload import read
from api.policy import CLIENTS, Role
from api.presence import Presences
from api.visit import Visit
from core.errors import Forbidden, InvalidField, ProviderError
from fleet.downloads import Download
from fleet.names import read_model_name
from providers.types import Usage


def _idle(body: dict[str, Any], *, chat: bool) -> dict[str, Any] | None:
    reason = loads_only(body)
    return None if reason is None else loaded_reply(body["model"], reason, chat=chat)


async def _moved(visit: Visit, body: dict[str, Any], *, chat: bool) -> bool:
    """A body without a question to a model of ours: it is loaded in its turn; by the operator's `keep_alive` of 0 it leaves,
    when nobody's question is in it any more."""
    exchange, fleet = visit.exchange, visit.exchange.rooms.fleet
    reason = loads_only(body)
    if reason is None or visit.target.provider != fleet.provider:
        return False
    if reason == "load":
        await fleet.load(visit.target.model, visit.caller)
    elif exchange.principal.role is Role.OPERATOR:
        await fleet.evict(visit.target.model, _LEAVING)
    else:
        raise Forbidden("Models are taken out of memory by the operator only.", hint="They leave by themselves when unused.")
    visit.settle(Usage(), None)
    await exchange.reply(orjson.dumps(loaded_reply(body["model"], reason, chat=chat)), visit.headers())
    return True


_CHAT = Conversation(chat_request, chat_reply, LineRendering, partial(_idle, chat=True))
_GENERATE = Conversation(generate_request, generate_reply, partial(LineRendering, chat=False), partial(_idle, chat=False))
#: A stream is what a body that does not say it means.
SPEECHES = (
    Speech("ollama", "chat", "/api/chat", _CHAT, streams=True, most=("num_predict",), tended=partial(_moved, chat=True)),
    Speech(
        "ollama",
        "generate",
        "/api/generate",
        _GENERATE,
        streams=True,
        most=("num_predict",),
        tended=partial(_moved, chat=False),
    ),
    Speech("ollama", "embeddings", "/api/embed", Measuring(embed_request, embed_reply), most=(), needs="embeddings"),
    Speech("ollama", "embeddings", "/api/embeddings", Measuring(embedding_request, embedding_reply), most=(), needs="embeddings"),
)
#: Seconds that the operator waits for the questions in a model to end.
_LEAVING = 30.0
_NDJSON = b"application/x-ndjson"


def rules() -> list[Rule]:
    operator = (Role.OPERATOR,)
    return [
        *(at(speech.path, partial(converse, speech), "ollama") for speech in SPEECHES),
        at("/api/tags", tags, "ollama", methods=("GET",)),
        at("/api/ps", ps, "ollama", methods=("GET",)),
        at("/api/version", version, "ollama", methods=("GET",)),
        at("/api/show", show, "ollama"),
        at("/api/pull", pull, "ollama", roles=operator),
        at("/api/delete", delete, "ollama", methods=("DELETE",), roles=operator),
        at("/api/copy", copy, "ollama", roles=operator),
        at("/api/create", refused, "ollama", roles=CLIENTS),
        at("/api/push", refused, "ollama", roles=CLIENTS),
        at("/api/blobs/{digest}", refused, "ollama", methods=("POST", "HEAD"), roles=CLIENTS),
    ]


async def tags(exchange: Exchange) -> None:
    await _answer(exchange, models.tags(await listed(exchange), exchange.allows))


async def ps(exchange: Exchange) -> None:
    rooms = exchange.rooms
    residents = [(engine.record.name, one) for engine, one in Presences(rooms.machines, rooms.clock.now()).all()]
    await _answer(exchange, models.ps(rooms.catalogue.names, residents, exchange.allows))


async def version(exchange: Exchange) -> None:
    await _answer(exchange, models.version())


async def show(exchange: Exchange) -> None:
    name = _name(read(await exchange.body()))
    await _answer(exchange, await exchange.rooms.catalogue.sought(lambda names: models.show(names, name, exchange.allows)))


async def pull(exchange: Exchange) -> None:
    """Whoever hangs up stops looking on: the download goes on, and /models/downloads shows it."""
    body = read(await exchange.body())
    downloads = exchange.rooms.downloads
    record = await downloads.start(read_model_name(_name(body)))
    if body.get("stream", True) is not False:
        await exchange.begin(_NDJSON, [])
    async with aclosing(downloads.watch(record.id)) as records:
        async for record in records:
            if exchange.begun:
                await exchange.write(orjson.dumps(_progress(record)) + b"\n")
    if exchange.begun:
        await exchange.end()
    else:
        await exchange.reply(orjson.dumps(_progress(record)), [], status=200 if record.state == "done" else 500)


async def delete(exchange: Exchange) -> None:
    name = _name(read(await exchange.body()))
    await exchange.rooms.machine.delete(read_model_name(name))
    await _list_anew(exchange)
    await exchange.reply(b"", [])


async def copy(exchange: Exchange) -> None:
    body = read(await exchange.body())
    await exchange.rooms.machine.copy(read_model_name(_text(body, "source")), read_model_name(_text(body, "destination")))
    await _list_anew(exchange)
    await exchange.reply(b"", [])


async def _list_anew(exchange: Exchange) -> None:
    with suppress(ProviderError):  # the list says itself that it is stale
        await exchange.rooms.catalogue.listing("ollama", fresh=True)


async def refused(_exchange: Exchange) -> None:
    raise Forbidden("Models are neither made nor published here.", hint="Do it at the Ollama itself, then pull it here.")


async def _answer(exchange: Exchange, content: dict[str, Any]) -> None:
    await exchange.reply(orjson.dumps(content), [])


def _name(body: dict[str, Any]) -> str:
    """`name` is what older clients say for `model`."""
    return _text(body, "model" if "model" in body else "name")


def _text(body: dict[str, Any], member: str) -> str:
    value = body.get(member)
    if not isinstance(value, str) or not value:
        raise InvalidField(f"{member} is the name of a model.", field=member)
    return value


def _progress(record: Download) -> dict[str, Any]:
    if record.state == "done":
        return {"status": "success"}
    if record.state in ("failed", "cancelled"):
        return {"error": (record.error or {}).get("message") or f"The download was {record.state}."}
    size = {"total": record.total, "completed": record.completed} if record.total else {}
    return {"status": record.detail or "pulling manifest", **size}
