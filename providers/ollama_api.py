"""Calls to Ollama's HTTP API whose failures are typed errors."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from functools import partial
from typing import Any

from core.errors import ProviderError
from core.http import Deadlines, HttpClient, Response, Upload
from providers.ollama_errors import SLOW_HINT, UNREACHABLE_HINT, classify_text, error_text, parse
from providers.sending import ERROR_BYTES, Accepted, Typed

#: /api/ps can stall for 15 s behind the unload of a model, so a shorter wait would call a living server dead.
QUICK = Deadlines(connect=5.0, headers=20.0, idle=10.0, total=30.0)
_FAILING = Typed("Ollama", UNREACHABLE_HINT, SLOW_HINT)


async def _refusal(model: str | None, response: Response) -> ProviderError:
    text = error_text(await response.head(ERROR_BYTES))
    return classify_text(response.status, text, response.headers.get("retry-after"), model)


async def members(response: Response) -> dict[str, Any]:
    """The JSON object of a whole reply; `{}` for an empty body (copy and delete have none). Raises ProviderError."""
    body = await response.read()
    return parse(body) if body.strip() else {}


class OllamaApi:
    def __init__(self, http: HttpClient, base_url: str):
        self._http = http
        self._base_url = base_url.rstrip("/")

    def opened(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        body: Upload | None = None,
        model: str | None = None,
        deadlines: Deadlines = QUICK,
        good: Collection[int] = (200,),
    ) -> Accepted:
        """A reply of a `good` status with its body unread. Raises ProviderError, for what goes wrong inside the block too."""
        url = self._base_url + path
        request = self._http.request(method, url, json=json, body=body, deadlines=deadlines, failing=_FAILING)
        return Accepted(request, partial(_refusal, model), good)

    async def call(
        self, method: str, path: str, json: Any = None, *, model: str | None = None, deadlines: Deadlines = QUICK
    ) -> dict[str, Any]:
        """The `members` of the reply. Raises ProviderError."""
        async with self.opened(method, path, json, model=model, deadlines=deadlines) as response:
            return await members(response)

    async def lines(self, path: str, json: Any, *, model: str, deadlines: Deadlines) -> AsyncGenerator[dict[str, Any], None]:
        """The objects of an NDJSON stream. Raises ProviderError, also for `{"error": …}` inside the 200."""
        opened = self.opened("POST", path, json, model=model, deadlines=deadlines)
        async with opened as response, aclosing(response.lines()) as lines:
            async for line in lines:
                yield parse(line)

    async def close(self) -> None:
        await self._http.close()
