"""System calls that the standard library lacks, through ctypes.

Every pointer and every word is passed with its full width: an argument cut to 32 bits makes the kernel refuse, and a
confinement that was refused looks like one that works. Errors are therefore raised, always.
"""

import ctypes
import os
import platform
import sys

LINUX = sys.platform == "linux"
MACHINE = platform.machine()

PR_SET_PDEATHSIG, PR_GET_SECCOMP, PR_CAPBSET_DROP = 1, 21, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 36, 38, 39
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
if LINUX:
    _prctl = _libc.prctl
    _prctl.restype = ctypes.c_int
    _prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]

Word = int | ctypes.Array | ctypes.Structure | None


def _word(value: Word) -> ctypes.c_void_p | ctypes.c_long:
    if isinstance(value, int):
        return ctypes.c_long(value)
    if value is None:
        return ctypes.c_void_p(None)
    return ctypes.c_void_p(ctypes.addressof(value))


def syscall(number: int, *arguments: Word) -> int:
    """The result of a raw system call; OSError with the kernel's errno when it refuses."""
    result = _syscall(ctypes.c_long(number), *map(_word, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def prctl(option: int, *arguments: int) -> int:
    """prctl(2); OSError when the kernel refuses."""
    result = _prctl(option, *arguments, *[0] * (4 - len(arguments)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def die_with_parent(signal: int, parent: int) -> None:
    """Asks for `signal` when the parent dies; ends at once if it died before we could ask (Linux only)."""
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        os._exit(0)


def drop_capabilities() -> None:
    """Gives up every capability and the way to get one back by exec; without capabilities this changes nothing."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # EPERM without CAP_SETPCAP, EINVAL behind the last one
            break
    number = {"x86_64": 126, "aarch64": 91}.get(MACHINE)
    if number is None:
        return
    head = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    syscall(number, head, (ctypes.c_uint32 * 6)())
