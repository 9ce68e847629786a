"""Server-sent events with the faults of real upstreams between them: what the fakes that stream this way share."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiohttp import web

from tests.fakes.server import Fault, forever, tokens_of

#: Events before the first piece of an answer.
_QUIET = frozenset({"message_start", "ping", "content_block_start", "message-start", "content-start"})
Event = tuple[str | None, dict[str, Any] | str]  # name (None: no `event:` line), data


def text(data: dict[str, Any] | str) -> str:
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def event(name: str | None, data: dict[str, Any] | str) -> bytes:
    return (f"event: {name}\n" if name else "").encode() + f"data: {text(data)}\n\n".encode()


def pieces(words: str, limit: int, fault: Fault | None) -> Iterator[tuple[str, str | None]]:
    """Tokens of an answer, each with None, and "" with why it ended: `stop` or `length`."""
    endless = fault is not None and fault.kind.startswith("endless")
    blank = fault is not None and fault.kind == "endless_spaces"
    said = tokens_of(words)
    written = 0
    while endless and written < limit:
        written += 6
        yield ("  \n" * 20 if blank else "word " * 20), None
    for token in () if endless else said:
        if written >= limit:
            break
        written += 1
        yield token, None
    yield "", "length" if written >= limit or (fault and fault.kind == "half") else "stop"


async def stream(request: web.Request, events: Iterator[Event], fault: Fault | None, error: Event) -> web.StreamResponse:
    """Writes the events; `cut` leaves out the last two, as a stream that breaks off does."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    kind = fault.kind if fault else None
    if kind == "huge_line":
        await response.write(b'data: {"x":"' + b"x" * (32 << 20) + b'"}\n\n')
    count = 0
    async for name, data, is_end in _marked(events):
        if kind == "cut" and is_end:
            return response
        if count == 2 and kind == "hang_stream":
            await forever()
        if count == 2 and kind == "error_in_stream":
            await response.write(event(*error))
            return response
        if kind == "drip":
            await asyncio.sleep(fault.seconds)
        await response.write(event(name, data))
        count += '"choices":[]' not in text(data) and name not in _QUIET
        if count % 50 == 0:
            await asyncio.sleep(0)  # an endless one must notice that its client hung up
    if kind == "hang_at_the_end":
        await forever()
    return response


async def _marked(events: Iterator[Event]) -> AsyncIterator[tuple[str | None, dict[str, Any] | str, bool]]:
    """The events, each with whether it belongs to the end of the stream."""
    for name, data in events:
        said = text(data)
        end = said == "[DONE]" or '"finish_reason":"' in said or '"stop_reason":"' in said or '"choices":[],"usage"' in said
        yield name, data, end or name == "message_stop"
