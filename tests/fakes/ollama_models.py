"""The models of the fake Ollama: which are installed, which are in memory and with which runner options."""

import hashlib
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

# Any difference in these reloads the model (server/sched.go, needsReload); an absent num_gpu accepts what is loaded.
RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict")
DEFAULT_CONTEXT = 4096
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_FOREVER = datetime(2318, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FakeModel:
    name: str
    size: int
    parameters: str
    family: str = "llama"
    context: int = 32768
    capabilities: tuple[str, ...] = ("completion",)
    quantization: str = "Q4_K_M"
    remote_host: str | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.name}{self.size}".encode()).hexdigest()

    def details(self) -> dict[str, Any]:
        return {
            "parent_model": "", "format": "gguf", "family": self.family, "families": [self.family],
            "parameter_size": self.parameters, "quantization_level": self.quantization,
        }  # fmt: skip

    def layers(self) -> list[tuple[str, int]]:
        """(digest, bytes) of what a pull fetches."""
        weights = hashlib.sha256(f"weights {self.name}".encode()).hexdigest()
        config = hashlib.sha256(f"config {self.name}".encode()).hexdigest()
        return [(f"sha256:{weights}", self.size - 500), (f"sha256:{config}", 500)]


INSTALLED = (
    FakeModel("gemma3:1b", 815_319_791, "999.89M", "gemma3"),
    FakeModel("llama3.2:3b", 2_019_393_189, "3.2B", "llama", 131072, ("completion", "tools")),
    FakeModel("qwen3:0.6b", 522_653_767, "751.63M", "qwen3", 40960, ("completion", "tools", "thinking")),
    FakeModel("nomic-embed-text:latest", 274_302_450, "137M", "nomic-bert", 2048, ("embedding",), "F16"),
)
LIBRARY = (
    *INSTALLED,
    FakeModel("tinyllama:latest", 637_700_138, "1B", "llama", 2048),
    FakeModel("llama3:8b", 4_661_224_676, "8.0B", "llama", 8192),
)


class BadDuration(ValueError):
    """A keep_alive that Go's time.ParseDuration refuses."""


def seconds_of(keep_alive: Any) -> float:
    """A number is seconds, a string a Go duration; negative is forever. `"-1"` and `"300"` are refused as Ollama does."""
    if isinstance(keep_alive, int | float):
        return float(keep_alive)
    parts = re.findall(r"([\d.]+)(ns|us|ms|s|m|h)", keep_alive)
    if not parts or "".join(number + unit for number, unit in parts) != keep_alive.lstrip("+-"):
        raise BadDuration(f'time: missing unit in duration "{keep_alive}"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -seconds if keep_alive.startswith("-") else seconds


@dataclass(slots=True)
class Runner:
    model: FakeModel
    options: dict[str, Any]
    context: int
    on_gpu: bool
    expires: datetime = _FOREVER
    lease: float = 300.0

    def fits(self, options: dict[str, Any]) -> bool:
        wanted = {name: options[name] for name in RUNNER_OPTIONS if name in options}
        if "num_ctx" in wanted:
            wanted["num_ctx"] = min(wanted["num_ctx"], self.model.context)
        wanted.setdefault("num_ctx", min(DEFAULT_CONTEXT, self.model.context))
        if wanted.get("num_gpu", -1) < 0:
            wanted["num_gpu"] = self.options.get("num_gpu")
        return all(self.options.get(name) == wanted.get(name) for name in RUNNER_OPTIONS)

    def size(self) -> int:
        return self.model.size + self.context * 40_000

    def listed(self) -> dict[str, Any]:
        size = self.size()
        return {
            "name": self.model.name, "model": self.model.name, "size": size, "digest": self.model.digest,
            "details": self.model.details(), "expires_at": self.expires.isoformat(),
            "size_vram": size if self.on_gpu else 0, "context_length": self.context,
        }  # fmt: skip


@dataclass
class Machine:
    """Disk and memory. `loads` has (model, options) of every load, so a reload is an entry more than the first one;
    `broken` are models whose files cannot be read."""

    installed: dict[str, FakeModel] = field(default_factory=lambda: {model.name: model for model in INSTALLED})
    library: dict[str, FakeModel] = field(default_factory=lambda: {model.name: model for model in LIBRARY})
    runners: dict[str, Runner] = field(default_factory=dict)
    loads: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    partial: dict[str, int] = field(default_factory=dict)
    gpu: bool = True
    broken: set[str] = field(default_factory=set)

    @staticmethod
    def full_name(name: str) -> str:
        return name if ":" in name.rpartition("/")[2] else f"{name}:latest"

    def find(self, name: str) -> FakeModel | None:
        return self.installed.get(self.full_name(name))

    def resident(self) -> list[Runner]:
        now = datetime.now(UTC)
        self.runners = {name: runner for name, runner in self.runners.items() if runner.expires > now}
        return list(self.runners.values())

    def needs_load(self, model: FakeModel, options: dict[str, Any]) -> bool:
        self.resident()
        runner = self.runners.get(model.name)
        return runner is None or not runner.fits(options)

    def load(self, model: FakeModel, options: dict[str, Any]) -> None:
        kept = {name: options[name] for name in RUNNER_OPTIONS if name in options}
        kept["num_ctx"] = min(kept.get("num_ctx", DEFAULT_CONTEXT), model.context)
        if kept.get("num_gpu", -1) < 0:
            kept.pop("num_gpu", None)
        self.loads.append((model.name, kept))
        self.runners[model.name] = Runner(model, kept, kept["num_ctx"], self.gpu and kept.get("num_gpu", 1) != 0)

    def renew(self, model: FakeModel, keep_alive: Any) -> None:
        runner = self.runners[model.name]
        lease = runner.lease if keep_alive is None else seconds_of(keep_alive)
        runner.lease = lease
        runner.expires = _FOREVER if lease < 0 else datetime.fromtimestamp(time.time() + lease, UTC)

    def copy(self, source: str, destination: str) -> bool:
        model = self.find(source)
        if model is not None:
            name = self.full_name(destination)
            self.installed[name] = replace(model, name=name)
        return model is not None
