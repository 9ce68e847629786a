"""The proof at every start: a confined child tries what a hostile document would, and must fail.

A sandbox that silently does nothing is the likely failure, so each layer that is said to be on is tried from inside.
"""

import ctypes
import errno
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

from documents.sandbox import kernel
from documents.sandbox.confinement import Confinement

DENIALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT)
ESCAPE = b"#!/bin/sh\n"
CALLS = {  # name: (x86_64, aarch64), arguments
    "ptrace": ((101, 117), (0, 0, 0, 0)),
    "mount": ((165, 40), (0, 0, 0, 0, 0)),
    "unshare": ((272, 97), (0x10000000,)),
    "bpf": ((321, 280), (0, 0, 0)),
    "keyctl": ((250, 219), (0, -3, 0)),
    "io_uring": ((425, 425), (1, 0)),
    "memfd_create": ((319, 279), (0, 0)),
    "process_vm_readv": ((310, 270), (os.getpid(), 0, 0, 0, 0, 0)),
}

Attempt = tuple[str, Callable[[], object]]


def holes(confinement: Confinement, workdir: str, outside: str, document: int, parent: int) -> list[str]:
    """Names of what this confined process could still do, or could not although it must. Empty is right.

    `outside` is a file beside `workdir` that this user may read and write; `parent` a process of the same user.
    """
    found = [name for name, act in _attempts(confinement, workdir, outside, document, parent) if not _denied(act)]
    return found + [f"must_work:{name}" for name, act in _needs(workdir, document) if not _works(act)]


def _attempts(confinement: Confinement, workdir: str, outside: str, document: int, parent: int) -> list[Attempt]:
    limit = confinement.limits.cpu_seconds + 1000  # above the hard limit
    attempts: list[Attempt] = [
        ("raise_limit", lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))),
    ]
    if confinement.landlock_abi:
        attempts += _files(workdir, outside, document, parent)
    if confinement.landlock_abi >= 4 or confinement.seccomp:
        attempts += [("tcp4", lambda: _connect(socket.AF_INET, "127.0.0.1")), ("tcp6", lambda: _connect(socket.AF_INET6, "::1"))]
    if confinement.landlock_abi >= 6 or confinement.seccomp:
        attempts += [("signal_parent", lambda: os.kill(parent, 0))]
    if confinement.seccomp:
        attempts += _calls(workdir)
    return attempts


def _files(workdir: str, outside: str, document: int, parent: int) -> list[Attempt]:
    beside = Path(outside)
    program = Path(workdir) / "program"
    return [
        ("list_root", lambda: os.listdir("/")),
        ("read_outside", beside.read_bytes),
        ("write_outside", lambda: beside.write_bytes(b"x")),
        ("create_outside", lambda: beside.with_name("created").touch()),
        ("remove_outside", beside.unlink),
        ("rename_into", lambda: beside.rename(Path(workdir) / "taken")),
        ("read_passwd", lambda: _open_if_there("/etc/passwd", os.O_RDONLY)),
        ("parent_environment", lambda: _open_if_there(f"/proc/{parent}/environ", os.O_RDONLY)),
        ("parent_memory", lambda: _open_if_there(f"/proc/{parent}/mem", os.O_RDWR)),
        ("write_document", lambda: os.open(f"/proc/self/fd/{document}", os.O_WRONLY)),
        ("run_own_program", lambda: _run(program)),
    ]


def _calls(workdir: str) -> list[Attempt]:
    sockets = [
        ("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        ("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW)),
        ("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
        ("unix_datagram", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)),
        ("unix_connect", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("/nobody")),
        ("change_mode", lambda: os.chmod(workdir, 0o777)),
    ]
    column = 0 if kernel.MACHINE == "x86_64" else 1
    return sockets + [(name, lambda number=numbers[column], words=words: kernel.syscall(number, *words))
                      for name, (numbers, words) in CALLS.items()]  # fmt: skip


def _needs(workdir: str, document: int) -> list[Attempt]:
    path = f"/proc/self/fd/{document}" if kernel.LINUX else f"/dev/fd/{document}"
    return [
        ("read_document", lambda: Path(path).read_bytes()),
        ("write_work_folder", lambda: (Path(workdir) / "note").write_bytes(b"x")),
        ("socket_pair", socket.socketpair),
        ("callback", lambda: ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)()),
    ]


def _denied(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError as error:
        return error.errno in DENIALS
    except ValueError:  # the resource module: not allowed to raise the limit
        return True
    return False


def _works(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def _connect(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(1)
        attempt.connect((address, 9))


def _open_if_there(path: str, flags: int) -> int:
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        raise PermissionError(errno.EACCES, "nothing there to read") from None


def _run(program: Path) -> None:
    """Writes a program and starts it in a process of its own; OSError with the reason when it was not started."""
    descriptor = os.open(program, os.O_CREAT | os.O_WRONLY, 0o700)
    os.write(descriptor, ESCAPE)
    os.close(descriptor)
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(program, [str(program)])
        except OSError as error:
            os._exit(error.errno or 1)
    if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise OSError(code, "not started")
