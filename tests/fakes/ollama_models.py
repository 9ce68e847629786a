"""The models that a fake Ollama knows, with the facts that /api/tags and /api/show tell and the memory that each one needs."""

import hashlib
from dataclasses import dataclass
from typing import Any

GIB = 1 << 30
MIB = 1 << 20
_KV_BYTES = {"f16": 2.0, "q8_0": 1.0625, "q4_0": 0.5625}
_BUFFERS = 400 * MIB
_LONG_ARRAY = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model as its GGUF states them; `kv_heads` of each layer when they differ."""

    layers: int = 26
    embedding: int = 2048
    heads: int = 16
    kv_heads: int | tuple[int, ...] = 4
    head: int = 128
    window: int | None = None

    def heads_of_layers(self) -> tuple[int, ...]:
        return self.kv_heads if isinstance(self.kv_heads, tuple) else (self.kv_heads,) * self.layers


@dataclass(frozen=True, slots=True)
class FakeModel:
    """`size` in bytes on the disk, the `projector` among them; `extra` is memory that no formula foresees. Names with the same
    `weights` share a file, and so a runner."""

    name: str
    size: int
    parameters: str
    family: str = "llama"
    context: int = 32768
    capabilities: tuple[str, ...] = ("completion",)
    quantization: str = "Q4_K_M"
    remote_host: str | None = None
    shape: Shape = Shape()
    projector: int = 0
    extra: int = 0
    weights: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.weights or self.name}{self.size}".encode()).hexdigest()

    @property
    def blob(self) -> str:
        """The digest of the file of weights: the identity of a runner."""
        return "sha256:" + hashlib.sha256(f"weights {self.weights or self.name}".encode()).hexdigest()

    @property
    def parallel_allowed(self) -> bool:
        """Embedders and some families get one slot, whatever OLLAMA_NUM_PARALLEL says."""
        return "completion" in self.capabilities and self.family not in ("mllama", "qwen3vl", "qwen35", "qwen3next", "lfm2")

    def details(self) -> dict[str, Any]:
        return {
            "parent_model": "", "format": "gguf", "family": self.family, "families": [self.family],
            "parameter_size": self.parameters, "quantization_level": self.quantization,
        }  # fmt: skip

    def model_info(self, *, verbose: bool = False) -> dict[str, Any]:
        """The GGUF's keys; long arrays are empty unless `verbose`."""
        shape, heads = self.shape, self.shape.kv_heads
        if isinstance(heads, tuple):
            heads = list(heads) if verbose or len(heads) <= _LONG_ARRAY else []
        window = {f"{self.family}.attention.sliding_window": shape.window} if shape.window else {}
        return {
            "general.architecture": self.family, "general.parameter_count": 1_000_000_000,
            f"{self.family}.context_length": self.context, f"{self.family}.block_count": shape.layers,
            f"{self.family}.embedding_length": shape.embedding, f"{self.family}.attention.head_count": shape.heads,
            f"{self.family}.attention.head_count_kv": heads, f"{self.family}.attention.key_length": shape.head,
            f"{self.family}.attention.value_length": shape.head, **window,
        }  # fmt: skip

    def layers(self) -> list[tuple[str, int]]:
        """(digest, bytes) of what a pull fetches."""
        config = hashlib.sha256(f"config {self.weights or self.name}".encode()).hexdigest()
        return [(self.blob, self.size - 500), (f"sha256:{config}", 500)]

    def kv_bytes(self, num_ctx: int, parallel: int, kv_type: str) -> int:
        """The cache of keys and values; half of the layers of a model with a window look no further than that."""
        cells = 0
        for number, heads in enumerate(self.shape.heads_of_layers()):
            windowed = self.shape.window and number % 2
            cells += heads * 2 * self.shape.head * (min(num_ctx, self.shape.window) if windowed else num_ctx)
        return int(cells * parallel * _KV_BYTES[kv_type])

    def memory(self, num_ctx: int, num_batch: int, parallel: int = 1, kv_type: str = "f16") -> int:
        """Bytes that it really takes, without the context of the driver."""
        return self.size + self.kv_bytes(num_ctx, parallel, kv_type) + compute_bytes(num_batch) + self.extra

    def predicted(self, num_ctx: int, num_batch: int, parallel: int = 1) -> int:
        """What Ollama thinks before a load: always f16, no window, no projector."""
        cells = 2 * self.shape.layers * min(self.shape.heads_of_layers()) * self.shape.head * num_ctx * parallel
        return self.size - self.projector + cells * 2 + batch_bytes(num_batch)


def batch_bytes(num_batch: int) -> int:
    return 0 if num_batch <= 512 else 768 * MIB if num_batch <= 1024 else 2 * GIB


def compute_bytes(num_batch: int) -> int:
    return _BUFFERS + batch_bytes(num_batch)


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
