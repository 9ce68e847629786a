"""Web pages of other origins, as far as the operator lets them ask: CORS (fetch.spec.whatwg.org), around the gate.

A page needs a key like everybody else. Cookies are never let through to it: an origin is named, credentials are not.
"""

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_DAY = b"86400"
#: What a page may read of an answer beside the body.
_READABLE = (
    b"x-request-id, request-id, retry-after, x-should-retry, location, x-myelin-provider, x-myelin-model, x-myelin-machine, "
    b"x-myelin-attempts, x-myelin-overhead-ms, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    b"x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens"
)


def opened(app: ASGIApp, allowed: Collection[str]) -> ASGIApp:
    """`app` for pages of the `allowed` origins ("*": of all); `app` itself when there are none."""
    return Origins(app, allowed) if allowed else app


class Origins:
    def __init__(self, app: ASGIApp, allowed: Collection[str]):
        self._app = app
        self._all = "*" in allowed
        self._allowed = {origin.rstrip("/").lower().encode() for origin in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        origin = headers.get(b"origin")
        if origin is None or not (self._all or origin.lower() in self._allowed):
            await self._app(scope, receive, send)
            return
        own = [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            own += [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _DAY)]
            own += [(b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"authorization"))]
            await send({"type": "http.response.start", "status": 204, "headers": own})
            await send({"type": "http.response.body", "body": b""})
            return
        own.append((b"access-control-expose-headers", _READABLE))

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], *own]}
            await send(message)

        await self._app(scope, receive, marked)
