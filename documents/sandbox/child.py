"""One document in one process: confine, prove it, read, send frames, end. Nothing here returns to the fork server."""

import errno
import gc
import os
import resource
import signal
import socket
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from core.errors import DocumentError, DocumentTooComplex, NotFound, UnsupportedType
from documents.parsers.base import Context
from documents.parsers.subdocuments import locate, read
from documents.sandbox import kernel
from documents.sandbox.confinement import Confinement
from documents.sandbox.frames import HEADER, Failure, Kind, Tag, encode, header, pack
from documents.sandbox.limits import Limits

REFUSED = 70  # EX_SOFTWARE: it could not confine itself and has read nothing
MEMORY = Failure("document_too_complex", "Reading the document needs more memory than is allowed.",
                 "Split the document, or raise PARSER_MEMORY_MB.")  # fmt: skip
DEPTH = Failure("document_too_complex", "The document is nested too deeply.")
PROCESSES = Failure("document_too_complex", "Reading the document started too many processes.")
SPACE = Failure("document_too_complex", "Reading the document needs more disk space than is allowed.")
CRASH = "The reader of this type of document failed."
OUT_OF_MEMORY = encode(MEMORY)  # made while there is memory


@dataclass(frozen=True, slots=True)
class Job:
    """One request: what to do with the open `document`, where to write, and the open socket for the `results`."""

    id: int
    action: str
    filename: str
    workdir: str
    document: int
    results: int
    page: int = 0
    dpi: int = 0


@dataclass(frozen=True, slots=True)
class Readers:
    """What was imported before any document came: `choose(path, filename)` and `render(path, parser, page, dpi)` of the
    reader package, and `compute(task, request)`."""

    choose: Callable[[Path, str], Any]
    render: Callable[[Path, Any, int, int], bytes]
    compute: Callable[[str, bytes], bytes]
    context: Context


def run(job: Job, confinement: Confinement, readers: Readers, parent: int) -> NoReturn:
    """The life of a child. Ends the process: 0 after a complete answer or error, REFUSED when it is not confined."""
    try:
        signal.set_wakeup_fd(-1)
        for received in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(received, signal.SIG_DFL)
        # A computation gets its texts through the results' socket; only a reader opens a document, by its path.
        confinement.apply(job.workdir, None if job.action == "compute" else job.document, parent)
        _keep_only(job.document, job.results)
        verify(confinement)
        os.chdir(job.workdir)
        tempfile.tempdir = os.environ["TMPDIR"] = os.environ["HOME"] = job.workdir
        results = socket.socket(fileno=job.results)
        results.sendall(pack(Tag.CONFINED))
    except BaseException:  # whatever it was: unconfined means nothing is read
        os._exit(REFUSED)
    try:
        if job.action == "compute":
            _compute(readers, confinement.limits, results)
        else:
            _answer(job, readers, confinement.limits, results.sendall)
    except MemoryError:
        gc.collect()
        results.sendall(OUT_OF_MEMORY)
    finally:  # also when the server hung up: it has closed the results
        os._exit(0)


def verify(confinement: Confinement) -> None:
    """Asks the kernel, not ourselves, whether the layers are on; raises PermissionError when one is not."""
    limits = confinement.limits
    asked = {resource.RLIMIT_CPU: limits.cpu_seconds, resource.RLIMIT_FSIZE: limits.file_bytes, resource.RLIMIT_CORE: 0}
    if kernel.LINUX:
        asked[resource.RLIMIT_AS] = limits.memory_bytes
    if os.getpgid(0) != os.getpid() or not all(0 <= resource.getrlimit(which)[0] <= most for which, most in asked.items()):
        raise PermissionError("limits are not in force")
    if kernel.LINUX and kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) != 1:
        raise PermissionError("no_new_privs is off")
    if confinement.seccomp and kernel.prctl(kernel.PR_GET_SECCOMP) != 2:
        raise PermissionError("seccomp is off")
    if confinement.landlock_abi:
        try:
            os.listdir("/")
        except PermissionError:
            return
        raise PermissionError("Landlock is off")


def _answer(job: Job, readers: Readers, limits: Limits, send: Callable[[bytes], None]) -> None:
    try:
        path = Path(f"/proc/self/fd/{job.document}" if kernel.LINUX else f"/dev/fd/{job.document}")
        if job.action == "render":
            parser = readers.choose(path, job.filename)
            image = readers.render(*locate(path, parser, readers.choose, readers.context, job.page), job.dpi)
            send(_bounded(pack(Tag.IMAGE, image), limits.image_bytes))
        else:
            parser = readers.choose(path, job.filename)
            send(encode(Kind(parser.content_type, getattr(parser, "resumable", False))))
            for item in read(path, parser, readers.choose, replace(readers.context, first_page=max(1, job.page))):
                send(_bounded(encode(item), limits.frame_bytes))
        send(pack(Tag.END))
    except MemoryError:
        raise
    except Exception as error:
        send(encode(_failure(error)))


def _compute(readers: Readers, limits: Limits, results: socket.socket) -> None:
    """Computes until the server hangs up. A request is a frame: the task, NUL, and what the task works on."""
    with results.makefile("rb") as stream:
        while head := stream.read(HEADER.size):
            _, length = header(head, limits.result_bytes)
            task, _, request = stream.read(length).partition(b"\0")
            try:
                results.sendall(_bounded(pack(Tag.VALUE, readers.compute(task.decode(), request)), limits.image_bytes))
            except MemoryError:
                raise
            except Exception as error:
                results.sendall(encode(_failure(error)))


def _bounded(frame: bytes, limit: int) -> bytes:
    if len(frame) > limit:
        raise DocumentTooComplex(f"One page of the document is longer than {limit >> 20} MiB.", hint="Split the document.")
    return frame


def _failure(error: Exception) -> Failure:
    """The frame for an exception. Only errors that a reader may raise keep their words; the rest is a crash with its place."""
    if isinstance(error, DocumentError | UnsupportedType | NotFound):
        return Failure(error.code, error.detail, error.hint)
    if isinstance(error, RecursionError):
        return DEPTH
    if isinstance(error, OSError) and error.errno in (errno.EFBIG, errno.ENOSPC, errno.EDQUOT):
        return SPACE
    if isinstance(error, BlockingIOError):  # EAGAIN: fork at the limit of processes
        return PROCESSES
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return Failure("parser_crashed", CRASH, None, f"{type(error).__name__} at {place}")


def _keep_only(*kept: int) -> None:
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 4096)
