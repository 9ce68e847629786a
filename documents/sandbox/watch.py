"""What no rlimit counts: processes, memory and disk of the whole group that reads one document (Linux, through /proc)."""

import os
from dataclasses import dataclass
from pathlib import Path

from documents.sandbox.limits import Limits

ENTRIES = 20_000  # files in a private folder; more is an attack
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Use:
    """Processes and resident bytes of a group."""

    processes: int = 0
    memory: int = 0


def groups() -> dict[int, Use]:
    """What each process group uses now; empty where there is no /proc. Fields of proc_pid_stat(5): 5 pgrp, 24 rss."""
    found: dict[int, Use] = {}
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return found
    for name in names:
        try:
            fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        use = found.setdefault(int(fields[2]), Use())
        use.processes += 1
        use.memory += int(fields[21]) * PAGE_SIZE
    return found


def excess(use: Use, workdir: str, limits: Limits) -> str | None:
    """What the group has too much of, or None."""
    if use.processes > limits.processes:
        return "processes"
    if use.memory > limits.memory_bytes:
        return "memory"
    return "disk" if _too_heavy(workdir, limits.file_bytes) else None


def _too_heavy(workdir: str, most: int) -> bool:
    size = count = 0
    folders = [workdir]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    if size > most or count > ENTRIES:
                        return True
        except OSError:  # removed, or too deep for a path
            count += 1
    return False
