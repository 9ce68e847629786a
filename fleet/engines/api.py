"""Calls to the server of an engine whose failures are typed errors. Paths are ours; a model's name goes into bodies only."""

from typing import Any

import orjson

from core.errors import ProviderError, ProviderRefused
from core.http import Deadlines, HttpClient, HttpFailure, Response
from providers.failures import from_http
from providers.openai_errors import classify_error, parse_error

#: Servers say that they have no such address with any of these.
_ABSENT = frozenset({404, 405, 501})
_NOT_READY = 503
_ERROR_BYTES = 64 << 10


class NotOffered(ProviderRefused):
    """The server has no such address: another version of it, another mode, or another program altogether."""


class EngineApi:
    """`url` is the server's root or its `/v1`, as the chat adapters want it; `key` goes out as a bearer token."""

    def __init__(self, title: str, url: str, key: str, http: HttpClient):
        self._title = title
        self._root = url.rstrip("/").removesuffix("/v1")
        self._key = key
        self._http = http

    async def call(self, method: str, path: str, body: Any = None, *, seconds: float, model: str | None = None) -> Any:
        """The JSON of a reply, None for an empty one. `seconds` are for all of it; `model` is the one that `body` names.

        Raises NotOffered when there is no such address and no model that could be what is missing, else ProviderError.
        """
        text = await self._text(method, path, body, seconds, model)
        if not text.strip():
            return None
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ProviderError(f"{self._title} sent something that is not JSON.", hint=self._address_hint) from None

    async def look_up(self, path: str, *, seconds: float) -> Any:
        """The JSON of what this server may not offer; None when it does not. Raises ProviderError for the rest."""
        try:
            return await self.call("GET", path, seconds=seconds)
        except NotOffered:
            return None

    async def is_ready(self, path: str, *, seconds: float) -> bool:
        """Whether a health check says so: any 2xx; 503 is a server that still starts. Raises ProviderError for the rest."""
        try:
            await self._text("GET", path, None, seconds, None)
        except _NotReady:
            return False
        return True

    async def _text(self, method: str, path: str, body: Any, seconds: float, model: str | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        deadlines = Deadlines(connect=min(5.0, seconds), headers=seconds, idle=seconds, total=seconds)
        try:
            async with self._http.request(method, self._root + path, json=body, headers=headers, deadlines=deadlines) as response:
                if not 200 <= response.status < 300:
                    raise await self._refusal(response, model)
                return await response.read()
        except HttpFailure as failure:
            raise self._typed(failure) from None

    async def _refusal(self, response: Response, model: str | None) -> ProviderError:
        error = parse_error(await response.head(_ERROR_BYTES))
        if response.status in _ABSENT and model is None:
            return NotOffered(f"{self._title} does not answer as it should at its address.", hint=self._address_hint)
        if response.status == _NOT_READY:
            return _NotReady(f"{self._title} is still starting.", hint="Ask again in a moment.")
        return classify_error(
            response.status,
            error,
            title=self._title,
            model=model,
            secret=self._key,
            key_hint="Check the key of this machine; loading and unloading may need another one than asking.",
        )

    def _typed(self, failure: HttpFailure) -> ProviderError:
        slow = "It may be loading a model; ask again later."
        return from_http(failure, self._title, unreachable_hint=self._address_hint, slow_hint=slow)

    @property
    def _address_hint(self) -> str:
        return f"Start {self._title} and check the address of this machine."


class _NotReady(ProviderError):
    """503: the server is up and does not work yet."""
