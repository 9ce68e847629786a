"""One request of an adapter: failures below HTTP become typed errors, what is no 200 is told by its first bytes."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote

import orjson

from core.errors import ProviderError
from core.http import Deadlines, HttpClient, HttpFailure, Request, Response
from providers.failures import from_http

#: Of the body of an error, which may be anything.
ERROR_BYTES = 64 << 10
_SLOW_HINT = "Ask again, send fewer pages, or use a faster model."


class Sent:
    """`async with` a request of ours: failures below HTTP are raised as typed ones, those of reading inside the block too."""

    __slots__ = ("_hint", "_request", "_slow_hint", "_title")

    def __init__(self, request: Request, title: str, hint: str, slow_hint: str = _SLOW_HINT):
        self._request, self._title, self._hint, self._slow_hint = request, title, hint, slow_hint

    async def __aenter__(self) -> Response:
        try:
            return await self._request.__aenter__()
        except HttpFailure as failure:
            raise self._typed(failure) from None

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self._request.__aexit__(kind, error, at)
        if isinstance(error, HttpFailure):
            raise self._typed(error) from None

    def _typed(self, failure: HttpFailure) -> ProviderError:
        return from_http(failure, self._title, unreachable_hint=self._hint, slow_hint=self._slow_hint)


class Accepted:
    """`async with` an answer of a `good` status, its body unread; of any other one `refusal` makes the error that is raised."""

    __slots__ = ("_good", "_refusal", "_sent")

    def __init__(self, sent: Sent, refusal: Callable[[Response], Awaitable[ProviderError]], good: Collection[int] = (200,)):
        self._sent, self._refusal, self._good = sent, refusal, good

    async def __aenter__(self) -> Response:
        response = await self._sent.__aenter__()
        if response.status in self._good:
            return response
        try:
            raise await self._refusal(response)
        except BaseException as error:
            await self._sent.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self._sent.__aexit__(kind, error, at)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to one host. `title` is its name as people know it, `variable` the setting with its address."""

    http: HttpClient
    title: str
    variable: str

    def sent(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        deadlines: Deadlines,
        json: Any = None,
        body: bytes | None = None,
    ) -> Sent:
        """Raises ProviderUnreachable, ProviderTimeout, InvalidAnswer; for failures of reading inside the block too."""
        request = self.http.request(method, url, json=json, body=body, headers=headers, deadlines=deadlines)
        hint = f"Check the connection to the internet and {self.variable}, or send AI-Provider ollama or builtin."
        return Sent(request, self.title, hint)

    def parse(self, data: bytes) -> dict[str, Any]:
        """Raises ProviderError for what is no object of JSON."""
        value = members_of(data)
        if value is None:
            raise ProviderError(f"{self.title} sent something that is not its protocol.", hint=f"Check {self.variable}.")
        return value


def members_of(data: bytes) -> dict[str, Any] | None:
    """The object of JSON that `data` is; None for anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def escaped(name: str) -> str:
    """A name as one segment of a path; a colon and a slash are escaped as well."""
    return quote(name, safe="")
