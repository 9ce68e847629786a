"""How machines with models are named and addressed, as they stand in MACHINES or come through the API."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

#: The machine that OLLAMA_URL leads to.
LOCAL = "local"
_NAME = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
_URL = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<base>/[A-Za-z0-9._~/-]{0,200})?",
    re.ASCII,
)
_PORTS = {"http": 80, "https": 443}


def machine_name(text: str) -> str:
    """Raises ValueError."""
    if not _NAME.fullmatch(text):
        raise ValueError("a name has 1 to 32 small letters, digits and dashes")
    return text


def machine_url(text: str) -> str:
    """`http(s)://host[:port][/base]` as it was given. Raises ValueError, never with the address in its text."""
    if "@" in text:
        raise ValueError("credentials do not belong into the address")
    found = _URL.fullmatch(text)
    if not found or not 0 < int(found["port"] or 1) < 65536:
        raise ValueError("the address is not written as http://host:port")
    parts = (found["base"] or "").split("/")
    if ".." in parts or "api" in parts or "v1" in parts:
        raise ValueError("the address ends before /api or /v1")
    return text


def place_of(url: str) -> tuple[str, int, str]:
    """What two spellings of one address have in common: its host, its port and its base."""
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    host = parts.hostname or ""
    here = host in ("localhost", "::1", "0.0.0.0") or host.startswith("127.")
    return LOCAL if here else host, port, parts.path.rstrip("/")


def read_machines(value: object) -> tuple[tuple[str, str], ...]:
    """`name=url,…`, or pairs that were read before. Raises ValueError."""
    parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value or ()
    if not isinstance(parts, Sequence):
        raise ValueError("machines are written as name=url, separated by commas")
    found: dict[str, str] = {}
    for part in parts:
        name, url = _pair(part)
        if name == LOCAL or name in found:
            raise ValueError("the machine local is the one of OLLAMA_URL" if name == LOCAL else f"two machines are named {name}")
        try:
            found[machine_name(name)] = machine_url(url)
        except ValueError as error:
            raise ValueError(f"{name[:32]!r}: {error}") from None
    return tuple(found.items())


def _pair(part: object) -> tuple[str, str]:
    pair = part.split("=", 1) if isinstance(part, str) else part
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError("each machine is written as name=url")
    return str(pair[0]).strip(), str(pair[1]).strip()
