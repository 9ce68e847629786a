"""What a model needs in memory, from its anatomy alone: weights + cache of keys and values + buffers + context of the driver.

The cache holds, for each slot and each layer, heads * (key + value) cells a token. The buffers and their growth with num_batch
were read in llama.cpp's logs; Ollama chooses num_batch from num_ctx (512 up to 4096, 1024 up to 32768, then 2048). Without
flash attention the scores of a batch against the whole context are buffered, too: heads * batch * num_ctx numbers of 4 bytes
(the tensor `kq` of llama.cpp's graph).
"""

from dataclasses import dataclass
from typing import Literal

from fleet.memory.anatomy import Anatomy

KvType = Literal["f16", "q8_0", "q4_0"]
Device = Literal["gpu", "cpu"]

_MIB, _GIB = 1 << 20, 1 << 30
_CELL_BYTES: dict[KvType, float] = {"f16": 2.0, "q8_0": 1.0625, "q4_0": 0.5625}
_LEAST_BUFFERS, _MORE_BUFFERS, _LARGE_WEIGHTS = 300 * _MIB, 500 * _MIB, 20 * _GIB
_SIGHT = _GIB
#: What a driver keeps for each process on a card, beside what Ollama shows.
DRIVER_BYTES = _GIB // 2
_UNKNOWN_FACTOR, _UNKNOWN_BYTES = 1.2, 2 * _GIB
#: llama.cpp's n_ubatch, and the bytes of an f32.
_SCORES_AT_ONCE, _SCORE_BYTES = 512, 4


@dataclass(frozen=True, slots=True)
class Setting:
    """How a model is loaded: `num_ctx` tokens for each of `parallel` slots, with `flash` attention or without."""

    num_ctx: int
    parallel: int = 1
    kv_type: KvType = "f16"
    device: Device = "gpu"
    flash: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes. `driver` is not in what Ollama shows as the size of a loaded model."""

    weights: int
    cache: int
    buffers: int
    driver: int

    @property
    def shown(self) -> int:
        """What /api/ps would show."""
        return self.weights + self.cache + self.buffers

    @property
    def total(self) -> int:
        return self.shown + self.driver


def need(anatomy: Anatomy, setting: Setting) -> Need:
    """An estimate, rather too much than too little. Of a model whose layers are not told only the weights are known."""
    driver = DRIVER_BYTES if setting.device == "gpu" else 0
    if not anatomy.known:
        return Need(anatomy.weights, 0, round(anatomy.weights * (_UNKNOWN_FACTOR - 1)) + _UNKNOWN_BYTES - driver, driver)
    num_ctx = context(anatomy, setting.num_ctx)
    cells = sum(layer.cells * layer.tokens(num_ctx) for layer in anatomy.layers)
    cache = round(cells * setting.parallel * _CELL_BYTES[setting.kv_type])
    return Need(anatomy.weights, cache, _buffers(anatomy, num_ctx) + _scores(anatomy, setting, num_ctx), driver)


def foreseen_by_ollama(anatomy: Anatomy, setting: Setting) -> int:
    """Bytes that Ollama expects before a load; it lets a second model in when they are at most 80 % of what is free.

    Its own formula (server/sched.go): always f16, the fewest heads for every layer, no windows, nothing but the batch besides.
    """
    num_ctx = context(anatomy, setting.num_ctx)
    cells = len(anatomy.layers) * min((layer.cells for layer in anatomy.layers), default=0)
    return anatomy.weights + round(cells * num_ctx * setting.parallel * _CELL_BYTES["f16"]) + _batch(num_ctx)


def context(anatomy: Anatomy, num_ctx: int) -> int:
    """Ollama never gives a model more than it was trained for, and one that can only embed all of that."""
    if anatomy.embeds and anatomy.context:
        return anatomy.context
    return min(num_ctx, anatomy.context) if anatomy.context else num_ctx


def _buffers(anatomy: Anatomy, num_ctx: int) -> int:
    grown = round(_MORE_BUFFERS * min(1.0, anatomy.weights / _LARGE_WEIGHTS))
    return _LEAST_BUFFERS + grown + _batch(num_ctx) + (_SIGHT if anatomy.sees else 0)


def _scores(anatomy: Anatomy, setting: Setting, num_ctx: int) -> int:
    if setting.flash:
        return 0
    return anatomy.heads * _SCORES_AT_ONCE * num_ctx * setting.parallel * _SCORE_BYTES


def _batch(num_ctx: int) -> int:
    return 0 if num_ctx <= 4096 else 768 * _MIB if num_ctx <= 32768 else 2 * _GIB
