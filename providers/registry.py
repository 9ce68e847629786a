"""Finds the providers: every file of this folder with a class that has a `spec`. A new provider is one file."""

import importlib
import inspect
import pkgutil
from collections.abc import Collection, Mapping
from typing import Any

import providers
from providers.base import Provider, ProviderSpec


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


def build(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Provider]:
    """One instance a provider. `values` has the keyword arguments of each by its name, e.g. `{"gemini": {"api_key": …}}`.

    Raises ValueError for values of a provider that does not exist.
    """
    classes = {cls.spec.name: cls for cls in provider_classes()}
    if unknown := values.keys() - classes.keys():
        raise ValueError(f"no such provider: {', '.join(sorted(unknown))}")
    return {name: cls(**values.get(name, {})) for name, cls in classes.items()}


def missing(built: Collection[str], own_keys: Collection[str]) -> dict[str, str]:
    """The providers that cannot be asked without a caller's key, each with the setting that would change that."""
    specs = [cls.spec for cls in provider_classes()]
    unusable = [one for one in specs if one.name not in (own_keys if one.capabilities.needs_key else built)]
    return {one.name: one.key_variable or f"{one.name.upper()}_BASE_URL" for one in unusable}
