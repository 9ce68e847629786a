"""How much memory a model will take before it is loaded: by formula first, by what was seen later."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Protocol

from core.errors import ModelTooLarge, MyelinError, ProviderError
from core.logs import get_logger
from fleet.compute import Resident
from fleet.memory.anatomy import Anatomy, read_anatomy
from fleet.memory.formula import Device, KvType, Need, Setting, context, foreseen_by_ollama, need
from fleet.memory.learning import CAUTION, Learned, Sight
from providers.ollama_models import full_name

Source = Literal["seen", "formula and one look", "formula", "size of its files", "outgrown"]
_GIB = 1 << 30
#: A loaded model that shows less than this share of its weights, or more than this much of the estimate, tells no truth.
_LEAST_SHARE, _MOST_SHARE = 0.5, 3.0
#: Seconds for which a load that ran out of memory counts: who had the rest of it may be gone by then.
_CRAMPED = 3600.0
#: Seconds that the writing of a look may take.
_WRITING = 5.0

log = get_logger()


class Shelf(Protocol):
    """What tells of the models of a machine. Raises ProviderError."""

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        """(bytes, digest) of every installed model by its full name."""

    async def shown(self, model: str) -> Mapping[str, Any]:
        """The reply of /api/show as it is."""


class Sizes(Protocol):
    """Rows with the fields of a Sight, kept over restarts."""

    async def all(self) -> Sequence[Any]: ...

    async def put(self, rows: Sequence[dict[str, Any]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """`bytes` in all, the context of the driver among them; `need` is what the formula says."""

    model: str
    bytes: int
    setting: Setting
    need: Need
    source: Source

    def within(self, budget: int | None, where: str = "local") -> "Prediction":
        """Itself; None is a machine whose memory is unknown. `where` is its name. Raises ModelTooLarge with all numbers."""
        if budget is None or self.bytes <= budget:
            return self
        need, setting = self.need, self.setting
        raise ModelTooLarge(
            f"The model {self.model} needs {_gib(self.bytes)} by {_WORDS[self.source]}, and models may take {_gib(budget)} "
            f"on the machine {where}: weights {_gib(need.weights)}, "
            f"context of {setting.num_ctx} tokens for {setting.parallel} at a time {_gib(need.cache)}, "
            f"buffers {_gib(need.buffers)}, driver {_gib(need.driver)}.",
            hint="Use a smaller model, quantization or context, or raise VRAM_LIMIT_GB or the machine's budget_bytes.",
            field="model",
        )


_WORDS: dict[Source, str] = {
    "seen": "what it took before", "formula and one look": "an estimate and one look",
    "formula": "an estimate", "size of its files": "an estimate from its size", "outgrown": "a load that ran out of memory",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Habits:
    """How a server of models was started, which its API does not tell: OLLAMA_NUM_PARALLEL, OLLAMA_KV_CACHE_TYPE and
    OLLAMA_FLASH_ATTENTION, without which its cache is f16 whatever was asked for; OLLAMA_MAX_LOADED_MODELS are the most that
    it has in memory before it evicts one, and it chooses badly (None: as many as fit)."""

    num_parallel: int = 1
    max_loaded_models: int | None = None
    kv_cache_type: KvType = "f16"
    flash_attention: bool = True

    def setting(self, anatomy: Anatomy, num_ctx: int, device: Device) -> Setting:
        kv_type: KvType = self.kv_cache_type if self.flash_attention else "f16"
        parallel = 1 if anatomy.one_slot else self.num_parallel
        return Setting(context(anatomy, num_ctx), parallel, kv_type, device, self.flash_attention)


class Memory:
    """`device`, `num_ctx` and `habits` say how a model would be loaded now. Owned by one task of the event loop."""

    def __init__(
        self,
        shelf: Shelf,
        sizes: Sizes,
        *,
        num_ctx: Callable[[str], int],
        device: Callable[[], Device] = lambda: "gpu",
        habits: Callable[[], Habits] = Habits,
        now: Callable[[], float] = time.monotonic,
        identify: Callable[[str], str] = full_name,
    ):
        self._shelf, self._identify = shelf, identify
        self._sizes = sizes
        self._num_ctx = num_ctx
        self._device = device
        self._habits = habits
        self._learned = Learned()
        self._anatomies: dict[str, Anatomy] = {}
        self._digests: dict[str, str | None] = {}
        self._looking = asyncio.Lock()
        self._now = now
        #: What a load needs more than, by its weights and its setting, and until when that is believed.
        self._outgrown: dict[tuple[str, Setting], tuple[int, float]] = {}

    async def start(self) -> None:
        """What was seen before the restart."""
        for row in await self._sizes.all():
            self._learned.add(Sight(*(row[field.name] for field in fields(Sight))))

    def knows(self, model: str) -> bool:
        """Whether it was looked at."""
        return self._identify(model) in self._digests

    async def refresh(self, only: Collection[str] | None = None) -> None:
        """Looks at every model, or at `only` these, that is not known by its digest. Raises ProviderError when the machine
        cannot be asked; a model that cannot be described, or not yet, is known by the size of its files."""
        installed = await self._shelf.weights()
        for name in self._anatomies.keys() - installed.keys():
            del self._anatomies[name]
            self._digests.pop(name, None)
        wanted = installed.keys() if only is None else installed.keys() & set(map(self._identify, only))
        for name in wanted - self._anatomies.keys():
            self._anatomies[name] = read_anatomy(*installed[name], {})
        for name in sorted(wanted):
            # One at a time, and who wants a single model waits for no long list.
            async with self._looking:
                await self._look(name, *installed[name])

    async def _look(self, name: str, size: int | None, digest: str | None) -> None:
        if name not in self._digests or not self._is_known(name, size, digest):
            self._anatomies[name] = read_anatomy(size, digest, await self._described(name))
            self._digests[name] = digest

    def _is_known(self, name: str, size: int | None, digest: str | None) -> bool:
        """What has no digest is what its size says."""
        known = self._anatomies.get(name)
        return known is not None and self._digests[name] == digest and (digest is not None or known.weights == (size or 0))

    async def _described(self, name: str) -> Mapping[str, Any]:
        try:
            return await self._shelf.shown(name)
        except ProviderError as error:
            log.warning("memory.not_described", model=name, error=error.code)
            return {}

    def predict(self, model: str, num_ctx: int | None = None) -> Prediction:
        """For a context of `num_ctx`, or the one that it would be loaded with. A model that nobody knows has no weights."""
        anatomy, setting = self._known(model, num_ctx)
        found = self._predict(model, anatomy, setting)
        least, until = self._outgrown.get((anatomy.blob, setting), (0, 0.0))
        return replace(found, bytes=least, source="outgrown") if least > found.bytes and self._now() < until else found

    def _predict(self, model: str, anatomy: Anatomy, setting: Setting) -> Prediction:
        estimate = need(anatomy, setting)
        seen = self._seen(anatomy, setting, estimate)
        if seen is not None:
            return Prediction(model, seen + estimate.driver, setting, estimate, "seen")
        sight = self._learned.only(anatomy.blob, setting) if anatomy.blob else None
        at_sight = sight and need(anatomy, replace(setting, num_ctx=sight.num_ctx))
        if sight is None or not _is_true(sight.bytes, at_sight):
            return Prediction(model, estimate.total, setting, estimate, "formula" if anatomy.known else "size of its files")
        grown = sight.bytes + estimate.shown - at_sight.shown
        cautious = round(grown * CAUTION) + estimate.driver
        return Prediction(model, max(estimate.total, cautious), setting, estimate, "formula and one look")

    def _seen(self, anatomy: Anatomy, setting: Setting, estimate: Need) -> int | None:
        """What was learned of another machine may be a lie, so it is held against the files of this one."""
        found = self._learned.known(anatomy.blob, setting) if anatomy.blob else None
        return max(found, anatomy.weights) if found is not None and _is_true(found, estimate) else None

    def bytes(self, model: str) -> int:
        return self.predict(model).bytes

    def foreseen_by_ollama(self, model: str, num_ctx: int | None = None) -> int:
        """Bytes that Ollama itself expects, for its rule of 80 %; it has none on the processor."""
        anatomy, setting = self._known(model, num_ctx)
        return foreseen_by_ollama(anatomy, setting) if setting.device == "gpu" else 0

    def weigh(self, resident: Resident) -> int:
        """Bytes that a model in memory takes: what is shown and the driver's context, or what was predicted where that is
        no truth."""
        anatomy, setting = self._known(resident.name, resident.context)
        if not resident.size_vram and resident.size:
            setting = replace(setting, device="cpu")
        estimate = need(anatomy, setting)
        if resident.size and (not anatomy.weights or _is_true(resident.size, estimate)):
            return max(resident.size, anatomy.weights) + estimate.driver
        return self.predict(resident.name, resident.context).bytes

    async def observe(self, residents: Sequence[Resident]) -> None:
        """Learns from what is in memory now, and keeps it when it tells something."""
        sights = [sight for resident in residents if (sight := self._sight(resident)) and self._learned.add(sight)]
        await self._keep(sights)

    def outgrown(self, model: str, free: int, most: int) -> None:
        """After a load that ran out of memory or spilled though `free` bytes were there: it needs more than that, for a while.
        With `most` bytes, all that there is, it may still be tried."""
        anatomy, setting = self._known(model, None)
        if anatomy.blob:
            least = round(max(self.predict(model).bytes, free) * CAUTION)
            self._outgrown[anatomy.blob, setting] = min(least, most), self._now() + _CRAMPED
            log.warning("memory.outgrown", model=model, free=free, needs=least)

    def acquit(self, model: str) -> None:
        """It was somebody else who took the memory."""
        anatomy, setting = self._known(model, None)
        if self._outgrown.pop((anatomy.blob, setting), None):
            log.info("memory.not_outgrown", model=model)

    async def _keep(self, sights: Sequence[Sight]) -> None:
        """What cannot be written is known until the restart: a full disk is no reason to stop serving."""
        if not sights:
            return
        try:
            async with asyncio.timeout(_WRITING):
                await self._sizes.put([asdict(sight) for sight in sights])
        except (MyelinError, TimeoutError) as error:
            log.warning("memory.not_kept", models=len(sights), error=str(error))

    def _known(self, model: str, num_ctx: int | None) -> tuple[Anatomy, Setting]:
        anatomy = self._anatomies.get(self._identify(model)) or Anatomy(0, "")
        return anatomy, self._habits().setting(anatomy, num_ctx or self._num_ctx(model), self._device())

    def _sight(self, resident: Resident) -> Sight | None:
        """What is spilled over both kinds of memory shows what it would take on the card."""
        anatomy = self._anatomies.get(self._identify(resident.name))
        if anatomy is None or not anatomy.blob or not resident.context:
            return None
        setting = self._habits().setting(anatomy, resident.context, "gpu" if resident.size_vram else "cpu")
        if not _is_true(resident.size, need(anatomy, setting)):
            return None
        return Sight(anatomy.blob, setting.num_ctx, setting.parallel, setting.kv_type, setting.device, resident.size)


def _is_true(shown: int, estimate: Need) -> bool:
    """Whether a machine may be believed that a loaded model takes so much."""
    return _LEAST_SHARE * estimate.weights <= shown <= _MOST_SHARE * estimate.shown


def _gib(count: int) -> str:
    return f"{count / _GIB:.1f} GiB"
