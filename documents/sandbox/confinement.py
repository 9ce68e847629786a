"""What binds the child that reads a document, in the order it is put on.

Process group, limits, low priority and `no_new_privs` work everywhere and are always required. Landlock and seccomp are
required where the kernel has them: a step that the kernel refuses raises, and the child must not read.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from documents.sandbox import kernel, landlock, seccomp
from documents.sandbox.landlock import Rule
from documents.sandbox.limits import Limits, Plan

NICE, OOM_SCORE, OPEN_FILES, CPU_GRACE = 10, b"900", 128, 1
HOUSE = Path(__file__).resolve().parents[2]
SYSTEM = (
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share", "/usr/bin", "/usr/local/lib", "/usr/local/bin", "/usr/local/share",
    "/lib", "/lib64", "/bin", "/opt/homebrew", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/mime.types", "/etc/fonts", "/dev/urandom", "/dev/zero", "/sys/devices/system/cpu",
)  # fmt: skip
DEVICES, DEVICE = ("/dev/null",), landlock.READ_FILE | landlock.WRITE_FILE


@dataclass(frozen=True, slots=True)
class Confinement:
    """Found out once by the fork server; `apply` is called by each child on itself."""

    limits: Limits
    rules: tuple[Rule, ...]  # open files of the fork server, which its children inherit
    landlock_abi: int
    seccomp: bool
    filter: bytes  # the seccomp program where it needs not name the child
    processes: int | None  # RLIMIT_NPROC; None where the kernel does not count (root) or processes are not listed

    @classmethod
    def discover(cls, plan: Plan) -> Self:
        """What this kernel offers and what readers need to see. The house's own root is not readable: it holds `.env`."""
        package = HOUSE.joinpath(*plan.package.split("."))
        python = [f"{prefix}/{part}" for prefix in (sys.prefix, sys.base_prefix) for part in ("bin", "lib", "lib64", "share")]
        imports = [entry for entry in sys.path if entry and Path(entry).resolve() != HOUSE]
        own = [*python, *imports, str(HOUSE / "documents"), str(HOUSE / "core"), str(package)]
        abi, filters = landlock.abi(), seccomp.available()
        wanted = [(path, landlock.READ) for path in dict.fromkeys([*SYSTEM, *own])] + [(path, DEVICE) for path in DEVICES]
        rules = tuple(found for path, rights in wanted if (found := landlock.rule(path, rights))) if abi else ()
        code = seccomp.program(kernel.MACHINE) if filters else b""
        processes = None if os.geteuid() == 0 else _tasks_of_this_user(plan.limits.processes)
        return cls(plan.limits, rules, abi, filters, code, processes)

    def layers(self) -> dict[str, bool | str]:
        """What is put on, by name: for /health and the doctor. False where the kernel has no such layer."""
        return {
            "process_group": True,
            "resource_limits": True,
            "no_new_privileges": kernel.LINUX,
            "landlock": f"ABI {self.landlock_abi}" if self.landlock_abi else False,
            "seccomp": self.seccomp,
            "network_denied": self.seccomp or self.landlock_abi >= 4,
        }

    def apply(self, workdir: str, document: int | None, parent: int) -> None:
        """Confines this process for good. Raises OSError or ValueError when any step is refused: then nothing may be read."""
        # A group, not a session of its own: the kernel shares the processor between sessions before it looks at `nice`.
        os.setpgid(0, 0)
        kernel.die_with_parent(signal.SIGKILL, parent)
        self._limit()
        os.nice(NICE)
        if not kernel.LINUX:
            return
        _volunteer()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if self.landlock_abi:
            landlock.restrict(self.landlock_abi, self.rules, workdir, document)
        if self.seccomp:
            scoped = self.landlock_abi >= 6  # Landlock holds signals back
            seccomp.install(self.filter if scoped else seccomp.program(kernel.MACHINE, os.getpid()))

    def _limit(self) -> None:
        limits = self.limits
        values = {
            resource.RLIMIT_CORE: (0, 0),
            resource.RLIMIT_CPU: (limits.cpu_seconds, limits.cpu_seconds + CPU_GRACE),
            resource.RLIMIT_FSIZE: (limits.file_bytes, limits.file_bytes),
            resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
            resource.RLIMIT_AS: (limits.memory_bytes, limits.memory_bytes),
        }
        if self.processes is not None:
            values[resource.RLIMIT_NPROC] = (self.processes, self.processes)
        for which, (soft, hard) in values.items():
            top = resource.getrlimit(which)[1]
            fits = (soft, hard) if top == resource.RLIM_INFINITY else (min(soft, top), min(hard, top))
            try:
                resource.setrlimit(which, fits)
            except ValueError:
                if kernel.LINUX or which != resource.RLIMIT_AS:  # macOS refuses to bound the address space
                    raise


def _volunteer() -> None:
    """To be killed first when memory runs out. A courtesy, not a layer: some containers do not allow it."""
    with suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(score, OOM_SCORE)
        finally:
            os.close(score)


def _tasks_of_this_user(spare: int) -> int | None:
    """RLIMIT_NPROC counts threads of the user on the whole machine: those of now, and `spare` for each of 16 documents."""
    user, tasks = os.getuid(), 0
    try:
        processes = [entry for entry in os.scandir("/proc") if entry.name.isdigit()]
    except OSError:
        return None
    for entry in processes:
        try:
            if entry.stat().st_uid == user:
                tasks += len(os.listdir(f"{entry.path}/task"))
        except OSError:  # it ended meanwhile
            continue
    return tasks + 16 * spare
