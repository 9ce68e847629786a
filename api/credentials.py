"""The one way from a request's headers to a caller. Keys are found by the HMAC digest of the whole key."""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from api.policy import Principal, Role
from core.errors import ExpiredKey, InvalidKey, TwoCredentials
from core.secrets import digest
from gateway.grants import Grant
from models import OPERATOR

_CARRIERS = frozenset({b"key", b"x-api-key", b"authorization"})
#: Before the name of its machine, the id of an agent's key: no id of a client's key looks like it.
AGENT = "agent:"
_FORM = re.compile(rb"[\x21-\x7e]{1,512}")


async def _none() -> Iterable[Mapping[str, Any]]:
    return ()


class Credentials:
    """Knows the operator's, the master's, the clients' and the agents' keys by their digests only; `load` gives the rows of
    `store.keys`, `load_agents` those of `store.agents`."""

    def __init__(
        self,
        operator_key: str,
        master_key: str,
        pepper: bytes,
        load: Callable[[], Awaitable[Iterable[Mapping[str, Any]]]],
        now: Callable[[], float] = time.time,
        *,
        load_agents: Callable[[], Awaitable[Iterable[Mapping[str, Any]]]] = _none,
    ):
        self._pepper, self._load, self._now, self._load_agents = pepper, load, now, load_agents
        self._fixed = {
            digest(key, pepper): Principal(role, name, Grant(name, name))
            for key, role, name in ((operator_key, Role.OPERATOR, OPERATOR), (master_key, Role.MASTER, "master"))
            if key
        }
        self._clients: dict[bytes, tuple[Principal, float | None]] = {}
        self._agents: dict[bytes, str] = {}
        self._grants: dict[str, Grant] = {}
        self._marks: dict[bytes, bytes] = {}
        self._salt = os.urandom(32)
        self._reloading = asyncio.Lock()

    async def reload(self) -> None:
        """Takes over created and revoked keys; called at start and after every change, so a revoked key dies at once."""
        # One at a time: a look that began before a key was revoked must not end after the look that saw it gone.
        async with self._reloading:
            rows = await self._load()
            agents = {row["digest"]: row["machine"] for row in await self._load_agents()}
            clients: dict[bytes, tuple[Principal, float | None]] = {}
            grants = {}
            for row in rows:
                grant = grants[row["id"]] = grant_of(row)
                principal = Principal(Role.CLIENT, row["id"], grant)
                if row["former_digest"] is not None:
                    clients[row["former_digest"]] = (principal, row["former_until"])
                clients[row["digest"]] = (principal, None)
            self._clients, self._grants, self._agents = clients, grants, agents
            self._marks.clear()

    def has_agent(self, machine: str) -> bool:
        """Whether a key was given out for an agent beside `machine`."""
        return machine in self._agents.values()

    def grant(self, key_id: str) -> Grant:
        """What a key may ask of models. The operator is not limited; a key that is no more has no money left."""
        return self._grants.get(key_id) or Grant(key_id, budget_usd=None if key_id == OPERATOR else 0.0)

    def digest(self, key: str) -> bytes:
        return digest(key, self._pepper)

    def _marked(self, key: bytes) -> bytes:
        """Its digest; that of a good key is remembered, under a digest that costs a third of it. Raises InvalidKey."""
        brief = blake2b(key, key=self._salt, digest_size=16).digest()
        if (marked := self._marks.get(brief)) is None:
            if not _FORM.fullmatch(key):
                raise InvalidKey("The key has a form that no key has.")
            marked = self.digest(key.decode())
            if marked in self._clients or marked in self._fixed:
                self._marks[brief] = marked
        return marked

    def identify(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal | None:
        """The caller, or None without a credential. Raises TwoCredentials, InvalidKey and ExpiredKey."""
        found = {_credential(name, value) for name, value in headers if name in _CARRIERS}
        if not found:
            return None
        if len(found) > 1:
            raise TwoCredentials(
                "The request carries two different keys.", hint="Send one key, in `Key`, `X-API-Key` or `Authorization: Bearer`."
            )
        key = found.pop()
        if principal := self._fixed.get(marked := self._marked(key)):
            return principal
        if known := self._clients.get(marked):
            principal, until = known
            ends = principal.grant.expires_at if principal.grant is not None else None
            if until is not None and self._now() >= until:
                raise InvalidKey("Another key has taken the place of this one.")
            if ends is not None and self._now() >= ends:
                raise ExpiredKey("This key has expired.")
            return principal
        if machine := self._agents.get(marked):
            return Principal(Role.AGENT, f"{AGENT}{machine}")
        raise InvalidKey("This key is unknown or was revoked.")


def grant_of(row: Mapping[str, Any]) -> Grant:
    """From a row of `store.keys`."""
    return Grant(
        row["id"],
        row["name"],
        models=tuple(orjson.loads(row["models"] or b"[]")),
        providers=tuple(orjson.loads(row["providers"] or b"[]")),
        **{name: row[name] for name in ("rpm", "tpm", "max_parallel", "budget_usd", "budget_period", "expires_at")},
    )


def _credential(name: bytes, value: bytes) -> bytes:
    if name != b"authorization":
        return value.strip()
    scheme, _, token = value.strip().partition(b" ")
    # Another scheme is a credential too, one that no key matches: it must not pass as "none was sent".
    return token.strip() if scheme.lower() == b"bearer" else value
