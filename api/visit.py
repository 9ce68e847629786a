"""One question to a model while it is under way at a front: who asks, who answers, what it costs so far."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api.ends import Headers
from api.exchange import Exchange
from core.caller import call_as
from core.errors import MyelinError, ProviderTimeout
from gateway.calls import EXPECTED_OUTPUT, Call
from gateway.routing import Target
from gateway.service import Gateway
from providers.types import TOKENS_PER_IMAGE, USUAL_CHARACTERS_PER_TOKEN, FinishReason, Usage

_PLAIN_BODY = 16 << 10


class Visit:
    """`target` is who answers; `spoke` that the first content has come. `call` is the ledger's."""

    __slots__ = ("attempts", "call", "caller", "exchange", "gateway", "spoke", "target")

    def __init__(self, exchange: Exchange, call: Call, target: Target):
        self.exchange, self.call, self.target = exchange, call, target
        self.gateway: Gateway = exchange.rooms.gateway
        self.attempts = call.attempts
        self.caller = call_as(call.grant.key_id, "interactive")
        self.spoke = False

    def reserve(self, body: dict[str, Any], raw: bytes, max_output: int | None) -> None:
        """Asks the ledger whether the key may use this target, and for about as many tokens. Raises what the ledger raises."""
        tokens = len(raw) // USUAL_CHARACTERS_PER_TOKEN if len(raw) <= _PLAIN_BODY else estimated(body)
        if (answers := _answers(body)) > 1:
            max_output = answers * (EXPECTED_OUTPUT if max_output is None else max_output)
        self.call.route(self.target.provider, self.target.model, input_tokens=tokens, max_output=max_output)

    def first(self) -> None:
        self.spoke = True
        self.call.first()

    def told(self, characters: int) -> None:
        self.call.told(characters)

    def settle(self, usage: Usage | None, finish_reason: FinishReason | None) -> None:
        self.call.settle("ok", usage=usage, http_status=200, finish_reason=finish_reason)

    def failed(self, error: MyelinError, usage: Usage | None = None) -> None:
        """An error inside a stream whose 200 has gone out."""
        self.call.settle("error", usage=usage, http_status=200, error_code=error.code)

    def headers(self) -> Headers:
        """Who answered, how often it was asked, and the milliseconds that were spent here rather than there."""
        overhead = self.exchange.milliseconds - self.attempts.waited * 1000
        headers = [
            (b"x-myelin-provider", self.target.provider.encode()),
            (b"x-myelin-model", _plain(self.target.model)),
            (b"x-myelin-attempts", b"%d" % (self.attempts.count or 1)),
            (b"x-myelin-overhead-ms", b"%.2f" % overhead),
            *self.call.headers(),
        ]
        if self.caller.machine is not None:
            headers.append((b"x-myelin-machine", self.caller.machine.encode()))
        if self.call.front == "anthropic":
            headers.append((b"request-id", self.exchange.request_id.encode()))
        return headers

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """The deadline of the whole stream, for a client that stops reading as for a model that never ends."""
        seconds = self.exchange.rooms.pace.total
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise ProviderTimeout(f"The answer took longer than {seconds:g} seconds.", hint="Ask for less.") from None


def _answers(body: dict[str, Any]) -> int:
    """How many answers OpenAI's dialect lets a client ask for at once; each is paid for."""
    several = [value for name in ("n", "best_of") if type(value := body.get(name)) is int]
    return max(several) if several else 1


def _plain(name: str) -> bytes:
    """A name as a header can carry it."""
    if name.isascii() and name.isprintable():
        return name.encode()
    return "".join(letter if " " <= letter <= "~" else "?" for letter in name).encode()


def estimated(body: Any) -> int:
    """Tokens of all texts of a body, about; pictures count as pictures, not as the letters of their base64."""
    tokens, stack = 0, [body]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            is_picture = len(value) > _PLAIN_BODY and " " not in value[:200]
            tokens += TOKENS_PER_IMAGE if is_picture else len(value) // USUAL_CHARACTERS_PER_TOKEN + 1
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return tokens
