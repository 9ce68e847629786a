"""Which addresses on the internet may be called on behalf of a client, and how a URL must be spelled to be understood.

`is_public` is the rule; `core.outbound` applies it to the address that is really connected to, because a name can mean
another machine a second later. `read_url` refuses early and explains; it is a courtesy, not the guard.
Networks: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates).
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass

from core.errors import InvalidField

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = frozenset({80, 443, 8080, 8443})
MAX_URL_LENGTH = 2048

_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # public by number, yet the host's own agent inside Azure
    )
)  # fmt: skip
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_INNER_ENDINGS = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".arpa", ".onion")


def is_public(address: str | IPAddress) -> bool:
    """Whether this address is a machine on the public internet; text that is no address is not.

    An IPv4 address inside an IPv6 one (v4-mapped, 6to4, NAT64) is judged as what it reaches.
    """
    if isinstance(address, str):
        try:
            address = ipaddress.ip_address(address)
        except ValueError:
            return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    embedded = _embedded_v4(address)
    if embedded is not None:
        return is_public(embedded)
    return address in _GLOBAL_V6 and not any(address in network for network in _CLOSED_V6)


def _embedded_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in parts that need no second parser: `host` is lower case, without brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Host and port as a Host header shows them; the port is left out when it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where calls may go: public addresses on these ports, and the exact host:port pairs that the operator allowed."""

    allowed: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[int] = DEFAULT_PORTS

    @classmethod
    def of(cls, targets: Collection[str]) -> "AddressPolicy":
        """From `host:port` texts (`[::1]:9000` for IPv6). Raises InvalidField for a text of another form."""
        return cls(frozenset(_target(text) for text in targets))

    def allows(self, host: str, port: int) -> bool:
        """Whether the operator named exactly this pair."""
        return (host.lower(), port) in self.allowed


def _target(text: str) -> tuple[str, int]:
    match = _URL.fullmatch(f"http://{text.strip()}")
    if match is None or match["port"] is None or match["target"] or not 0 < int(match["port"]) < 65536:
        raise InvalidField(
            f"{text!r} is not host:port.",
            field="WEBHOOK_ALLOWED_TARGETS",
            hint="Write it like 192.168.0.10:9000 or hooks.lan:8080.",
        )
    return _plain_host(match["host"].lower(), "WEBHOOK_ALLOWED_TARGETS"), int(match["port"])


def read_url(text: str, policy: AddressPolicy, *, field: str = "Webhook-URL") -> Url:
    """The parts of an absolute http(s) URL in its plain ASCII spelling. Raises InvalidField, never looks a name up."""
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_LENGTH else None
    if match is None:
        raise InvalidField(
            "The URL is not a plain http:// or https:// address.",
            field=field,
            hint="Use ASCII without user name, space, backslash or #fragment; other letters are xn--… in a host, %XX in a path.",
        )
    port = int(match["port"] or (443 if match["scheme"] == "https" else 80))
    url = Url(match["scheme"], _plain_host(match["host"].lower(), field), port, _rooted(match["target"] or "/"))
    if policy.allows(url.host, url.port):
        return url
    if url.port not in policy.ports:
        ports = ", ".join(str(known) for known in sorted(policy.ports))
        raise InvalidField(f"Port {port} may not be called.", field=field, hint=f"Use one of the ports {ports}.")
    if not _looks_public(url.host):
        raise InvalidField(
            "The URL leads to a private or reserved address.",
            field=field,
            hint="Use a public address, or let the operator add host:port to WEBHOOK_ALLOWED_TARGETS.",
        )
    return url


def _rooted(target: str) -> str:
    return target if target.startswith("/") else "/" + target


def _plain_host(host: str, field: str) -> str:
    """The host if it has only one reading: a canonical IP address, or a name that no resolver takes for a number."""
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise InvalidField("The IPv6 address of the URL is malformed.", field=field) from None
    labels = host.split(".")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        # inet_aton reads 127.1, 0x7f.1, 017700000001 and 2130706433 as addresses; only the dotted quad is unambiguous.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise InvalidField("The IPv4 address of the URL is not four decimal numbers.", field=field) from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidField("The host name of the URL is malformed.", field=field, hint="Leave a dot at the end of the host out.")
    return host


def _looks_public(host: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(host))
    except ValueError:
        return "." in host and not host.endswith(_INNER_ENDINGS)
