"""One table of all engines with their fakes, so that what holds for one is asked of each."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.http import HttpClient
from fleet.engines.base import Engine, EngineWaits
from fleet.engines.registry import engine_classes
from tests.fakes.engine import FakeEngine
from tests.fakes.llamacpp import FakeLlamaCpp
from tests.fakes.lmstudio import FakeLmStudio
from tests.fakes.textgen import FakeTextgen
from tests.fakes.vllm import FakeVllm

#: Waits of a test: what should come comes at once, what never comes is not waited for.
SHORT = EngineWaits(call=5, load=5, leave=5, settle=0.02, look=0.001)
IMPATIENT = EngineWaits(call=0.5, load=0.15, leave=0.15, settle=0.02, look=0.001)
SIZE = 1_000_000_000


@dataclass(frozen=True)
class Case:
    """`movable` and `fixed` make the fake in a mode that allows moves, and in one that does not; `tells_size`: whether the
    size of what is in memory is told."""

    kind: str
    movable: Callable[..., FakeEngine]
    fixed: Callable[..., FakeEngine]
    tells_size: bool
    tells_size_when_fixed: bool


def _fixed_lmstudio(**named: object) -> FakeEngine:
    return FakeLmStudio(manages=False, **named)


def _fixed_vllm(**named: object) -> FakeEngine:
    return FakeVllm(develops=False, **named)


def _fixed_llamacpp(**named: object) -> FakeEngine:
    return FakeLlamaCpp(routes_models=False, **named)


def _fixed_textgen(**named: object) -> FakeEngine:
    return FakeTextgen(**{"key": "admin", "asking_key": "key-of-a-machine", **named})


CASES = (
    Case("llamacpp", FakeLlamaCpp, _fixed_llamacpp, True, True),
    Case("lmstudio", FakeLmStudio, _fixed_lmstudio, True, False),
    Case("textgen", FakeTextgen, _fixed_textgen, False, False),
    Case("vllm", FakeVllm, _fixed_vllm, False, False),
)


@asynccontextmanager
async def opened(fake: FakeEngine, kind: str, *, waits: EngineWaits = SHORT, key: str = "") -> AsyncIterator[Engine]:
    http = HttpClient()
    async with fake:
        try:
            yield engine_classes()[kind](fake.url, key, http, waits=waits)
        finally:
            await http.close()
