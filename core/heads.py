"""The head of a request of HTTP/1.1 (RFC 9112): where it goes, and what it says before its body."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

_COMMON = "Accept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: myelin\r\n"
_TYPE = "Content-Type"


class Origin(NamedTuple):
    """Where connections go."""

    scheme: str
    host: str
    port: int


class Headers(dict[str, str]):
    """Headers that go with many requests: they are checked and written the first time only, and not changed after that."""

    @cached_property
    def written(self) -> str:
        """Raises ValueError for what cannot stand in a head."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.items()])
        if lines.count("\r") != len(self) or lines.count("\n") != len(self) or "\0" in lines:
            raise ValueError("a header with a line break")
        return lines


def request_head(method: str, url: str, headers: Mapping[str, str], kind: str | None, length: int | None) -> tuple[Origin, bytes]:
    """Where the request goes, and its head; `kind` is the type of its content unless `headers` say it.

    Raises ValueError for what is no address of HTTP and for what cannot stand in a head: control characters, or more than
    Latin-1.
    """
    origin, start = _start(url)
    own = (headers if isinstance(headers, Headers) else Headers(headers)).written
    told = "" if kind is None or _TYPE in headers else f"{_TYPE}: {kind}\r\n"
    size = "" if length is None else f"Content-Length: {length}\r\n"
    return origin, f"{method}{start}{own}{told}{size}\r\n".encode("latin-1")


@lru_cache(256)
def _start(url: str) -> tuple[Origin, str]:
    """The origin, and what stands in every head to this address. Raises ValueError for what is no address of HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http address")
    host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    if not target.isascii() or " " in target or not (target + host).isprintable():
        raise ValueError("an address with characters that must be escaped")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    named = f"[{host}]" if ":" in host else host
    named = named if parts.port is None else f"{named}:{port}"
    return Origin(parts.scheme, host, port), f" {target} HTTP/1.1\r\nHost: {named}\r\n{_COMMON}"
