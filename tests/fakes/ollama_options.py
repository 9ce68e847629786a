"""What of a request decides over loads: the options of a runner, `shift` and `keep_alive`, as Ollama reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Any difference in these reloads the model (server/sched.go, needsReload).
RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict")
FOREVER = float("inf")
_SMALL_CONTEXT = 8192  # below it the context shifts unless the request says otherwise (contextShiftSmallContextLimit)
_LEAST_CONTEXT, _LEAST_VISION_CONTEXT = 4, 2048
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


class BadDuration(ValueError):
    """A keep_alive that Go's time.ParseDuration refuses."""


def seconds_of(keep_alive: Any) -> float:
    """A number is seconds, a string a Go duration; negative is forever. `"-1"` and `"300"` are refused as Ollama does."""
    if isinstance(keep_alive, int | float):
        seconds = float(keep_alive)
    else:
        parts = re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", keep_alive)
        if not parts or "".join(number + unit for number, unit in parts) != keep_alive.lstrip("+-"):
            raise BadDuration(f'time: missing unit in duration "{keep_alive}"')
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        seconds = -seconds if keep_alive.startswith("-") else seconds
    return FOREVER if seconds < 0 else seconds


def batch_of(num_ctx: int) -> int:
    """The num_batch that Ollama takes for a context when none was asked for."""
    return 512 if num_ctx <= 4096 else 1024 if num_ctx <= 32768 else 2048


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """`said` are the options that the request gave; `num_ctx` and `shift` are what follows for the runner."""

    num_ctx: int
    shift: bool
    said: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any], shift: bool | None, *, default: int, train: int, vision: bool) -> "RunnerOptions":
        said = {name: options[name] for name in RUNNER_OPTIONS if options.get(name) is not None}
        if said.get("num_gpu", -1) < 0:
            said.pop("num_gpu", None)
        wanted = max(said.get("num_ctx", default), _LEAST_VISION_CONTEXT if vision else _LEAST_CONTEXT)
        num_ctx = min(wanted, train)
        return cls(num_ctx, num_ctx < _SMALL_CONTEXT if shift is None else shift, said)

    @property
    def num_gpu(self) -> int | None:
        """Layers for the cards; None lets llama-server fit them."""
        return self.said.get("num_gpu")

    @property
    def num_batch(self) -> int:
        return self.said.get("num_batch", batch_of(self.num_ctx))

    @property
    def automatic(self) -> bool:
        """Nobody asked for a context, so Ollama may lower it in silence when the memory is not enough."""
        return "num_ctx" not in self.said

    def kept(self) -> dict[str, Any]:
        """The options of the runner, as they show in the record of loads."""
        return {**self.said, "num_ctx": self.num_ctx}

    def differ(self, asked: "RunnerOptions") -> bool:
        """Whether a runner with these must be loaded anew for `asked`. What was automatic on both sides never differs, and an
        absent num_gpu accepts what is loaded."""
        if self.shift != asked.shift or (self.num_ctx != asked.num_ctx and not (self.automatic and asked.automatic)):
            return True
        if ("num_batch" in self.said or "num_batch" in asked.said) and self.num_batch != asked.num_batch:
            return True
        names = ("main_gpu", "num_thread", "draft_num_predict", "use_mmap", *(["num_gpu"] if "num_gpu" in asked.said else []))
        return any(self.said.get(name) != asked.said.get(name) for name in names)
