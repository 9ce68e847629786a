"""Finds the providers: every file of this folder with a class that has a `spec`. A new provider is one file.

Which of them are built is decided by the settings: a provider that needs a key has one, a local server has an address.
"""

import importlib
import inspect
import ipaddress
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import providers
from core.errors import InvalidField
from core.hosts import Host
from core.http import HttpClient
from providers.base import Provider, ProviderSpec

#: The type of a host of which only the address is known.
COMPATIBLE = "compatible"
#: Arguments of constructors that open a provider's door.
_KEYS = ("api_key", "bearer", "access_key")


@dataclass(frozen=True, slots=True)
class Configured:
    """A provider that the settings ask for; `arguments` are its constructor's, `has_key` tells of a key of the operator."""

    cls: type[Provider]
    arguments: dict[str, Any] = field(repr=False)
    has_key: bool

    @property
    def spec(self) -> ProviderSpec:
        return self.cls.spec


def provider_classes() -> tuple[type[Provider], ...]:
    """In the order of their names. Raises ValueError when two share a name."""
    found: dict[str, type[Provider]] = {}
    for module in sorted(pkgutil.iter_modules(providers.__path__), key=lambda module: module.name):
        loaded = importlib.import_module(f"{providers.__name__}.{module.name}")
        for _, cls in inspect.getmembers(loaded, inspect.isclass):
            if cls.__module__ != loaded.__name__ or not isinstance(getattr(cls, "spec", None), ProviderSpec):
                continue
            if found.setdefault(cls.spec.name, cls) is not cls:
                raise ValueError(f"two providers are named {cls.spec.name}")
    return tuple(found[name] for name in sorted(found))


def variables(spec: ProviderSpec) -> dict[str, str]:
    """The setting of each argument that a provider's constructor takes from the settings."""
    usual = {"base_url": f"{spec.name.upper()}_BASE_URL"} | ({"api_key": spec.key_variable} if spec.key_variable else {})
    return usual | dict(spec.variables)


def configured(settings: Mapping[str, Any]) -> list[Configured]:
    """The providers that shall be built, by priority, then by name. `settings` are values by their names in upper case;
    PROVIDERS are hosts beside those that have settings of their own, or more about these.

    Raises InvalidField for a host of an unknown type or without what its type needs.
    """
    classes = {cls.spec.name: cls for cls in provider_classes()}
    hosts: Sequence[Host] = settings.get("PROVIDERS", ())
    named = {host.name: host for host in hosts}
    found: list[tuple[int, Configured]] = []
    for name, cls in classes.items():
        host = named.get(name) or Host(name)
        if not host.enabled and cls.spec.capabilities.pull:
            raise InvalidField(f"PROVIDERS: {name} holds the models of the machines and cannot be left out.", field="PROVIDERS")
        if host.type in ("", name) and host.enabled:
            one = Configured(cls, *_arguments(cls, settings, host))
            if _is_wanted(one):
                found.append((host.priority, one))
            elif name in named:
                raise _incomplete(host, cls.spec)
    for host in hosts:
        if host.enabled and not (host.name in classes and host.type in ("", host.name)):
            found.append((host.priority, _own(host, classes)))
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].spec.name))]


def _own(host: Host, classes: Mapping[str, type[Provider]]) -> Configured:
    """A host with a name of the operator's choice and the ways of its type."""
    cls = classes.get(host.type or COMPATIBLE)
    if host.name in classes:
        raise InvalidField(f"PROVIDERS: {host.name} is the name of another provider.", field="PROVIDERS")
    if cls is None or cls.spec.dialect is None:
        able = ", ".join(name for name, one in classes.items() if one.spec.dialect)
        raise InvalidField(f"PROVIDERS: {host.name} has an unknown type.", hint=f"Known are: {able}.", field="PROVIDERS")
    arguments, has_key = _arguments(cls, {}, host)
    spec = replace(cls.spec, name=host.name, title=host.name, key_variable=None, variables=(), known_models=())
    local = spec.capabilities.local and _is_near(host.base_url)
    spec = replace(spec, capabilities=replace(spec.capabilities, local=local, pull=False))
    one = Configured(type(cls.__name__, (cls,), {"spec": spec}), arguments, has_key)
    if not _is_wanted(one):
        raise _incomplete(host, cls.spec)
    return one


def _arguments(cls: type[Provider], settings: Mapping[str, Any], host: Host) -> tuple[dict[str, Any], bool]:
    given = {name: settings[variable] for name, variable in variables(cls.spec).items() if settings.get(variable)}
    own = {"base_url": host.base_url, "api_key": host.api_key.get_secret_value(), "models": host.models}
    given |= {name: value for name, value in own.items() if value}
    taken = inspect.signature(cls).parameters
    if host.timeout is not None and "patience" in taken:
        given["patience"] = replace(taken["patience"].default, total=host.timeout)
    return given, any(given.get(name) for name in _KEYS)


def _is_wanted(one: Configured) -> bool:
    """A key where one is needed and no request brings its own; an address for local servers and for who has none."""
    able = one.spec.capabilities
    opened = one.has_key or able.key_per_request or not able.needs_key
    placed = "base_url" in one.arguments or (able.needs_key and bool(one.spec.default_url))
    return opened and placed


def _incomplete(host: Host, spec: ProviderSpec) -> InvalidField:
    needs = "a base_url and an api_key" if spec.capabilities.needs_key and not spec.default_url else None
    needs = needs or ("an api_key" if spec.capabilities.needs_key else "a base_url")
    return InvalidField(f"PROVIDERS: {host.name} needs {needs}.", hint="Set it, or set enabled: false.", field="PROVIDERS")


def _is_near(url: str) -> bool:
    """Whether an address is of this machine or of its network, as far as it shows."""
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".lan", ".home.arpa"))


def build(
    wanted: Iterable[Configured], http: HttpClient, own: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Provider]:
    """One instance of each by its name. `own` has more keyword arguments by that name, which no setting gives."""
    made: dict[str, Provider] = {}
    for one in wanted:
        shared = {"http": http} if "http" in inspect.signature(one.cls).parameters else {}
        made[one.spec.name] = one.cls(**shared, **one.arguments, **(own or {}).get(one.spec.name, {}))
    return made


def needed(spec: ProviderSpec) -> tuple[str, ...]:
    """The settings without which a provider is not there."""
    if spec.name == COMPATIBLE:
        return ("PROVIDERS",)
    named, needs_key = variables(spec), spec.capabilities.needs_key
    keys = [named[name] for name in _KEYS if name in named][:1] if needs_key else []
    return tuple(keys + ([] if needs_key and spec.default_url else [named["base_url"]]))


def missing(wanted: Iterable[Configured]) -> dict[str, str]:
    """The providers that cannot be asked without a caller's key, each with the settings that would change that."""
    usable = {one.spec.name for one in wanted if one.has_key or not one.spec.capabilities.needs_key}
    specs = [cls.spec for cls in provider_classes() if cls.spec.name not in {*usable, COMPATIBLE}]
    return {spec.name: " and ".join(needed(spec)) for spec in specs}
