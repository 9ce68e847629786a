"""The front gate, pure ASGI and outermost: who are you, may you, how much. It decides from the headers alone.

FastAPI reads a whole body before it runs dependencies; a key that is checked there lets strangers push gigabytes. So
everything that can refuse a request without its body is here, by default it refuses, and a refusal closes the
connection with the body unread.
"""

import asyncio
import ipaddress
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.credentials import Credentials
from api.ends import Answer, Body, Limit
from api.errors import ErrorDialect, spoken_at, unexpected
from api.exchange import Exchange
from api.limits import Buckets, Held
from api.multipart import FRAME_BYTES
from api.policy import Policy, Principal, Role
from api.protocol import LINE, Line
from core import logs
from core.errors import (
    Forbidden,
    InvalidHost,
    InvalidKey,
    InvalidRequest,
    MethodNotAllowed,
    MissingKey,
    MyelinError,
    NotFound,
    RateLimited,
)
from core.logs import AccessLog, get_logger

log = get_logger()

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_SMALL_BODY = 64 << 10
_SMALL_BODY_SECONDS = 1.0
#: Whatever can be read has a head (RFC 9110, 9.1); the connection leaves the content away.
_READ_AS = {"HEAD": "GET"}
_HUNG_UP = 499  # for the log: nobody was there to be answered
_KEYS = {
    Role.CLIENT: "a client key (POST /admin/create_key makes them)",
    Role.OPERATOR: "the operator's API_KEY",
    Role.MASTER: "the MASTER_API_KEY",
    Role.AGENT: "the key of an agent (POST /machines/{name}/agent makes it)",
}

Handler = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One route as the gate sees it. With a `handler` it is served past the framework; `dialect` is that of its errors."""

    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    policy: Policy
    handler: Handler | None = None
    dialect: ErrorDialect = "native"


def rules_of(routes: Iterable[APIRoute]) -> list[Rule]:
    """Raises RuntimeError for a route whose endpoint declares no policy: denied by default means it never starts."""
    rules = []
    for route in routes:
        policy = getattr(route.endpoint, "__policy__", None)
        if policy is None:
            raise RuntimeError(f"{route.path} has no policy: decorate its endpoint with @allow(...) of api/policy.py")
        rules.append(Rule(route.path, route.path_regex, frozenset(route.methods), policy))
    return rules


class Rules:
    """Finds the rule of a request: by the whole path, and by pattern only where the path has something to fill in."""

    def __init__(self, rules: Sequence[Rule]):
        self._exact: dict[tuple[str, str], Rule] = {}
        for rule in rules:
            for method in rule.methods if "{" not in rule.template else ():
                self._exact.setdefault((rule.template, method), rule)
        self._all = rules

    def exact(self, path: str, method: str) -> Rule | None:
        """The rule of this very path, at the cost of one look."""
        return self._exact.get((path, method))

    def find(self, path: str, method: str) -> Rule | None:
        """None when nothing is at this path; HEAD is taken for GET. Raises MethodNotAllowed."""
        known = [rule for rule in self._all if rule.pattern.match(path)]
        if not known and path.endswith("/"):  # as some clients write what they were given as the address
            known = [rule for rule in self._all if rule.handler is not None and rule.pattern.match(path.rstrip("/"))]
        for taken in (method, _READ_AS.get(method)):
            for rule in known:
                if taken in rule.methods:
                    return rule
        if known:
            raise MethodNotAllowed(", ".join(sorted({method for rule in known for method in rule.methods})))
        return None


class Gate:
    def __init__(
        self,
        app: ASGIApp,
        *,
        rules: Sequence[Rule],
        credentials: Credentials,
        buckets: Buckets,
        file_bytes: int,
        allowed_hosts: Sequence[str],
        trusted_proxies: Sequence[str],
        held_bytes: int = 256 << 20,
        access: AccessLog = AccessLog("warning"),
    ):
        self.app, self._rules, self._credentials, self._buckets = app, Rules(rules), credentials, buckets
        uploads = Limit(file_bytes + FRAME_BYTES, file_bytes)
        self._limits = {size: uploads if size is None else Limit(size) for size in (rule.policy.body for rule in rules)}
        self._hosts = None if "*" in allowed_hosts else {host.lower() for host in allowed_hosts}
        self._proxies = [ipaddress.ip_network(network) for network in trusted_proxies]
        self._held, self._access = Held(held_bytes), access
        self._ids = _random_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            self._access.flush()
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = dict(scope["headers"])
        sent = headers.get(b"x-request-id")
        request_id = sent.decode() if sent and _REQUEST_ID.fullmatch(sent) else next(self._ids)
        logs.REQUEST_ID.set(request_id)
        announced = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        answer = Answer(send, request_id, announced)
        visit = _Visit(scope, headers, request_id, answer)
        try:
            rule, line = self._admit(visit), scope.get("extensions", {}).get(LINE) or Line()
            answer.body = Body(receive, line, self._limits[rule.policy.body], self._held if rule.handler is not None else None)
            if rule.handler is not None:
                await _attended(rule.handler, visit, line)
            else:
                await self.app(visit.scope, answer.body, answer)
        except MyelinError as error:
            await _take_small_body(receive, headers, answer)
            await answer.refuse(error, visit.dialect)
        except Exception as error:
            log.error("request.broke", route=visit.template, exc_info=error)
            if not answer.complete:
                await answer.refuse(unexpected(), visit.dialect)
        finally:
            self._access(
                method=scope["method"],
                route=visit.template,
                status=answer.status or _HUNG_UP,
                key=visit.principal.key_id or None,
                request_id=request_id,
                ms=round(visit.milliseconds, 2),
            )
            if answer.body is not None:
                answer.body.forget()

    def _admit(self, visit: "_Visit") -> Rule:
        """Who asks for what, and may: decided from the headers. Raises MyelinError."""
        scope, headers = visit.scope, visit.headers
        if self._hosts is not None:
            self._check_host(headers)
        rule = visit.rule = self._rules.exact(scope["path"], scope["method"])
        caller = self._limited_by_its_key(scope, rule)
        if caller is None:
            # Before anything else is looked up: an address that asks too often learns not even what there is.
            self._limit(f"ip {self._address(scope, headers)}")
            rule = visit.rule = rule or self._rules.find(scope["path"], scope["method"])
            if rule is None:
                raise NotFound("There is nothing at this address.", hint="GET / lists the addresses, /docs explains them.")
        if Role.ANYONE not in rule.policy.roles:
            visit.principal = self._let_in(scope, rule, caller)
        size = _announced_size(headers)
        if size > (limit := self._limits[rule.policy.body]).bytes:
            raise limit.passed(size)
        if scope["method"] not in rule.methods:
            visit.scope = {**scope, "method": _READ_AS[scope["method"]]}
        if rule.handler is None:
            scope.setdefault("state", {}).update(principal=visit.principal, request_id=visit.request_id)
        else:
            self._held.check(size)
            visit.rooms = self.app.state["house"]
        return rule

    def _limited_by_its_key(self, scope: Scope, rule: Rule | None) -> Principal | None:
        """At a front, a caller whose key has a rate of its own: the ledger holds it to that one and to no other.

        Everybody else is None, strangers too: they are held to the common rate, and refused only then.
        """
        if rule is None or rule.handler is None:
            return None
        try:
            caller = self._credentials.identify(scope["headers"])
        except (InvalidRequest, InvalidKey):
            return None
        return caller if caller is not None and caller.has_own_rate else None

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        if headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].lower() not in self._hosts:
            raise InvalidHost("This server does not answer for that host name.", hint="Add the name to ALLOWED_HOSTS.")

    def _let_in(self, scope: Scope, rule: Rule, limited: Principal | None) -> Principal:
        """The caller; `limited` when it is known already, and held to a rate of its own."""
        caller = limited or self._credentials.identify(scope["headers"])
        if caller is None:
            raise MissingKey("This address needs a key.")
        if caller.role not in rule.policy.roles:
            takers = " or ".join(_KEYS[role] for role in sorted(rule.policy.roles))
            raise Forbidden(f"The {caller.role} key may not do that.", hint=f"It takes {takers}.")
        if limited is None:
            self._limit(f"key {caller.key_id}")
        return caller

    def _limit(self, name: str) -> None:
        if wait := self._buckets.take(name):
            raise RateLimited(
                "Too many requests from this key or address.", hint="RATE_LIMIT_PER_MINUTE sets the limit.", retry_after=wait
            )

    def _address(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """The peer's address; behind a trusted proxy the right-most forwarded address that is none of ours. IPv6 by /64."""
        peer = (scope.get("client") or ("0.0.0.0", 0))[0]
        forwarded = headers.get(b"x-forwarded-for", b"") if self._proxies else b""
        hops = [hop.strip() for hop in forwarded.decode("latin-1").split(",") if hop.strip()]
        try:
            address = peer
            while hops and any(ipaddress.ip_address(address) in network for network in self._proxies):
                address = str(ipaddress.ip_address(hops.pop()))
        except ValueError:
            return peer
        return _bucket(address)


class _Visit(Exchange):
    """What is known so far of a request, of the framework's too."""

    __slots__ = ("rule",)

    def __init__(self, scope: Scope, headers: dict[bytes, bytes], request_id: str, answer: Answer):
        super().__init__(scope, headers, request_id, answer)
        self.rule: Rule | None = None

    @property
    def template(self) -> str | None:
        return self.rule.template if self.rule else None

    @property
    def dialect(self) -> ErrorDialect:
        spoken = self.rule.dialect if self.rule else spoken_at(self.scope["path"])
        # Both have their lists at /v1/models.
        return "anthropic" if spoken == "openai" and b"anthropic-version" in self.headers else spoken


async def _attended(handler: Handler, exchange: Exchange, line: Line) -> None:
    """Runs `handler` for as long as there is somebody to answer; it is cancelled when the client hangs up."""
    line.work = task = asyncio.current_task(line.loop)  # to look for the loop is a call of the kernel
    try:
        if line.gone:
            return
        await handler(exchange)
    except asyncio.CancelledError:
        if not line.gone:
            raise  # the server stops
        task.uncancel()
    finally:
        if line.work is task:  # a client that does not wait for answers may have asked again
            line.work = None


def _random_ids() -> Iterator[str]:
    """128 random bits each; a call of the kernel for some hundred of them."""
    while True:
        pool = os.urandom(16 << 8).hex()
        yield from (pool[start : start + 32] for start in range(0, len(pool), 32))


@lru_cache(4096)
def _bucket(address: str) -> str:
    """What is limited as one caller: an IPv4 address, or the /64 that one IPv6 customer gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False) if parsed.version == 6 else parsed)


def _announced_size(headers: dict[bytes, bytes]) -> int:
    """Raises InvalidRequest."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 15:
        raise InvalidRequest("Content-Length is not a number.", field="Content-Length")
    return int(length)


async def _take_small_body(receive: Receive, headers: dict[bytes, bytes], answer: Answer) -> None:
    """Takes a small body that is on its way, and forgets it: a client cut off while it writes never reads the refusal."""
    length = headers.get(b"content-length", b"0")
    if answer.status or (answer.body and answer.body.complete) or not length.isdigit() or not 0 < int(length) <= _SMALL_BODY:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_SMALL_BODY_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass
