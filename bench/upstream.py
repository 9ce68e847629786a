"""A model provider that answers at once, in three dialects, as fast as Python can: what gateways are measured against.

A long stream begins with its first word alone, as those of models do; all the others follow a millisecond later.

python -m bench.upstream PORT
"""

import asyncio
import sys

import httptools
import orjson
import uvloop

WORDS = 200
_BETWEEN = 0.001
_TEXT = "x" * 800
_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def _whole(body: object) -> bytes:
    data = orjson.dumps(body)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


def _chunked(kind: str, pieces: list[bytes]) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + body + b"0\r\n\r\n"


def _parted(stream: bytes) -> tuple[bytes, bytes]:
    """Up to the first word, and the rest."""
    end = stream.index(b"\r\n", stream.index(b"token ")) + 2
    return stream[:end], stream[end:]


def _openai(words: int) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "token "}, "finish_reason": None}
    said = [{**head, "choices": [{**choice, "delta": {"role": "assistant", "content": ""}}]}]
    said += [{**head, "choices": [choice]}] * words
    said += [{**head, "choices": [{**choice, "delta": {}, "finish_reason": "stop"}]}, {**head, "choices": [], "usage": _USAGE}]
    return _chunked("text/event-stream", [*(b"data: " + orjson.dumps(one) + b"\n\n" for one in said), b"data: [DONE]\n\n"])


def _anthropic(text: str, words: int) -> bytes:
    message = {
        "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    }  # fmt: skip
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    said = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[delta] * words,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return _chunked(
        "text/event-stream", [f"event: {one['type']}\n".encode() + b"data: " + orjson.dumps(one) + b"\n\n" for one in said]
    )


def _ollama(text: str, words: int) -> bytes:
    head = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
    said = [{**head, "message": {"role": "assistant", "content": text}, "done": False}] * words
    last = {**head, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
            "prompt_eval_count": 9, "eval_count": 2, "total_duration": 1}  # fmt: skip
    return _chunked("application/x-ndjson", [orjson.dumps(one) + b"\n" for one in [*said, last]])


ANSWERS = {
    b"/v1/chat/completions": _whole(
        {
            "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": _USAGE,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": _TEXT}, "finish_reason": "stop"}],
        }
    ),
    b"/v1/models": _whole({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "bench"}]}),
    b"/v1/messages": _anthropic(_TEXT, 1),
    b"/api/chat": _ollama(_TEXT, 1),
    b"/api/tags": _whole({"models": [{"name": "m:latest", "model": "m:latest", "size": 1, "digest": "0" * 64, "details": {}}]}),
    b"/api/ps": _whole({"models": [{"name": "m:latest", "model": "m:latest", "size": 1, "size_vram": 0, "context_length": 8192,
                                    "expires_at": "2099-01-01T00:00:00Z"}]}),
    b"/api/generate": _whole({"model": "m", "created_at": "2026-01-01T00:00:00Z", "response": "", "done": True,
                              "done_reason": "load"}),
    b"/api/show": _whole({"details": {}, "model_info": {"general.architecture": "m", "m.context_length": 8192},
                          "capabilities": ["completion"]}),
    b"/api/version": _whole({"version": "0.12.0"}),
}  # fmt: skip
#: What Ollama answers to a body that wants no stream.
WHOLE = {
    b"/api/chat": _whole({"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": _TEXT},
                          "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2}),
}  # fmt: skip
STREAMS = {
    b"/v1/chat/completions": _parted(_openai(WORDS)),
    b"/v1/messages": _parted(_anthropic("token ", WORDS)),
    b"/api/chat": _parted(_ollama("token ", WORDS)),
}
_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Answering(asyncio.Protocol):
    """A body that has a `marker` is answered with a long stream."""

    marker = b"please stream"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path = self._path.partition(b"?")[0]
        whole = WHOLE.get(path) if b'"stream":false' in self._body else None
        if whole is None and self.marker in self._body and path in STREAMS:
            first, rest = STREAMS[path]
            self._transport.write(first)
            asyncio.get_running_loop().call_later(_BETWEEN, self._go_on, rest)
        else:
            self._transport.write(whole or ANSWERS.get(path, _MISSING))

    def _go_on(self, rest: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(rest)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
