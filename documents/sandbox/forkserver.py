"""The fork server: a clean interpreter that imports the readers once and forks a confined child for each document.

It has an empty environment and no secrets, runs nothing of a document itself, has one thread, and dies with the server.
It is the subreaper of everything below it: when a child ends, for whatever reason, the rest of its group is killed and
reaped before the server hears of it. Messages are JSON in packets:

    to it      {"id", "action": "parse" | "render" | "compute", "filename", "workdir", "page", "dpi"} + two open files;
               {"kill": id}
    from it    {"ready": layers} or {"refused": why}, once; {"id", "pid"}; {"id", "status", "why"}
"""

import gc
import importlib
import mimetypes
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from documents import reasoning
from documents.sandbox import child, kernel, probe, watch
from documents.sandbox.child import Job, Readers
from documents.sandbox.confinement import NICE, Confinement
from documents.sandbox.limits import Plan

MESSAGE = 64 << 10
WATCH_SECONDS = 0.5
GRACE_SECONDS = 30  # beyond the wall time that the server itself enforces
PROBE_SECONDS = 20


class Refused(Exception):
    """Why no document may be read here; the text is for the operator."""


@dataclass(slots=True)
class Child:
    """A running child; `why` is set when the watch killed it."""

    id: int
    workdir: str
    started: float
    why: str | None = None


class ForkServer:
    """Serves requests from `control` until it closes."""

    def __init__(self, control: socket.socket, plan: Plan, confinement: Confinement, readers: Readers):
        self._control = control
        self._plan = plan
        self._confinement = confinement
        self._readers = readers
        self._children: dict[int, Child] = {}
        self._ending = False
        self._wake, self._wakeup = socket.socketpair()
        for end in (self._wake, self._wakeup):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_ending", True))

    def serve(self) -> None:
        """Says that it is ready; returns when the server closes the control socket or dies. No child outlives it."""
        self._tell({"ready": self._confinement.layers()})
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            watched = time.monotonic()
            while not self._ending:
                for key, _ in selector.select(WATCH_SECONDS if self._children else None):
                    self._drain() if key.fileobj is self._wake else self._receive()
                self._reap()
                if self._children and time.monotonic() - watched >= WATCH_SECONDS:
                    self._watch()
                    watched = time.monotonic()
        for pid in list(self._children):
            kill_group(pid)
            reap_group(pid)

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass

    def _receive(self) -> None:
        try:
            message, files, _, _ = socket.recv_fds(self._control, MESSAGE, 2)
        except ConnectionError:
            message, files = b"", []
        if not message:
            self._ending = True
            return
        request = orjson.loads(message)
        if "kill" in request:
            for pid, running in self._children.items():
                if running.id == request["kill"]:
                    kill_group(pid)
            return
        self._start(Job(**request, document=files[0], results=files[1]))

    def _start(self, job: Job) -> None:
        here = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            self._tell({"id": job.id, "status": 0, "why": "fork"})
            return
        finally:
            if os.getpid() == here:
                os.close(job.document)
                os.close(job.results)
        if pid == 0:
            child.run(job, self._confinement, self._readers, here)
        self._children[pid] = Child(job.id, job.workdir, time.monotonic())
        self._tell({"id": job.id, "pid": pid})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._children.pop(pid, None)
            if ended is not None:  # else it was an orphan of a group
                kill_group(pid)
                reap_group(pid)
                self._tell({"id": ended.id, "status": os.waitstatus_to_exitcode(status), "why": ended.why})

    def _watch(self) -> None:
        used = watch.groups()
        latest = time.monotonic() - self._plan.limits.wall_seconds - GRACE_SECONDS
        for pid, running in self._children.items():
            why = watch.excess(used.get(pid, watch.Use()), running.workdir, self._plan.limits)
            running.why = why or ("time" if running.started < latest else None)
            if running.why:
                kill_group(pid)

    def _tell(self, message: dict[str, object]) -> None:
        try:
            self._control.send(orjson.dumps(message))
        except ConnectionError:
            self._ending = True


def kill_group(pid: int) -> None:
    """SIGKILL to a child and to its whole group (it may not have made its group yet)."""
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def reap_group(pid: int) -> None:
    """Waits for every member of a killed group: as their subreaper we inherit them the moment their parents end."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-pid, 0)


def prove(plan: Plan, confinement: Confinement, readers: Readers) -> None:
    """Forks a probe child that is confined as for a document; Refused names every hole it finds."""
    with TemporaryDirectory(prefix="probe-", dir=plan.workdir) as folder:
        workdir, outside, document = Path(folder, "own"), Path(folder, "outside"), Path(folder, "document")
        workdir.mkdir(0o700)
        for path in (outside, document):
            path.write_bytes(b"probe")
        reading, writing = os.pipe()
        here, file = os.getpid(), os.open(document, os.O_RDONLY)
        pid = os.fork()
        if pid == 0:
            _probe(confinement, str(workdir), str(outside), file, writing, here)
        os.close(writing)
        os.close(file)
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            report = os.read(reading, MESSAGE) if selector.select(PROBE_SECONDS) else b""
        os.close(reading)
        kill_group(pid)
        reap_group(pid)
    if not report:
        raise Refused("a child could not confine itself")
    if found := orjson.loads(report):
        raise Refused(f"the confinement has holes: {', '.join(found)}")


def _probe(confinement: Confinement, workdir: str, outside: str, document: int, writing: int, parent: int) -> None:
    try:
        confinement.apply(workdir, document, parent)
        child.verify(confinement)
        os.write(writing, orjson.dumps(probe.holes(confinement, workdir, outside, document, parent)))
    finally:
        os._exit(0)


def load(plan: Plan) -> Readers:
    """Imports the readers, and what they would otherwise import lazily inside the confinement; has them rehearse."""
    modules = ("registry", "rendering", "rehearsal")
    registry, rendering, rehearsal = (importlib.import_module(f"{plan.package}.{name}") for name in modules)
    mimetypes.init()
    for codec in ("idna", "cp1252", "latin-1", "utf-16", "utf-32", "mac_roman", "cp437", "ascii", "unicode_escape"):
        "a".encode(codec)
    rehearsal.warm(plan.context, plan.workdir)
    return Readers(registry.choose, rendering.render, reasoning.run, plan.context)


def _step_back() -> None:
    """Our whole session gives way to the server's: with sched_autogroup, `nice` counts only inside a session (sched(7))."""
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


def main(plan_json: str) -> None:
    """Entry point of the process; see link.py for the command line."""
    plan = Plan.from_json(plan_json)
    control = socket.socket(fileno=plan.control)
    control.set_inheritable(False)
    try:
        kernel.die_with_parent(signal.SIGTERM, plan.parent)
        _step_back()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if kernel.LINUX:
            kernel.drop_capabilities()
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        readers = load(plan)
        confinement = Confinement.discover(plan)
        prove(plan, confinement, readers)
    except Exception as error:  # whatever it is: the server must hear why, and nothing is read
        why = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        control.send(orjson.dumps({"refused": why[:500]}))
        sys.exit(1)
    gc.collect()
    gc.freeze()
    ForkServer(control, plan, confinement, readers).serve()
