"""What models were seen to take, and the line through it: their memory is affine in num_ctx."""

from bisect import bisect_left
from dataclasses import dataclass

from fleet.memory.formula import Device, KvType, Setting

#: What one look has shown may be this much too little for another context.
CAUTION = 1.03
_NOISE = 0.01


@dataclass(frozen=True, slots=True)
class Sight:
    """`bytes` that Ollama showed for a loaded model; `blob` is the digest of its weights."""

    blob: str
    num_ctx: int
    parallel: int
    kv_type: KvType
    device: Device
    bytes: int

    @property
    def setting(self) -> Setting:
        return Setting(self.num_ctx, self.parallel, self.kv_type, self.device)


class Learned:
    """The last sight of every model in every setting."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, KvType, Device], dict[int, int]] = {}

    def add(self, sight: Sight) -> bool:
        """Whether it tells something: one that differs by less than a hundredth from the last one does not."""
        seen = self._seen.setdefault(_key(sight.blob, sight.setting), {})
        known = seen.get(sight.num_ctx)
        if known is not None and abs(known - sight.bytes) <= _NOISE * known:
            return False
        seen[sight.num_ctx] = sight.bytes
        return True

    def known(self, blob: str, setting: Setting) -> int | None:
        """Bytes in this very setting, seen or on the line through the two sights next to it; None with less than that."""
        seen = self._seen.get(_key(blob, setting), {})
        if setting.num_ctx in seen:
            return seen[setting.num_ctx]
        if len(seen) < 2:
            return None
        contexts = sorted(seen)
        right = min(max(bisect_left(contexts, setting.num_ctx), 1), len(contexts) - 1)
        low, high = contexts[right - 1], contexts[right]
        slope = max(0.0, (seen[high] - seen[low]) / (high - low))
        return max(0, round(seen[low] + slope * (setting.num_ctx - low)))

    def only(self, blob: str, setting: Setting) -> Sight | None:
        """The one sight that there is, of another context."""
        seen = self._seen.get(_key(blob, setting), {})
        if len(seen) != 1:
            return None
        ((num_ctx, found),) = seen.items()
        return Sight(blob, num_ctx, setting.parallel, setting.kv_type, setting.device, found)


def _key(blob: str, setting: Setting) -> tuple[str, int, KvType, Device]:
    return blob, setting.parallel, setting.kv_type, setting.device
