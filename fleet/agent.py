"""The agent: a small program beside an Ollama, that hands files of its models over to Myelin when they are wanted elsewhere.

    python -m fleet.agent --server http://myelin:8000 --key-file agent.key --models ~/.ollama/models

It dials out and listens nowhere. It reads below its folder of models and nothing else, writes nothing, and checks the SHA-256 of
what it sends; Myelin checks it once more. `POST /machines/NAME/agent` makes the key. It ends with 2 when its key is refused.
"""

import argparse
import asyncio
import hashlib
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from core.clock import Clock
from core.errors import InvalidField
from core.http import Deadlines, HttpClient, HttpFailure, Upload
from fleet.names import HOSTS, read_model_name
from providers.ollama_blobs import read_digest

_POLL_SECONDS = 25
_PIECE = 1 << 20
_SMALLEST = 1 << 20
#: A chunk shall take between these seconds: short enough for every proxy, long enough to be worth a request.
_QUICK, _SLOW = 4.0, 15.0
_LONGEST_PAUSE = 30.0
_ASKING = Deadlines(connect=10.0, headers=_POLL_SECONDS + 20.0, idle=20.0, total=_POLL_SECONDS + 60.0)
_SENDING = Deadlines(connect=10.0, headers=120.0, idle=60.0, total=600.0)


class KeyRefused(Exception):
    """The server does not know this key, or not any more."""


class Interrupted(Exception):
    """The work is over, or cannot be gone on with now: ask for work again."""

    def __init__(self, seconds: float = 0.0):
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """As `GET /agent/work` tells it; checked, for what a server says shall open no other file than a model's."""

    id: str
    what: str
    model: str
    digest: str
    offset: int
    most: int

    @classmethod
    def read(cls, value: dict[str, Any]) -> "Wanted":
        """Raises InvalidField, KeyError and TypeError."""
        wanted = cls(**{name: value[name] for name in cls.__slots__})
        if not wanted.id.isalnum() or not 0 <= wanted.offset <= wanted.most < 1 << 43:
            raise InvalidField("The server speaks another protocol.", field="work")
        return cls(wanted.id, wanted.what, read_model_name(wanted.model), read_digest(wanted.digest), wanted.offset, wanted.most)


class Shelf:
    """A folder of models as Ollama lays it out: `blobs/sha256-…`, and `manifests/HOST/NAMESPACE/MODEL/TAG`."""

    def __init__(self, folder: Path):
        self._folder = folder.expanduser().resolve()

    def open(self, wanted: Wanted) -> BinaryIO:
        """Raises OSError."""
        path = self._manifest(wanted.model) if wanted.what == "manifest" else self._folder / "blobs" / _file(wanted.digest)
        if not path.resolve().is_relative_to(self._folder):
            raise PermissionError("a link leads out of the folder of models")
        return path.open("rb")

    def _manifest(self, model: str) -> Path:
        path, _, tag = model.partition(":")
        parts = path.split("/")
        host = parts.pop(0) if len(parts) == 3 or parts[0] in HOSTS else "registry.ollama.ai"
        namespace = parts.pop(0) if len(parts) == 2 else "library"
        return self._folder / "manifests" / host / namespace / parts[0] / tag


class Agent:
    """`run` until the key is refused or it is stopped. `largest`: bytes that go in one request at the most."""

    def __init__(
        self,
        http: HttpClient,
        server: str,
        key: str,
        shelf: Shelf,
        *,
        largest: int = 64 << 20,
        clock: Clock = Clock(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._http, self._server, self._shelf, self._clock, self._sleep = http, server.rstrip("/"), shelf, clock, sleep
        self._headers = {"Key": key}
        self._largest = largest
        self._chunk = min(4 << 20, largest)

    async def run(self) -> None:
        """Raises KeyRefused. A server that does not answer is asked again, after a growing pause."""
        pause = 0.0
        while True:
            try:
                if (wanted := await self.ask()) is not None:
                    await self.send(wanted)
                pause = 0.0
            except (Interrupted, HttpFailure) as error:
                pause = min(_LONGEST_PAUSE, max(1.0, 2 * pause))
                wait = error.seconds if isinstance(error, Interrupted) else pause
                await self._sleep(wait * random.uniform(0.8, 1.2))

    async def ask(self) -> Wanted | None:
        """Raises KeyRefused, Interrupted and HttpFailure."""
        reply = await self._call("GET", f"/agent/work?wait={_POLL_SECONDS}", deadlines=_ASKING)
        try:
            return Wanted.read(reply["work"]) if reply["work"] is not None else None
        except (InvalidField, KeyError, TypeError, AttributeError):
            _say("What the server wants is not a file of a model: is it another version of Myelin?")
            raise Interrupted(_LONGEST_PAUSE) from None

    async def send(self, wanted: Wanted) -> None:
        """The file from where the server has it on. Raises as `ask` does."""
        try:
            file = await asyncio.to_thread(self._shelf.open, wanted)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            await self._give_up(wanted, "missing" if missing else "unreadable")
            return
        with file:
            _say(f"{wanted.model}: {wanted.what} {wanted.digest[:19]} from byte {wanted.offset} on")
            try:
                if not await self._send_from(wanted, file):
                    await self._give_up(wanted, "wrong_digest")
            except OSError:
                await self._give_up(wanted, "unreadable")

    async def _send_from(self, wanted: Wanted, file: BinaryIO) -> bool:
        """False when the file is not what its digest says; then its last byte is not sent."""
        total = file.seek(0, 2)
        hasher, hashed, offset = hashlib.sha256(), 0, wanted.offset
        if total > wanted.most:
            return False
        while True:
            await asyncio.to_thread(_hash, hasher, file, hashed, offset)
            end = min(offset + self._chunk, total)
            chunk = await asyncio.to_thread(_read, file, offset, end - offset)
            await asyncio.to_thread(hasher.update, chunk)
            hashed = offset + len(chunk)
            if len(chunk) < end - offset or (end == total and f"sha256:{hasher.hexdigest()}" != wanted.digest):
                return False
            offset, whole = await self._put(wanted, offset, total, chunk)
            if whole:
                return True

    async def _put(self, wanted: Wanted, offset: int, total: int, chunk: bytes) -> tuple[int, bool]:
        began = self._clock.monotonic()
        path = f"/agent/work/{wanted.id}?offset={offset}&total={total}"
        reply = await self._call("PUT", path, body=Upload(len(chunk), _pieces(chunk)), deadlines=_SENDING)
        taken = self._clock.monotonic() - began
        if taken < _QUICK:
            self._chunk = min(self._largest, 2 * self._chunk)
        elif taken > _SLOW:
            self._chunk = max(_SMALLEST, self._chunk // 2)
        place, whole = reply.get("offset"), reply.get("whole") is True
        if not whole and not (isinstance(place, int) and offset < place <= total):
            raise Interrupted(1.0)  # a part was lost: what is wanted now is told anew
        return place, whole

    async def _give_up(self, wanted: Wanted, reason: str) -> None:
        _say(f"{wanted.model}: {wanted.what} {wanted.digest[:19]} cannot be given: {reason}")
        await self._call("POST", f"/agent/work/{wanted.id}/failure", json={"reason": reason}, deadlines=_ASKING)

    async def _call(self, method: str, path: str, *, deadlines: Deadlines, **content: Any) -> dict[str, Any]:
        opened = self._http.request(method, self._server + path, headers=self._headers, deadlines=deadlines, **content)
        async with opened as response:
            said = await response.read()
            if response.status in (401, 403):
                raise KeyRefused
            if response.status >= 300:
                raise Interrupted(_seconds(response.headers.get("retry-after")))
            try:
                reply = orjson.loads(said)
            except orjson.JSONDecodeError:
                reply = None
            if not isinstance(reply, dict):
                raise Interrupted(_LONGEST_PAUSE)
            return reply


def _file(digest: str) -> str:
    return digest.replace(":", "-")


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _hash(hasher: Any, file: BinaryIO, start: int, end: int) -> None:
    """Takes the bytes that the server has already into the digest."""
    file.seek(start)
    while start < end and (piece := file.read(min(_PIECE, end - start))):
        hasher.update(piece)
        start += len(piece)


async def _pieces(chunk: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(chunk), 256 << 10):
        yield chunk[start : start + (256 << 10)]


def _seconds(retry_after: str | None) -> float:
    return min(_LONGEST_PAUSE, float(retry_after)) if retry_after and retry_after.isdigit() else 1.0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _main(arguments: argparse.Namespace) -> int:
    key = arguments.key or arguments.key_file.read_text("utf-8").strip()
    http = HttpClient(connections=2)
    try:
        await Agent(http, arguments.server, key, Shelf(arguments.models)).run()
    except KeyRefused:
        _say("The server refuses the key of this agent: it was revoked, or is another one's.")
        return 2
    finally:
        await http.close()
    return 0


def main(given: list[str] | None = None) -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fleet.agent", description="Hands files of Ollama's models over to Myelin.")
    parser.add_argument("--server", required=True, help="where Myelin answers, such as http://myelin:8000")
    parser.add_argument("--models", type=Path, default=Path("~/.ollama/models"), help="the folder of Ollama's models")
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key", help="the agent's key; others on this machine may see it: --key-file hides it")
    keys.add_argument("--key-file", type=Path, help="a file that holds the agent's key")
    arguments = parser.parse_args(given)
    if not (arguments.models.expanduser() / "manifests").is_dir():
        parser.error("--models is no folder of Ollama's models: it has no folder manifests")
    try:
        return asyncio.run(_main(arguments))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
