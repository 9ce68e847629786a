"""The one way from a request's headers to a caller. Keys are found by the HMAC digest of the whole key."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

from api.policy import Principal, Role
from core.errors import InvalidKey, TwoCredentials
from core.secrets import digest
from models import OPERATOR

_FORM = re.compile(rb"[\x21-\x7e]{1,512}")


class Credentials:
    """Knows the operator's, the master's and the clients' keys by their digests only."""

    def __init__(self, operator_key: str, master_key: str, pepper: bytes, load: Callable[[], Awaitable[dict[bytes, str]]]):
        self._pepper = pepper
        self._load = load
        self._fixed = {
            digest(key, pepper): Principal(role, name)
            for key, role, name in ((operator_key, Role.OPERATOR, OPERATOR), (master_key, Role.MASTER, "master"))
            if key
        }
        self._clients: dict[bytes, str] = {}
        self._reloading = asyncio.Lock()

    async def reload(self) -> None:
        """Takes over created and revoked keys; called at start and after every change, so a revoked key dies at once."""
        # One at a time: a look that began before a key was revoked must not end after the look that saw it gone.
        async with self._reloading:
            self._clients = await self._load()

    def digest(self, key: str) -> bytes:
        return digest(key, self._pepper)

    def identify(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal | None:
        """The caller, or None without a credential. Raises TwoCredentials and InvalidKey."""
        found = {value for value in map(_credential, headers) if value is not None}
        if not found:
            return None
        if len(found) > 1:
            raise TwoCredentials(
                "The request carries two different keys.", hint="Send one key, in `Key`, `X-API-Key` or `Authorization: Bearer`."
            )
        key = found.pop()
        if not _FORM.fullmatch(key):
            raise InvalidKey("The key has a form that no key has.")
        marked = self.digest(key.decode())
        if principal := self._fixed.get(marked):
            return principal
        if key_id := self._clients.get(marked):
            return Principal(Role.CLIENT, key_id)
        raise InvalidKey("This key is unknown or was revoked.")


def _credential(header: tuple[bytes, bytes]) -> bytes | None:
    name, value = header
    if name in (b"key", b"x-api-key"):
        return value.strip()
    if name == b"authorization":
        scheme, _, token = value.strip().partition(b" ")
        # Another scheme is a credential too, one that no key matches: it must not pass as "none was sent".
        return token.strip() if scheme.lower() == b"bearer" else value
    return None
