"""What this machine really offers: cores, memory and graphics cards, each figure with where it comes from.

Inside a container the machine's own figures are too high, so the control groups are asked as well and the smallest wins.
`read_*` are pure: they take the texts of the files and can be fed invented trees. `detect` does the reading, off the loop.
Sources: kernel documentation cgroup-v2 (cpu.max, memory.max, memory.stat), cgroup-v1 (cpu.cfs_quota_us, memory.limit_in_bytes).
"""

import asyncio
import ipaddress
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import psutil

from fleet.graphics import Found, Gpu, amd_gpus, ask_nvml, find_gpus

ReadText = Callable[[str], str | None]

# A version 1 group without a limit shows the largest multiple of the page size; no machine has an exbibyte.
_NO_LIMIT = 1 << 60
_CGROUP = PurePosixPath("/sys/fs/cgroup")
_PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and the sentence fragment that says where it was read."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Hardware:
    """`cores` may be a fraction (a quota of 1.5); memory in bytes; `notes` say what was looked for and not found."""

    cores: Figure
    ram_total: Figure
    ram_available: Figure
    gpus: tuple[Gpu, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values for `GET /config/compute`."""
        vram = [gpu.vram_total for gpu in self.gpus if gpu.vram_total is not None]
        return {**asdict(self), "vram_total": sum(vram) if vram else None}


def read_groups(proc_self_cgroup: str | None) -> dict[str, str]:
    """Controller to group path, from `/proc/self/cgroup`; version 2 stands under the empty name."""
    groups: dict[str, str] = {}
    for line in (proc_self_cgroup or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator and path.startswith("/"):
            groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def read_cpu_max(text: str | None) -> float | None:
    """Cores of a version 2 `cpu.max` (`150000 100000` is 1.5); None when there is no quota."""
    quota, _, period = (text or "").strip().partition(" ")
    return _ratio(quota, period or "100000")


def read_cpu_quota(quota: str | None, period: str | None) -> float | None:
    """Cores of a version 1 quota and period in microseconds; a quota of -1 is none."""
    return _ratio((quota or "").strip(), (period or "").strip())


def _ratio(quota: str, period: str) -> float | None:
    if not (quota.isdecimal() and period.isdecimal()) or not int(quota) or not int(period):
        return None
    return int(quota) / int(period)


def read_bytes(text: str | None) -> int | None:
    """Bytes of a memory file; None for `max`, for nonsense, and for version 1's way to say that there is no limit."""
    word = (text or "").strip()
    return int(word) if word.isdecimal() and int(word) < _NO_LIMIT else None


def read_stat(text: str | None, name: str) -> int:
    """One counter of a `memory.stat`, 0 when it is not there."""
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return read_bytes(value) or 0
    return 0


def _upwards(mount: PurePosixPath, group: str) -> Iterator[PurePosixPath]:
    """The group's folder and those above it. A path from outside a container does not exist inside: only the mount is left."""
    path = PurePosixPath(group.lstrip("/"))
    yield from (mount / part for part in (path, *path.parents) if ".." not in part.parts)


def cpu_limit(read: ReadText) -> Figure | None:
    """The smallest processor quota of this process's groups."""
    groups = read_groups(read("/proc/self/cgroup"))
    found: list[Figure] = []
    for folder in _upwards(_CGROUP, groups.get("", "/")):
        if (cores := read_cpu_max(read(f"{folder}/cpu.max"))) is not None:
            found.append(Figure(cores, "cgroup v2 cpu.max"))
    for name in ("cpu", "cpu,cpuacct"):
        for folder in _upwards(_CGROUP / name, groups.get("cpu", "/")):
            cores = read_cpu_quota(read(f"{folder}/cpu.cfs_quota_us"), read(f"{folder}/cpu.cfs_period_us"))
            if cores is not None:
                found.append(Figure(cores, "cgroup v1 cpu.cfs_quota_us"))
    return min(found, key=lambda figure: figure.value, default=None)


def memory_limits(read: ReadText) -> list[tuple[Figure, Figure]]:
    """(limit, what is left of it) in bytes for each group with a limit; page cache that can be dropped counts as left."""
    groups = read_groups(read("/proc/self/cgroup"))
    files = [
        (_CGROUP, groups.get("", "/"), "memory.max", "memory.current", "inactive_file", "cgroup v2 memory.max"),
        (_CGROUP / "memory", groups.get("memory", "/"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
         "cgroup v1 memory.limit_in_bytes"),
    ]  # fmt: skip
    found = []
    for mount, group, limit_file, used_file, cache_name, source in files:
        for folder in _upwards(mount, group):
            limit = read_bytes(read(f"{folder}/{limit_file}"))
            if limit is None:
                continue
            used = read_bytes(read(f"{folder}/{used_file}")) or 0
            cache = read_stat(read(f"{folder}/memory.stat"), cache_name)
            left = max(0, limit - max(0, used - cache))
            found.append((Figure(limit, source), Figure(left, f"{source} less what is used")))
    return found


def combine(
    read: ReadText, affinity: int, memory: tuple[int, int], gpus: tuple[Gpu, ...] = (), notes: tuple[str, ...] = ()
) -> Hardware:
    """The machine as this process may use it. `affinity` in cores, `memory` = (total, available) of the machine in bytes."""
    quota = cpu_limit(read)
    cores = Figure(affinity, "processor affinity")
    if quota is not None and quota.value < cores.value:
        cores = quota
    limits = memory_limits(read)
    total = min([Figure(memory[0], "memory of the machine"), *(limit for limit, _ in limits)], key=lambda figure: figure.value)
    available = min([Figure(memory[1], "memory of the machine"), *(left for _, left in limits)], key=lambda figure: figure.value)
    return Hardware(cores, total, available, gpus, notes)


def _read_file(path: str) -> str | None:
    try:
        return Path(path).read_text("ascii", "replace")
    except OSError:
        return None


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _machine() -> tuple[int, tuple[int, int]]:
    memory = psutil.virtual_memory()
    return _usable_cores(), (memory.total, memory.available)


async def detect(
    seconds: float = _PROBE_SECONDS,
    *,
    ask: Callable[[], Found] = ask_nvml,
    read: Callable[[Path], tuple[Gpu, ...]] = amd_gpus,
) -> Hardware:
    """This machine, now. A graphics driver that hangs costs `seconds` and a note, never the start."""
    cores, memory = await asyncio.to_thread(_machine)
    gpus, notes = await find_gpus(memory[0], f"{platform.system()} {platform.machine()}", seconds, ask=ask, read=read)
    return await asyncio.to_thread(combine, _read_file, cores, memory, gpus, notes)


@lru_cache(64)
def is_this_machine(url: str) -> bool:
    """Whether a server at `url` runs here, as far as its address tells: no name is looked up."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in ("localhost", platform.node().lower())
    return address.is_loopback or address.is_unspecified or str(address) in _own_addresses()


def _own_addresses() -> set[str]:
    """A link-local address carries the name of its interface behind a `%`."""
    return {one.address.partition("%")[0] for several in psutil.net_if_addrs().values() for one in several}
