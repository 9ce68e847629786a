"""How machines with models are named and addressed, as they stand in MACHINES or come through the API."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.entries import entries

#: The machine that OLLAMA_URL leads to.
LOCAL = "local"
OLLAMA = "ollama"
_NAME = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
_URL = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<base>/[A-Za-z0-9._~/-]{0,200})?",
    re.ASCII,
)
#: How a server of models was started, and what says it in JSON.
_STARTED: Mapping[str, type] = {"num_parallel": int, "max_loaded_models": int, "kv_cache_type": str, "flash_attention": bool}
_PORTS = {"http": 80, "https": 443}
_KIND = re.compile(r"(?P<kind>[a-z0-9]{1,16})\+(?P<url>https?://.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A machine of MACHINES. `kind` is what serves the models there; `key` what that server wants, empty for none. The others are
    how that server was started, None for as the settings say."""

    name: str
    url: str
    kind: str = OLLAMA
    key: SecretStr = field(default=SecretStr(""))
    num_parallel: int | None = None
    max_loaded_models: int | None = None
    kv_cache_type: str | None = None
    flash_attention: bool | None = None


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


def read_machines(value: object) -> tuple[Named, ...]:
    """`name=url`, `name=kind+url` or `name=kind+url|KEY` separated by commas, the same as JSON or as a list of objects with
    the members of a Named. Raises ValueError, never with a key or an address in its text."""
    given = entries(value, _short) if isinstance(value, str) else value or ()
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError("machines are written as name=url, separated by commas")
    found: dict[str, Named] = {}
    for entry in given:
        one = entry if isinstance(entry, Named) else _named(entry)
        if one.name == LOCAL or one.name in found:
            told = "the machine local is the one of OLLAMA_URL" if one.name == LOCAL else f"two machines are named {one.name}"
            raise ValueError(told)
        try:
            found[machine_name(one.name)] = one
            machine_url(one.url)
        except ValueError as error:
            raise ValueError(f"{one.name[:32]!r}: {error}") from None
    return tuple(found.values())


def _short(text: str) -> dict[str, str]:
    name, found, rest = text.partition("=")
    if not found:
        raise ValueError("each machine is written as name=url")
    address, _, key = rest.strip().partition("|")
    prefixed = _KIND.fullmatch(address)
    kind, url = (prefixed["kind"], prefixed["url"]) if prefixed else (OLLAMA, address)
    return {"name": name.strip(), "url": url, "kind": kind, "key": key.strip()}


def _named(entry: object) -> Named:
    known = [one.name for one in fields(Named)]
    if not isinstance(entry, Mapping) or not all(isinstance(entry.get(one, ""), str) for one in ("name", "url", "kind", "key")):
        raise ValueError("each machine is an object with a name and a url")
    if unknown := sorted(map(str, entry.keys() - set(known))):
        raise ValueError(f"unknown member {unknown[0][:32]}; known are {', '.join(known)}")
    for name, wanted in _STARTED.items():
        if name in entry and type(entry[name]) is not wanted:
            raise ValueError(f"{name} is no {wanted.__name__}")
    told = {"name": "", "url": ""} | entry
    return Named(**told | {"kind": told.get("kind") or OLLAMA, "key": SecretStr(told.get("key", ""))})
