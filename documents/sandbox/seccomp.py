"""seccomp: the system calls a reader never needs are refused with EPERM (kernel documentation: seccomp_filter).

The tables hold x86_64 and aarch64 numbers (`asm/unistd_64.h`, `asm-generic/unistd.h`). A call by another architecture's
numbers kills. What Landlock does not see is denied here: metadata writes (chmod, chown, times, attributes), sockets other
than Unix streams and every connect, leaving the process group, raising limits, memory-backed programs.
"""

import ctypes
import errno
import struct

from documents.sandbox import kernel

PR_SET_SECCOMP, MODE_FILTER = 22, 2
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_SET, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
X32 = 0x40000000
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
AF_UNIX, SOCK_STREAM, SOCK_TYPE = 1, 1, 0xF
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64); None where the architecture has no such call
DENIED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, None), "ioperm": (173, None), "personality": (135, 92), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "vhangup": (153, 58), "setsid": (112, 157),
    "setpgid": (109, 154), "setrlimit": (160, 164), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "connect": (42, 203), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
SIGNALS = {"kill": (62, 129), "tkill": (200, 130)}
TGKILL = (234, 131)
CLONE, CLONE3, SOCKET, SOCKETPAIR, PRLIMIT = (56, 220), (435, 435), (41, 198), (53, 199), (302, 261)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def available() -> bool:
    """Whether this architecture is known and the kernel was built with filters."""
    if not kernel.LINUX or kernel.MACHINE not in AUDIT:
        return False
    try:
        return kernel.prctl(kernel.PR_GET_SECCOMP) >= 0
    except OSError:
        return False


def program(machine: str, only: int | None = None) -> bytes:
    """The filter for an architecture. It lets signals go to process `only`, for kernels whose Landlock does not hold them."""
    column = list(AUDIT).index(machine)
    denied = DENIED if only is None else DENIED | SIGNALS
    code = [_step(LOAD, ARCHITECTURE), _step(JUMP_EQUAL, AUDIT[machine], 1, 0), _step(RETURN, KILL), _step(LOAD, NUMBER)]
    if machine == "x86_64":
        code += [_step(JUMP_GREATER_EQUAL, X32, 0, 1), _step(RETURN, KILL)]
    for numbers in denied.values():
        if numbers[column] is not None:
            code += _when(numbers[column], [_refuse()])
    if only is not None:
        code += _when(TGKILL[column], [_argument(0), _step(JUMP_EQUAL, only, 1, 0), _refuse(), _allow()])
    code += _when(CLONE3[column], [_step(RETURN, REFUSE | errno.ENOSYS)])  # its flags are behind a pointer; libc takes clone
    code += _when(CLONE[column], [_argument(0), _step(JUMP_SET, NEW_NAMESPACES, 0, 1), _refuse(), _allow()])
    for call in (SOCKET, SOCKETPAIR):
        family = [_argument(0), _step(JUMP_EQUAL, AF_UNIX, 1, 0), _refuse()]
        kind = [_argument(1), _step(AND, SOCK_TYPE), _step(JUMP_EQUAL, SOCK_STREAM, 1, 0), _refuse(), _allow()]
        code += _when(call[column], family + kind)
    asks = [_argument(2), _step(JUMP_EQUAL, 0, 1, 0), _refuse(), _argument(2, high=True), _step(JUMP_EQUAL, 0, 1, 0), _refuse()]
    code += _when(PRLIMIT[column], [*asks, _allow()])
    return b"".join([*code, _allow()])


def install(code: bytes) -> None:
    """Binds this process and its children to the filter for good; OSError when the kernel refuses."""
    held = ctypes.c_char_p(code)
    bound = Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
    kernel.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(bound))


def _step(operation: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, true, false, value)


def _when(number: int, steps: list[bytes]) -> list[bytes]:
    return [_step(JUMP_EQUAL, number, 0, len(steps)), *steps]


def _argument(index: int, high: bool = False) -> bytes:
    return _step(LOAD, ARGUMENTS + 8 * index + 4 * high)


def _refuse() -> bytes:
    return _step(RETURN, REFUSE | errno.EPERM)


def _allow() -> bytes:
    return _step(RETURN, ALLOW)
