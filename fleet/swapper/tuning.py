"""The numbers of the swap policy. All times are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

Class = Literal["interactive", "normal", "batch"]
CLASSES: tuple[Class, ...] = get_args(Class)


def _patience() -> Mapping[Class, float]:
    return MappingProxyType({"interactive": 45.0, "normal": 120.0, "batch": 600.0})


@dataclass(frozen=True, slots=True)
class Tuning:
    """Defaults as simulated (`bench/swapper.py`).

    A model that waits is due after `patience` of its request's class, but not before `floor_cycles` rounds of all models,
    and not before the resident one has paid for its load: `gamma` loads, or `kappa` x rho/(1-rho) loads when that is more.
    """

    patience: Mapping[Class, float] = field(default_factory=_patience)
    gamma: float = 4.0
    kappa: float = 2.0
    #: A model that is in use for so much of the time is asked again soon: idle, it stays for as long as its load takes.
    hot: float = 0.6
    floor_cycles: float = 2.0
    #: Above this measured load the estimates say nothing; it also bounds how far the floors can grow.
    busiest: float = 0.8
    #: A request with a longer predicted wait is refused; batch may wait as many times longer as its patience is.
    eta_limit: float = 240.0
    #: Whoever waited so many times longer than that is refused after all: the prediction was wrong.
    patience_factor: float = 3.0
    #: Who may wait for a model whose turns nobody has measured yet: as many as Ollama's own line holds (OLLAMA_MAX_QUEUE).
    unmeasured_line: int = 512
    notice_every: float = 2.0
    #: OLLAMA_NUM_PARALLEL.
    parallel: int = 1
    #: Ollama evicts for a second model that it thinks larger than this share of the free memory.
    free_share: float = 0.8
    truth_every: float = 3.0
    #: For `shared_believed` seconds after somebody else has loaded a model, who comes is let in after a look not older than this.
    look_holds: float = 0.1
    shared_believed: float = 600.0
    confirm_every: float = 0.25
    ask_again_every: float = 5.0
    #: From the end of a model's process until the driver counts its memory as free: 0.5 to 1.5 s.
    settle: float = 1.5
    call: float = 20.0
    leave: float = 60.0
    load_floor: float = 120.0
    load_factor: float = 3.0
    #: Bytes a second: what a load takes until one was measured, and the slowest that is still called a load.
    load_speed: float = 2e9
    slowest_load: float = 0.2e9
    service: float = 8.0
    unload: float = 1.0
    failures: int = 3
    failures_within: float = 600.0
    breaker_open: float = 300.0
    speculate: bool = True
    speculate_after: float = 2.0
    evict_foreign: bool = True

    @property
    def places(self) -> int:
        """Requests of one model inside Ollama: one more than it computes at once hides the way to and fro."""
        return self.parallel + 1

    def limit(self, klass: Class) -> float:
        """The longest predicted wait that is not refused."""
        return self.eta_limit * max(1.0, self.patience[klass] / self.patience["normal"])

    def longest(self, klass: Class) -> float:
        """The wait after which a request is refused whatever was predicted."""
        return self.limit(klass) * self.patience_factor
