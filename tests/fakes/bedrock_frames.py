"""AWS's binary event stream, written, with the faults of real upstreams between its frames.

Source: docs.aws.amazon.com/transcribe/latest/dg/event-stream.html.
"""

import asyncio
import json
from collections.abc import Iterator
from struct import pack
from typing import Any
from zlib import crc32

from aiohttp import web

from tests.fakes.server import Fault, forever

Event = tuple[str, dict[str, Any]]  # its type, its data


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    told = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = pack(">II", 16 + len(told) + len(payload), len(told))
    whole = prelude + pack(">I", crc32(prelude)) + told + payload
    return whole + pack(">I", crc32(whole))


def event(kind: str, data: dict[str, Any]) -> bytes:
    """Each has some letters under `p`, so that its length tells nothing."""
    padded = json.dumps({**data, "p": "abcdefghijkl"}).encode()
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, padded)


def exception(kind: str, message: str) -> bytes:
    payload = json.dumps({"message": message}).encode()
    return frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, payload)


async def stream(request: web.Request, events: Iterator[Event], fault: Fault | None) -> web.StreamResponse:
    """Writes the events; `cut` leaves out those of the end, as a stream that breaks off does."""
    response = web.StreamResponse(headers={"Content-Type": "application/vnd.amazon.eventstream"})
    await response.prepare(request)
    kind = fault.kind if fault else None
    if kind == "huge_line":
        prelude = pack(">II", 32 << 20, 0)
        await response.write(prelude + pack(">I", crc32(prelude)) + b"x" * (1 << 20))
        await forever()
    count = 0
    for name, data in events:
        if kind == "cut" and name == "messageStop":
            return response
        if count == 2 and kind == "hang_stream":
            await forever()
        if count == 2 and fault is not None and kind == "error_in_stream":
            await response.write(exception("throttlingException", fault.message or "Too many requests, please wait."))
            return response
        if fault is not None and kind == "drip":
            await asyncio.sleep(fault.seconds)
        await response.write(event(name, data))
        count += name == "contentBlockDelta"
        if count % 50 == 0:
            await asyncio.sleep(0)  # an endless one must notice that its client hung up
    if kind == "hang_at_the_end":
        await forever()
    return response
