"""One request of an adapter: failures below HTTP become typed errors, what is no 200 is told by its first bytes."""

from collections.abc import Awaitable, Callable, Collection, Mapping
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


class Typed:
    """Failures below HTTP as typed errors, of a host with this `title`; the hints say what to do when it cannot be reached, and
    when it is too slow."""

    __slots__ = ("_hint", "_slow_hint", "_title")

    def __init__(self, title: str, hint: str, slow_hint: str = _SLOW_HINT):
        self._title, self._hint, self._slow_hint = title, hint, slow_hint

    def __call__(self, failure: HttpFailure) -> ProviderError:
        return from_http(failure, self._title, unreachable_hint=self._hint, slow_hint=self._slow_hint)


class Accepted:
    """`async with` an answer of a `good` status, its body unread; of any other one `refusal` makes the error that is raised."""

    __slots__ = ("_good", "_refusal", "_request")

    def __init__(self, request: Request, refusal: Callable[[Response], Awaitable[ProviderError]], good: Collection[int] = (200,)):
        self._request, self._refusal, self._good = request, refusal, good

    async def __aenter__(self) -> Response:
        response = await self._request.__aenter__()
        if response.status in self._good:
            return response
        try:
            raise await self._refusal(response)
        except BaseException as error:
            await self._request.__aexit__(type(error), error, error.__traceback__)
            raise

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> Awaitable[None]:
        return self._request.__aexit__(kind, error, at)


class Sender:
    """Sends to one host. `title` is its name as people know it, `variable` the setting with its address."""

    def __init__(self, http: HttpClient, title: str, variable: str):
        self.http, self._title, self._variable = http, title, variable
        self._typed = Typed(title, f"Check the connection to the internet and {variable}, or send AI-Provider ollama or builtin.")

    def sent(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        deadlines: Deadlines,
        json: Any = None,
        body: bytes | None = None,
    ) -> Request:
        """Raises ProviderUnreachable, ProviderTimeout, InvalidAnswer; for failures of reading inside the block too."""
        return self.http.request(method, url, json=json, body=body, headers=headers, deadlines=deadlines, failing=self._typed)

    def parse(self, data: bytes) -> dict[str, Any]:
        """Raises ProviderError for what is no object of JSON."""
        value = members_of(data)
        if value is None:
            raise ProviderError(f"{self._title} sent something that is not its protocol.", hint=f"Check {self._variable}.")
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
