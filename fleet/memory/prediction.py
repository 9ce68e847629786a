"""How much memory a model will take before it is loaded: by formula first, by what was seen later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol

import structlog

from core.errors import ModelTooLarge, ProviderError
from fleet.compute import Resident
from fleet.memory.anatomy import Anatomy, read_anatomy
from fleet.memory.formula import Device, KvType, Need, Setting, context, foreseen_by_ollama, need
from fleet.memory.learning import CAUTION, Learned, Sight
from providers.ollama_models import full_name

Source = Literal["seen", "formula and one look", "formula", "size of its files"]
_GIB = 1 << 30
#: A loaded model that shows less than this share of its weights tells no truth.
_LEAST_SHARE = 0.5

log = structlog.get_logger()


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

    def within(self, budget: int | None) -> "Prediction":
        """Itself; None is a machine whose memory is unknown. Raises ModelTooLarge with all numbers."""
        if budget is None or self.bytes <= budget:
            return self
        need, setting = self.need, self.setting
        raise ModelTooLarge(
            f"The model {self.model} needs {_gib(self.bytes)} by {_WORDS[self.source]}, and models may take {_gib(budget)}: "
            f"weights {_gib(need.weights)}, context of {setting.num_ctx} tokens for {setting.parallel} at a time "
            f"{_gib(need.cache)}, buffers {_gib(need.buffers)}, driver {_gib(need.driver)}.",
            hint="Take a smaller model or quantization, a shorter context, or raise VRAM_LIMIT_GB if there is more memory.",
        )


_WORDS: dict[Source, str] = {
    "seen": "what it took before", "formula and one look": "an estimate and one look",
    "formula": "an estimate", "size of its files": "an estimate from its size",
}  # fmt: skip


class Memory:
    """`parallel` and `kv_type` are Ollama's OLLAMA_NUM_PARALLEL and OLLAMA_KV_CACHE_TYPE, which its API does not tell; `device`
    and `num_ctx` say how a model would be loaded now. Owned by one task of the event loop."""

    def __init__(
        self,
        shelf: Shelf,
        sizes: Sizes,
        *,
        num_ctx: Callable[[str], int],
        device: Callable[[], Device] = lambda: "gpu",
        parallel: int = 1,
        kv_type: KvType = "f16",
    ):
        self._shelf = shelf
        self._sizes = sizes
        self._num_ctx = num_ctx
        self._device = device
        self._parallel = parallel
        self._kv_type = kv_type
        self._learned = Learned()
        self._anatomies: dict[str, Anatomy] = {}
        self._digests: dict[str, str | None] = {}

    async def start(self) -> None:
        """What was seen before the restart."""
        for row in await self._sizes.all():
            self._learned.add(Sight(*(row[field.name] for field in fields(Sight))))

    async def refresh(self) -> None:
        """Looks at every model that is not known by its digest. Raises ProviderError when the machine cannot be asked; a model
        that cannot be described is known by the size of its files."""
        installed = await self._shelf.weights()
        for name, (size, digest) in installed.items():
            if name in self._anatomies and self._digests[name] == digest:
                continue
            self._anatomies[name] = read_anatomy(size, digest, await self._described(name))
            self._digests[name] = digest
        for name in self._anatomies.keys() - installed.keys():
            del self._anatomies[name], self._digests[name]

    async def _described(self, name: str) -> Mapping[str, Any]:
        try:
            return await self._shelf.shown(name)
        except ProviderError as error:
            log.warning("memory.not_described", model=name, error=error.code)
            return {}

    def predict(self, model: str, num_ctx: int | None = None) -> Prediction:
        """For a context of `num_ctx`, or the one that it would be loaded with. A model that nobody knows has no weights."""
        anatomy, setting = self._known(model, num_ctx)
        estimate = need(anatomy, setting)
        seen = self._learned.known(anatomy.blob, setting) if anatomy.blob else None
        if seen is not None:
            return Prediction(model, seen + estimate.driver, setting, estimate, "seen")
        sight = self._learned.only(anatomy.blob, setting) if anatomy.blob else None
        if sight is None:
            return Prediction(model, estimate.total, setting, estimate, "formula" if anatomy.known else "size of its files")
        grown = sight.bytes + estimate.shown - need(anatomy, sight.setting).shown
        cautious = round(grown * CAUTION) + estimate.driver
        return Prediction(model, max(estimate.total, cautious), setting, estimate, "formula and one look")

    def bytes(self, model: str) -> int:
        return self.predict(model).bytes

    def foreseen_by_ollama(self, model: str) -> int:
        """Bytes that Ollama itself expects, for its rule of 80 %."""
        return foreseen_by_ollama(*self._known(model, None))

    async def observe(self, residents: Sequence[Resident]) -> None:
        """Learns from what is in memory now, and keeps it when it tells something."""
        sights = [sight for resident in residents if (sight := self._sight(resident)) and self._learned.add(sight)]
        await self._keep(sights)

    async def outgrown(self, model: str, free: int) -> None:
        """After a load that ran out of memory or spilled though `free` bytes were there: it needs more than that."""
        found = self.predict(model)
        least = max(found.bytes, free) * CAUTION - found.need.driver
        sight = _sight(self._anatomies.get(full_name(model)), found.setting, round(least))
        if sight and self._learned.add(sight):
            await self._keep([sight])

    async def _keep(self, sights: Sequence[Sight]) -> None:
        if sights:
            await self._sizes.put([asdict(sight) for sight in sights])

    def _known(self, model: str, num_ctx: int | None) -> tuple[Anatomy, Setting]:
        anatomy = self._anatomies.get(full_name(model)) or Anatomy(0, "")
        wanted = context(anatomy, num_ctx or self._num_ctx(model))
        return anatomy, Setting(wanted, self._parallel, self._kv_type, self._device())

    def _sight(self, resident: Resident) -> Sight | None:
        """What is spilled over both kinds of memory shows what it would take on the card."""
        anatomy = self._anatomies.get(full_name(resident.name))
        if anatomy is None or not resident.context or resident.size < _LEAST_SHARE * anatomy.weights:
            return None
        device: Device = "gpu" if resident.size_vram else "cpu"
        return _sight(anatomy, Setting(resident.context, self._parallel, self._kv_type, device), resident.size)


def _sight(anatomy: Anatomy | None, setting: Setting, shown: int) -> Sight | None:
    if anatomy is None or not anatomy.blob:
        return None
    return Sight(anatomy.blob, setting.num_ctx, setting.parallel, setting.kv_type, setting.device, shown)


def _gib(count: int) -> str:
    return f"{count / _GIB:.1f} GiB"
