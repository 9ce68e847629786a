"""Names of machines and models as operators give them, looked up; what is unknown is told with what is near."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from core.errors import ModelNotFound, NotFound
from fleet.operations.ports import Holder, Port

P = TypeVar("P", Holder, Port)


def port_of(ports: Mapping[str, P], machine: str) -> P:
    """Raises NotFound with the nearest name."""
    if machine not in ports:
        near = difflib.get_close_matches(machine, ports, 1, 0.5)
        hint = f"Near is {near[0]}." if near else f"There are: {', '.join(ports) or 'none'}."
        raise NotFound(f"There is no machine named {machine[:64]!r}.", field="machine", hint=hint)
    return ports[machine]


def unknown_model(model: str, installed: Iterable[str], where: str) -> ModelNotFound:
    """`where` as in `on the machine a`."""
    names = sorted(installed)
    near = difflib.get_close_matches(model, names, 3, 0.5)
    hint = f"Near are: {', '.join(near)}." if near else f"Installed: {', '.join(names[:10])}." if names else "None is installed."
    return ModelNotFound(f"The model {model[:120]} is not installed {where}.", nearest=near, hint=hint)
