"""A reader package whose documents say what their reader does: the first word of the file is the name of a function."""

import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import DamagedDocument, NotFound, UnsupportedType
from documents.parsed import Notice, Page, Total, Word
from documents.parsers.base import Context

Items = Iterator[Page | Notice | Total]


@dataclass(frozen=True)
class Hostile:
    behave: object
    words: list[str]
    content_type: str = "text/hostile"

    @property
    def resumable(self) -> bool:
        return self.behave is poisoned

    def parse(self, path: Path, context: Context) -> Items:
        return self.behave(context.first_page, *self.words) if self.resumable else self.behave(*self.words)


def choose(path: Path, filename: str) -> Hostile:
    name, *words = path.read_text().split() or ["unsupported"]
    if name == "unsupported":
        raise UnsupportedType(f"{filename} is of a type that is not supported.", hint="Send a PDF.")
    return Hostile(globals()[name], words)


def _results() -> socket.socket:
    """The socket to the server, found as hostile code would find it: the only one that is open."""
    for descriptor in range(3, 256):
        try:
            return socket.socket(fileno=os.dup(descriptor))
        except OSError:
            continue
    raise AssertionError


def pages(count: str = "1", pause: str = "0") -> Items:
    yield Total(int(count))
    for number in range(1, int(count) + 1):
        time.sleep(float(pause))
        yield Page(
            number,
            f"Page {number}",
            595.0,
            842.0,
            "native",
            (Word(0, 4, 1.0, 2.0, 3.0, 4.0), Word(5, 6, 1.0, 2.0, 3.0, 4.0, 0.5)),
        )


def poisoned(first: int, count: str, *how: str) -> Items:
    """Pages of which some end the reader: `3:11` is page 3 by signal 11, `4:0` is a page that never ends."""
    deaths = dict(death.split(":") for death in how)
    yield Total(int(count))
    for number in range(first, int(count) + 1):
        if (death := deaths.get(str(number))) == "0":
            time.sleep(3600)
        elif death:
            os.kill(os.getpid(), int(death))
        yield Page(number, f"Page {number}")


def long_page(size: str) -> Items:
    yield Page(1, "x" * int(size))


def endless_pages() -> Items:
    number = 0
    while True:
        number += 1
        yield Page(number, "x" * 1000)


def same_page() -> Items:
    yield Page(1, "a")
    yield Page(1, "b")


def notices() -> Items:
    yield Page(1, "one")
    yield Notice("page_unreadable", "Page 2 could not be read.", 2)


def spin() -> Items:
    yield Page(1, "one")
    while True:
        pass


def spin_deaf() -> Items:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    yield from spin()


def hang() -> Items:
    yield Page(1, "one")
    time.sleep(3600)


def hang_at_once() -> Items:
    time.sleep(3600)
    yield Page(1, "one")


def allocate() -> Items:
    yield Page(1, "one")
    kept = bytearray(4 << 30)
    yield Page(2, str(len(kept)))


def allocate_slowly() -> Items:
    kept = []
    while True:
        kept.append("x" * 10_000 + str(len(kept)))
    yield


def family(pids: str, count: str) -> Items:
    """Children and grandchildren that sleep; their pids are written down."""
    written = []
    for _ in range(int(count)):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import os, time; os.fork(); print(os.getpid(), flush=True); time.sleep(3600)"],
                                 stdout=subprocess.PIPE)  # fmt: skip
        written += [child.stdout.readline(), child.stdout.readline()]
    yield Page(1, " ".join(line.decode().strip() for line in written))
    if pids == "hang":
        time.sleep(3600)


def bomb(pause: str = "0") -> Items:
    yield Page(1, "one")
    while True:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        time.sleep(float(pause))


def fat_family() -> Items:
    yield Page(1, "one")
    for _ in range(6):
        if os.fork() == 0:
            kept = bytearray(os.urandom(1 << 20)) * 150
            time.sleep(60)
            os._exit(len(kept) % 2)
    time.sleep(60)


def fill_disk() -> Items:
    yield Page(1, "one")
    number = 0
    while True:
        number += 1
        Path(f"{number}").write_bytes(b"x" * (1 << 20))
        time.sleep(0.01)


def big_file() -> Items:
    with open("big", "wb") as file:
        while True:
            file.write(b"x" * (1 << 20))
    yield


def litter() -> Items:
    for _ in range(400):
        os.mkdir("deep")
        os.chdir("deep")
    os.symlink("/", "link")
    Path("file").write_text("x")
    yield Page(1, "one")


def unknown_kind() -> Items:
    yield Page(1, "one")
    _results().sendall(b"\x00" * 64)


def picture_of_text() -> Items:
    yield Page(1, "one")
    _results().sendall(struct.pack("!cI", b"I", 8) + b"\x89PNG\r\n\x1a\n")
    time.sleep(60)


def second_kind() -> Items:
    yield Page(1, "one")
    _results().sendall(struct.pack("!cI", b"K", 12) + b'"text/other"')
    time.sleep(60)


def giant_length() -> Items:
    yield Page(1, "one")
    _results().sendall(struct.pack("!cI", b"P", 0xFFFFFFFF))


def pickled() -> Items:
    yield Page(1, "one")
    payload = pickle.dumps(Exploit())
    _results().sendall(struct.pack("!cI", b"P", len(payload)) + payload)
    time.sleep(60)


class Exploit:
    def __reduce__(self) -> tuple:
        return os._exit, (13,)


def half_frame() -> Items:
    yield Page(1, "one")
    _results().sendall(struct.pack("!cI", b"P", 1000) + b"[1,")
    os._exit(0)


def after_the_end() -> Items:
    _results().sendall(struct.pack("!cI", b".", 0) * 3)
    yield Page(1, "one")


def forged_error(code: str) -> Items:
    payload = f'["{code}", "a\\u001b[31m\\n detail", null, null]'.encode()
    _results().sendall(struct.pack("!cI", b"E", len(payload)) + payload)
    yield Page(1, "one")


def exit_silently(code: str = "0") -> Items:
    yield Page(1, "one")
    os._exit(int(code))


def close_and_stay() -> Items:
    yield Page(1, "one")
    os.closerange(3, 256)
    time.sleep(3600)


def die_by(number: str) -> Items:
    yield Page(1, "one")
    os.kill(os.getpid(), int(number))
    time.sleep(60)


def damaged() -> Items:
    raise DamagedDocument("The file ends in the middle.", hint="Send it again.")
    yield


def not_found() -> Items:
    raise NotFound("no")
    yield


def bug() -> Items:
    yield Page(1, "one")
    raise KeyError("/secret/path")


def deep() -> Items:
    def descend(level: int) -> int:
        return descend(level + 1)

    yield Page(1, str(descend(0)))


def nonsense() -> Items:
    yield {"page": 1}


def chatter() -> Items:
    print("to stdout")
    os.write(1, b"P\x00\x00\x00\x01")
    os.write(2, b"to stderr")
    yield Page(1, "one")


def environment() -> Items:
    yield Page(1, "\n".join(f"{key}={value}" for key, value in sorted(os.environ.items())))


def descriptors() -> Items:
    """Only the standard three, the document and the results are open."""
    found = []
    for number in range(256):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(str(number))
    yield Page(1, " ".join(found))


def limits() -> Items:
    names = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")
    values = [f"{name}={resource.getrlimit(getattr(resource, name))[0]}" for name in names]
    yield Page(
        1,
        " ".join([*values, f"nice={os.nice(0)}", f"group={os.getpgid(0) == os.getpid()}", f"threads={threading.active_count()}"]),
    )


def attempt(*path: str) -> Items:
    """Reads a file from outside."""
    try:
        yield Page(1, Path(" ".join(path)).read_bytes()[:100].hex())
    except OSError as error:
        yield Page(1, f"refused {error.errno}")


def connect(port: str) -> Items:
    try:
        socket.create_connection(("127.0.0.1", int(port)), 2)
        yield Page(1, "connected")
    except OSError as error:
        yield Page(1, f"refused {error.errno}")


def escape_group() -> Items:
    """A grandchild tries to leave the group that will be killed."""
    answers = []
    for leave in (os.setsid, os.setpgrp):
        reading, writing = os.pipe()
        if os.fork() == 0:
            try:
                leave()
                os.write(writing, b"escaped")
            except PermissionError:
                os.write(writing, b"refused")
            os._exit(0)
        answers.append(os.read(reading, 100).decode())
    yield Page(1, " ".join(answers))


def program(*command: str) -> Items:
    done = subprocess.run(command, capture_output=True, check=False)
    yield Page(1, f"{done.returncode} {done.stdout.decode()} {done.stderr.decode()}")
