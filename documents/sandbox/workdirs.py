"""Private folders of documents, made and erased by the server; what a killed server left behind is swept at start."""

import os
import secrets
from pathlib import Path

PREFIX = "doc-"


def create(root: Path) -> Path:
    folder = root / f"{PREFIX}{secrets.token_hex(8)}"
    folder.mkdir(0o700)
    return folder


def sweep(root: Path) -> None:
    """Makes the root if need be and erases the folders of documents that are no more."""
    root.mkdir(0o700, parents=True, exist_ok=True)
    for entry in os.scandir(root):
        if entry.name.startswith((PREFIX, "probe-")) and entry.is_dir(follow_symlinks=False):
            erase(Path(entry.path))


def erase(folder: Path) -> None:
    """Removes a folder whatever a reader put there. Links are not followed; depth does not matter: it is flattened."""
    raised = 0
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    raised += 1
                    os.rename(inner.path, folder / f"{raised:x}.{secrets.token_hex(4)}")
                else:
                    os.unlink(inner.path)
            os.rmdir(entry.path)
    folder.rmdir()
