"""Computations over a document's text, each in a confined process: they end at the limits and reach nothing else."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import pytest_asyncio

from core.errors import DamagedDocument, DocumentError, DocumentTooComplex, MyelinError, ParserCrashed
from documents import reasoning
from documents.analysis import Question
from documents.answers import RawAnswer
from documents.parsed import Page
from documents.parsers.base import Context
from documents.reasoning import StoredText
from documents.review import Part, Stretch
from documents.sandbox.client import Limits, Sandbox
from documents.skeleton import Skeleton
from providers.types import Usage
from tests.unit.documents.sandbox.conftest import TIGHT, Bench, fork_server

Opened = Callable[..., Awaitable[Sandbox]]

pytestmark = pytest.mark.asyncio(loop_scope="module")
PACKAGE = "tests.unit.documents.sandbox.computing"
BIG = 24 << 20
QUESTION = Question("Qual o CNPJ?", Skeleton.parse('{"cnpj": "", "total": 0}'))
PAGES = [Page(1, "Emitente: Padaria Fictícia\nCNPJ: 11.222.333/0001-81").to_json(), Page(2, "Total: R$ 1.234,56").to_json()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox = Sandbox(replace(TIGHT, page_seconds=1, cpu_seconds=5), Context(), workdir=folder / "work", package=PACKAGE)
    await sandbox.start()
    yield Bench(sandbox, folder)
    await sandbox.close()


@pytest_asyncio.fixture(loop_scope="module")
async def opened(make_sandbox: Callable[..., Sandbox]) -> AsyncIterator[Opened]:
    """A running sandbox with other limits or readers; it is closed whatever the test ends with."""
    async with AsyncExitStack() as stack:

        async def start(limits: Limits, package: str = PACKAGE) -> Sandbox:
            sandbox = make_sandbox(limits=limits, package=package)
            stack.push_async_callback(sandbox.close)
            await sandbox.start()
            return sandbox

        yield start


@pytest.mark.parametrize(
    ("task", "request_", "error", "words"),
    [
        ("spin", b"", DocumentTooComplex, "stood still for more than 1 seconds"),
        ("hang", b"", DocumentTooComplex, "stood still for more than 1 seconds"),
        ("allocate", b"", DocumentTooComplex, "more memory than is allowed"),
        ("descend", b"", DocumentTooComplex, "nested too deeply"),
        ("bug", b"", ParserCrashed, "failed"),
        ("damaged", b"", DamagedDocument, "ends in the middle"),
        ("die", str(signal.SIGSEGV.value).encode(), ParserCrashed, "crashed"),
        ("die", str(signal.SIGKILL.value).encode(), DocumentTooComplex, "memory"),
        ("erase", b"{}", ParserCrashed, "failed"),
        ("find", b"{}", ParserCrashed, "failed"),
        ("find", b"[" * 100_000, ParserCrashed, "failed"),
    ],
)
async def test_it_is_a_clear_error_and_nothing_is_left(
    bench: Bench, task: str, request_: bytes, error: type[MyelinError], words: str
) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(error, match=words) as raised:
            await bench.sandbox.compute(task, request_)
    assert isinstance(raised.value, DocumentError) and "secret" not in f"{raised.value.detail} {raised.value.hint}"
    bench.assert_clean()
    assert await bench.sandbox.compute("echo", b"still here") == b"still here"


async def test_the_processor_limit_ends_a_computation_that_spins(opened: Opened) -> None:
    patient = await opened(replace(TIGHT, page_seconds=60, wall_seconds=60))
    async with asyncio.timeout(20):
        with pytest.raises(DocumentTooComplex, match="processor time"):
            await patient.compute("spin", b"")


async def test_a_big_request_and_a_big_answer_pass(opened: Opened) -> None:
    roomy = await opened(Limits())
    request = os.urandom(1 << 20) * (BIG >> 20)
    assert await roomy.compute("echo", request) == request
    assert await roomy.compute("echo", b"") == b""


async def test_an_answer_over_the_limit_is_refused_by_the_child(opened: Opened) -> None:
    narrow = await opened(replace(TIGHT, image_bytes=1 << 20))
    assert len(await narrow.compute("echo", bytes((1 << 20) - 5))) == (1 << 20) - 5
    with pytest.raises(DocumentTooComplex, match="longer than 1 MiB"):
        await narrow.compute("echo", bytes(1 << 20))


async def test_a_computation_cannot_read_outside(bench: Bench) -> None:
    secret = bench.write("canary", "secret")
    for path in ("/etc/passwd", secret, f"/proc/{os.getpid()}/environ", "/proc/1/cmdline", "/proc/self/status"):
        assert (await bench.sandbox.compute("attempt", str(path).encode())).startswith(b"refused")


async def test_a_computation_cannot_connect(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = str(listener.getsockname()[1]).encode()
        assert (await bench.sandbox.compute("connect", port)).startswith(b"refused")
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_cancelling_kills_the_computation(bench: Bench) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await bench.sandbox.compute("spin", b"")
    bench.assert_clean()
    assert fork_server(bench.folder).is_running()


async def test_the_real_computations_give_inside_what_they_give_outside(opened: Opened) -> None:
    async def outside(task: str, request: bytes) -> bytes:
        return reasoning.run(task, request)

    async def draw(page: int, dpi: int) -> bytes:
        raise AssertionError("no picture is wanted")

    sandbox = await opened(Limits(), "documents.parsers")
    assert sandbox.layers["seccomp"] and sandbox.layers["landlock"]
    inside, beside = StoredText(PAGES, sandbox.compute, draw), StoredText(PAGES, outside, draw)
    value, places = await inside.find(QUESTION)
    assert value == {"cnpj": "11.222.333/0001-81", "total": 1234.56} and (value, places) == await beside.find(QUESTION)
    raw = RawAnswer(value, "builtin", "builtin", None, "requested", Usage(), 0, (), places).to_json()
    assert await inside.form(raw, QUESTION) == await beside.form(raw, QUESTION)
    parts = [Part((Stretch(1, 0, 10),), {"cnpj": "1", "total": 7.5}), Part((Stretch(1, 10, 90),), value)]
    assert await inside.weigh(QUESTION, parts) == await beside.weigh(QUESTION, parts)
    assert await inside.amend(QUESTION, {"cnpj": "1"}, value) == await beside.amend(QUESTION, {"cnpj": "1"}, value)
