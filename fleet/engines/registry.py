"""Finds the engines: every file of this folder with a class that has a `spec`. A new engine is one file."""

import importlib
import inspect
import pkgutil

from core.errors import InvalidField
from core.http import HttpClient
from fleet import engines
from fleet.engines.base import Engine, EngineSpec


def engine_classes() -> dict[str, type[Engine]]:
    """By kind, in the order of the names. Raises ValueError when two share a kind."""
    found: dict[str, type[Engine]] = {}
    for module in pkgutil.iter_modules(engines.__path__):
        loaded = importlib.import_module(f"{engines.__name__}.{module.name}")
        for _, cls in inspect.getmembers(loaded, inspect.isclass):
            if cls.__module__ != loaded.__name__ or not isinstance(getattr(cls, "spec", None), EngineSpec):
                continue
            if found.setdefault(cls.spec.kind, cls) is not cls:
                raise ValueError(f"two engines are of the kind {cls.spec.kind}")
    return dict(sorted(found.items()))


def engine(kind: str, url: str, key: str, http: HttpClient) -> Engine:
    """The engine of a machine. `url` is the operator's, with or without `/v1`. Raises InvalidField for an unknown kind."""
    classes = engine_classes()
    if kind not in classes:
        raise InvalidField("This kind of machine is not known.", field="kind", hint=f"Known are: {', '.join(classes)}.")
    return classes[kind](url, key, http)
