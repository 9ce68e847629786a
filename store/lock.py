"""One process for one DATA_DIR and one database: a second one would take over jobs that the first is working on."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class InUse(Exception):
    """Another process holds it, or nobody can."""


def hold(data_dir: Path, database: Path | None = None) -> list[int]:
    """Locks the folder, and a database that lies elsewhere, until the descriptors are closed or the process ends, however it
    ends. Raises InUse, also for a place that cannot be written or whose file system knows no locks (some network drives)."""
    places = [(data_dir / "lock", str(data_dir))]
    if database is not None and database.resolve().parent != data_dir.resolve():
        places.append((database.with_name(f"{database.name}.lock"), str(database)))
    handles: list[int] = []
    for path, shown in places:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handles.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            if sys.platform != "win32":
                fcntl.flock(handles[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            for handle in handles:
                os.close(handle)
            if isinstance(error, BlockingIOError):
                raise InUse(f"Another Myelin serves {shown}.") from None
            raise InUse(f"{shown} cannot be locked: {error.strerror}.") from None
    return handles
