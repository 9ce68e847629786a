"""One process for one DATA_DIR: a second one would take over jobs that the first is working on."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class InUse(Exception):
    """Another process holds the folder."""


def hold(data_dir: Path) -> int:
    """Locks the folder until the descriptor is closed or the process ends, however it ends. Raises InUse."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise InUse(f"Another Myelin serves {data_dir}.") from None
    return handle
