"""Model hosts of the operator's choice, as they stand in PROVIDERS or in the list `providers:` of config.yaml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.entries import entries

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_RESERVED = frozenset({"auto", "builtin"})
#: Members that such lists have elsewhere: retries and connections are the same for all hosts here.
_IGNORED = frozenset({"max_retries", "max_connections", "max_keepalive_connections"})


@dataclass(frozen=True, slots=True)
class Host:
    """`type` is the provider whose ways it has (empty: the provider of that name, else any OpenAI-compatible host).

    `models` are the names that it has, when it cannot list them; `priority` orders hosts, the smallest first; `timeout` are
    seconds for a whole answer. One that is not `enabled` is left out, also when other settings name it.
    """

    name: str
    type: str = ""
    base_url: str = ""
    api_key: SecretStr = field(default=SecretStr(""))
    models: tuple[str, ...] = ()
    enabled: bool = True
    priority: int = 100
    timeout: float | None = None


def read_hosts(value: object, environment: Mapping[str, str]) -> tuple[Host, ...]:
    """`name=url` or `name=url|KEY` separated by commas, the same as JSON or as a list of objects with the members of a Host.

    `api_key_env` names the variable of `environment` that has the key. Raises ValueError, never with a key in its text.
    """
    if isinstance(value, str):
        value = entries(value, _short)
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of hosts")
    hosts = tuple(one if isinstance(one, Host) else _host(one, environment) for one in value)
    names = [host.name for host in hosts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two hosts are named {twice}")
    return hosts


def _short(text: str) -> dict[str, str]:
    name, found, rest = text.partition("=")
    if not found:
        raise ValueError("each host is name=url or name=url|KEY")
    url, _, key = rest.partition("|")
    return {"name": name.strip(), "base_url": url.strip(), "api_key": key.strip()}


def _host(entry: object, environment: Mapping[str, str]) -> Host:
    if not isinstance(entry, Mapping):
        raise ValueError("each host is an object with a name")
    name = str(entry.get("name") or "").strip().lower()
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(f"{name[:32]!r} cannot be the name of a host: small letters, digits, dots, dashes, not auto or builtin")
    known = {one.name for one in fields(Host)}
    if unknown := sorted(map(str, entry.keys() - known - _IGNORED - {"api_key_env"})):
        raise ValueError(f"{name}: unknown member {unknown[0][:32]}; known are {', '.join(sorted(known))}, api_key_env")
    models, enabled, priority, timeout = (entry.get(part) for part in ("models", "enabled", "priority", "timeout"))
    if not (isinstance(models or [], list | tuple) and isinstance(enabled, bool | None) and isinstance(priority, int | None)):
        raise ValueError(f"{name}: models is a list, enabled true or false, priority a whole number")
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise ValueError(f"{name}: timeout is a number of seconds")
    return Host(
        name=name,
        type=str(entry.get("type") or "").strip().lower(),
        base_url=_url(name, str(entry.get("base_url") or "").strip()),
        api_key=SecretStr(_key(entry, environment)),
        models=tuple(str(model) for model in models or ()),
        enabled=enabled is not False,
        priority=100 if priority is None else priority,
        timeout=timeout,
    )


def _url(name: str, url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(f"{name}: its base_url must begin with http:// or https://")
    if parts.username or parts.password:
        raise ValueError(f"{name}: a key does not belong into its base_url")
    return url


def _key(entry: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    if variable := entry.get("api_key_env"):
        return environment.get(str(variable), "").strip()
    return str(entry.get("api_key") or "").strip()
