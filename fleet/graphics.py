"""Graphics cards and their memory: NVIDIA through NVML, AMD through sysfs, Apple's unified memory by rule.

NVML may block for seconds when a card is in trouble, so it runs in a thread that nobody waits for after the deadline.
Cards of other makers are seen by Ollama only (Vulkan); then nothing is found here and a note says so.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# Metal lets one process use about three quarters of the unified memory; what shares it otherwise is treated alike.
_UNIFIED_SHARE = 0.75
_UNIFIED = "three quarters of the unified memory"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. Memory in bytes; None where the driver does not say (a card that shares the machine's memory)."""

    name: str
    vendor: str
    uuid: str | None
    vram_total: int | None
    vram_used: int | None
    source: str


Found = tuple[tuple[Gpu, ...], str | None]


def nvidia_gpus(nvml: Any) -> Found:
    """The cards that NVML lists and, when there are none, why. `nvml` is the module `pynvml` or its double."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return (), f"NVIDIA: {error}"
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        cards = tuple(_nvidia_gpu(nvml, part) for handle in handles for part in _parts(nvml, handle))
        return cards, None if cards else "NVIDIA: no card"
    except nvml.NVMLError as error:
        return (), f"NVIDIA: {error}"
    finally:
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _parts(nvml: Any, handle: Any) -> Iterator[Any]:
    """The card, or the instances that it is cut into (MIG): then programs see those only, and each has memory of its own."""
    try:
        cut = nvml.nvmlDeviceGetMigMode(handle)[0]
    except nvml.NVMLError:
        cut = 0  # this kind of card cannot be cut
    if not cut:
        yield handle
        return
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        with contextlib.suppress(nvml.NVMLError):  # a place where no instance was made
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)


def _nvidia_gpu(nvml: Any, handle: Any) -> Gpu:
    total = used = None
    # Some cards that share the machine's memory answer only one of the two versions, some none.
    for arguments in ((handle, nvml.nvmlMemory_v2), (handle,)):
        with contextlib.suppress(nvml.NVMLError):
            memory = nvml.nvmlDeviceGetMemoryInfo(*arguments)
            total, used = int(memory.total), int(memory.used)
            break
    return Gpu(_text(nvml.nvmlDeviceGetName(handle)), "nvidia", _text(nvml.nvmlDeviceGetUUID(handle)), total, used, "NVML")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def amd_gpus(drm: Path) -> tuple[Gpu, ...]:
    """The AMD cards below a `/sys/class/drm`: every card whose driver shows `mem_info_vram_total`."""
    gpus = []
    for device in sorted(drm.glob("card[0-9]*/device")):
        total = _number(device / "mem_info_vram_total")
        if total:
            name = _line(device / "product_name") or f"AMD {device.parent.name}"
            used = _number(device / "mem_info_vram_used")
            gpus.append(Gpu(name, "amd", _line(device / "unique_id"), total, used, "sysfs mem_info_vram_total"))
    return tuple(gpus)


def _line(path: Path) -> str | None:
    try:
        return path.read_text("ascii", "replace").strip() or None
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _line(path)
    return int(text) if text and text.isdecimal() else None


def apple_gpus(system: str, ram_total: int) -> tuple[Gpu, ...]:
    """The GPU of an Apple chip, with the share of the unified memory that a process may give to it."""
    if system != "Darwin arm64":
        return ()
    return (_unified(Gpu("Apple", "apple", None, None, None, _UNIFIED), ram_total),)


def _unified(gpu: Gpu, ram_total: int) -> Gpu:
    """A card that tells no memory of its own shares that of the machine (NVIDIA's GB10, integrated ones)."""
    if gpu.vram_total is not None:
        return gpu
    return replace(gpu, vram_total=int(_UNIFIED_SHARE * ram_total), source=_UNIFIED)


def ask_nvml() -> Found:
    """Blocks, for seconds when a card is in trouble."""
    try:
        import pynvml
    except ImportError:
        return (), "NVIDIA: the package nvidia-ml-py is not installed"
    return nvidia_gpus(pynvml)


async def in_a_thread(work: Callable[[], T], seconds: float) -> T:
    """`work()` in a thread of its own, which is left behind at the deadline and never holds up the end of the program.

    Raises TimeoutError, and what `work` raises.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: Exception | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(value)

    def run() -> None:
        try:
            value, error = work(), None
        except Exception as raised:
            value, error = None, raised
        # The loop may be closed by the time a stuck driver answers.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="graphics", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await outcome


async def find_gpus(
    ram_total: int,
    system: str,
    seconds: float,
    *,
    ask: Callable[[], Found] = ask_nvml,
    read: Callable[[Path], tuple[Gpu, ...]] = amd_gpus,
    drm: Path = Path("/sys/class/drm"),
) -> tuple[tuple[Gpu, ...], tuple[str, ...]]:
    """(cards, notes on what was not found). `system` is like `Linux x86_64`; `ram_total` in bytes; each driver has `seconds`."""
    apple = apple_gpus(system, ram_total)
    if apple:
        return apple, ()
    try:
        nvidia, note = await in_a_thread(ask, seconds)
    except TimeoutError:
        nvidia, note = (), f"NVIDIA: the driver gave no answer in {seconds:g} s"
    nvidia = tuple(_unified(gpu, ram_total) for gpu in nvidia)
    notes = [] if note is None else [note]
    try:
        amd = await in_a_thread(lambda: read(drm), seconds)
        notes += [] if amd else ["AMD: no card shows its memory"]
    except TimeoutError:
        amd = ()
        notes.append(f"AMD: the driver gave no answer in {seconds:g} s")
    return nvidia + amd, tuple(notes)
