"""Who asks, for the turns of machines: known where a request is told apart, needed where a turn is taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from fleet.swapper.scheduler import OnEta
from fleet.swapper.tuning import Class


@dataclass(frozen=True, slots=True)
class Asker:
    """`client` shares fairly with the others; `on_eta` is told when its turn will come, as long as it waits."""

    client: str = ""
    klass: Class = "normal"
    on_eta: OnEta | None = None


_NOBODY = Asker()
_asker: ContextVar[Asker] = ContextVar("asker", default=_NOBODY)


@contextmanager
def asking_as(asker: Asker) -> Iterator[None]:
    """Turns that are taken inside, by this task, are this one's."""
    token = _asker.set(asker)
    try:
        yield
    finally:
        _asker.reset(token)


def asker() -> Asker:
    return _asker.get()
