"""How the corpus is put to each dialect: the same functions, with the same stamp, in one table."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from api.anthropic import events as anthropic_events
from api.anthropic import wire as anthropic
from api.asked import Asked
from api.ollama import lines as ollama_lines
from api.ollama import wire as ollama
from api.openai import chunks, events, responses
from api.openai import wire as openai
from api.rendering import Rendering
from api.stamp import Stamp
from providers.types import ChatDelta, ChatReply
from tests.golden.corpus import Case

STAMP = Stamp("golden", 1_700_000_000_000_000_000, lambda: 1_700_000_002_000_000_000)


def _lines(asked: Asked, stamp: Stamp) -> Rendering:
    return ollama_lines.LineRendering(asked, stamp, monotonic=lambda: 7_000)


@dataclass(frozen=True)
class _Speech:
    read: Callable[[dict[str, Any]], Asked]
    write: Callable[..., dict[str, Any]]
    render: Callable[..., Rendering]


_SPEECHES = {
    "openai": _Speech(openai.chat_request, openai.chat_reply, chunks.ChatRendering),
    "responses": _Speech(responses.response_request, responses.response_reply, events.ResponseRendering),
    "anthropic": _Speech(anthropic.chat_request, anthropic.chat_reply, anthropic_events.MessageRendering),
    "ollama": _Speech(ollama.chat_request, ollama_lines.chat_reply, _lines),
}


def read(dialect: str, body: dict[str, Any]) -> Asked:
    return _SPEECHES[dialect].read(body)


def asked(dialect: str, body: dict[str, Any]) -> Asked:
    """With what the streams of the corpus were made: the usage wanted, the time of the question known."""
    known = replace(read(dialect, body), include_usage=True)
    return replace(known, started=5_000) if isinstance(known, ollama.TimedAsked) else known


def reply(dialect: str, case: Case) -> dict[str, Any]:
    return written(dialect, case.reply, case)


def written(dialect: str, reply: ChatReply, case: Case) -> dict[str, Any]:
    """`reply` to the question of the case, without the durations that the clock says."""
    told = _SPEECHES[dialect].write(reply, asked(dialect, case.body(dialect)), STAMP)
    return {name: value for name, value in told.items() if not name.endswith("_duration")}


def rendering(dialect: str, case: Case) -> Rendering:
    return _SPEECHES[dialect].render(asked(dialect, case.body(dialect)), STAMP)


def told(rendered: Rendering, deltas: list[ChatDelta]) -> bytes:
    return b"".join([rendered.first(), *(rendered.piece(delta) for delta in deltas), rendered.last()])


def stream(dialect: str, case: Case) -> str:
    rendered = rendering(dialect, case)
    if (error := case.error) is None:
        return told(rendered, case.deltas).decode()
    return b"".join([rendered.first(), *map(rendered.piece, case.deltas), rendered.failed(error)]).decode()
