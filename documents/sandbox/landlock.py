"""Landlock: which files a process may touch, whoever it runs as (kernel documentation: userspace-api/landlock).

ABI 1 knows files, 2 renames across folders, 3 truncation, 4 TCP, 5 ioctl of devices, 6 signals and abstract sockets.
Everything the kernel knows is denied, then the given paths are allowed.
"""

import ctypes
import errno
import os
from collections.abc import Sequence
from typing import NamedTuple

from documents.sandbox import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same number on every architecture
QUERY_VERSION, PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # ABI 5 and above: 16 rights
NETWORK = 0b11  # bind and connect TCP
SCOPED = 0b11  # abstract Unix sockets, signals

READ = EXECUTE | READ_FILE | READ_DIR
FILE = EXECUTE | READ_FILE | WRITE_FILE


class Rule(NamedTuple):
    """An open path (a folder with all below it, or a file) and what may be done there."""

    beneath: int
    rights: int


class RulesetAttribute(ctypes.Structure):
    _fields_ = [("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def abi() -> int:
    """The version the kernel speaks; 0 when it has none, has it switched off, or a container's filter hides it."""
    if not kernel.LINUX:
        return 0
    try:
        return kernel.syscall(CREATE_RULESET, None, 0, QUERY_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def rule(path: str, rights: int) -> Rule | None:
    """Opens a path for `restrict`; None when there is no such path. A file gets only the rights that a file can have."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    return Rule(beneath, rights if os.path.isdir(path) else rights & FILE)


def restrict(version: int, rules: Sequence[Rule], workdir: str, document: int | None) -> None:
    """Leaves this process what the rules allow, `workdir` to write, and the open `document` to be opened again to read.

    Raises OSError when the kernel refuses any step.
    """
    every = RIGHTS.get(version, (1 << 16) - 1)
    attribute = RulesetAttribute(every, NETWORK if version >= 4 else 0, SCOPED if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = kernel.syscall(CREATE_RULESET, attribute, size, 0)
    beneath = os.open(workdir, os.O_PATH | os.O_CLOEXEC)
    own = Rule(beneath, every & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK))
    given = [] if document is None else [Rule(document, READ_FILE)]
    for allowed in (*rules, own, *given):
        kernel.syscall(ADD_RULE, ruleset, PATH_BENEATH, PathBeneath(allowed.rights, allowed.beneath), 0)
    kernel.syscall(RESTRICT_SELF, ruleset, 0)
    os.close(beneath)
    os.close(ruleset)
