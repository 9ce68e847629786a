"""Readers that were taken over by a document: each ends as a clear error, quickly, and leaves nothing behind."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooComplex,
    MyelinError,
    NotFound,
    ParserCrashed,
    UnsupportedType,
)
from documents.parsed import Notice, SealedPage
from documents.sandbox.client import Sandbox
from tests.unit.documents.sandbox.conftest import TIGHT, Bench, fork_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        ("hang", DocumentTooComplex, "stood still for more than 2 seconds after page 1"),
        ("hang_at_once", DocumentTooComplex, "stood still for more than 2 seconds at the beginning"),
        ("allocate", DocumentTooComplex, "more memory than is allowed"),
        ("bomb", DocumentTooComplex, "too many processes"),
        ("fill_disk", DocumentTooComplex, "more disk space than is allowed"),
        ("big_file", DocumentTooComplex, "more disk space than is allowed"),
        ("deep", DocumentTooComplex, "nested too deeply"),
        ("long_page 2000000", DocumentTooComplex, "longer than 1 MiB"),
        ("endless_pages", DocumentTooComplex, "too much text"),
        ("same_page", ParserCrashed, "not a page"),
        ("unknown_kind", ParserCrashed, "not a page"),
        ("picture_of_text", ParserCrashed, "not a page"),
        ("second_kind", ParserCrashed, "not a page"),
        ("giant_length", ParserCrashed, "not a page"),
        ("pickled", ParserCrashed, "not a page"),
        ("half_frame", ParserCrashed, "crashed"),
        ("exit_silently 0", ParserCrashed, "crashed"),
        ("exit_silently 70", ParserCrashed, "crashed"),
        ("exit_silently 71", ParserCrashed, "crashed"),
        ("close_and_stay", ParserCrashed, "crashed"),
        (f"die_by {signal.SIGSEGV.value}", ParserCrashed, "crashed"),
        (f"die_by {signal.SIGABRT.value}", ParserCrashed, "crashed"),
        (f"die_by {signal.SIGSTOP.value}", DocumentTooComplex, "stood still"),
        (f"die_by {signal.SIGKILL.value}", DocumentTooComplex, "memory"),
        ("nonsense", ParserCrashed, "failed"),
        ("bug", ParserCrashed, "^The reader of this type of document failed.$"),
        ("damaged", DamagedDocument, "ends in the middle"),
        ("not_found", DocumentError, "no"),
        ("unsupported", UnsupportedType, "document.txt is of a type"),
        ("forged_error internal_error", DocumentError, "a.*detail"),
        ("forged_error password_required", DocumentError, "a.*detail"),
    ],
)
async def test_it_is_a_clear_error_and_nothing_is_left(
    bench: Bench, behaviour: str, error: type[MyelinError], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        await bench.read(behaviour)
    assert isinstance(raised.value, DocumentError | UnsupportedType) and not isinstance(raised.value, NotFound)
    assert raised.value.detail.isprintable()
    bench.assert_clean()


async def test_the_wall_time_ends_a_reader_that_never_stands_still(make_sandbox: Callable[..., Sandbox], bench: Bench) -> None:
    hurried = make_sandbox(limits=replace(TIGHT, wall_seconds=1))
    await hurried.start()
    with pytest.raises(DocumentTooComplex, match="took longer than 1 seconds"):
        async for _ in hurried.parse(bench.write("pages 99 0.2"), "document.txt"):
            pass
    await hurried.close()


@pytest.mark.parametrize("behaviour", ["spin", "spin_deaf"])
async def test_the_processor_limit_ends_a_reader_that_hides_its_signal_too(
    make_sandbox: Callable[..., Sandbox], bench: Bench, behaviour: str
) -> None:
    patient = make_sandbox(limits=replace(TIGHT, page_seconds=60, wall_seconds=60))
    await patient.start()
    with pytest.raises(DocumentTooComplex, match="processor time"):
        async for _ in patient.parse(bench.write(behaviour), "document.txt"):
            pass
    await patient.close()


@pytest.mark.parametrize("behaviour", ["allocate_slowly", "fat_family"])
async def test_memory_that_grows_slowly_or_in_many_processes(
    make_sandbox: Callable[..., Sandbox], bench: Bench, behaviour: str
) -> None:
    patient = make_sandbox(limits=replace(TIGHT, page_seconds=60, wall_seconds=60, cpu_seconds=60))
    await patient.start()
    with pytest.raises(DocumentTooComplex, match="memory"):
        async for _ in patient.parse(bench.write(behaviour), "document.txt"):
            pass
    await patient.close()


async def test_errors_of_readers_keep_their_words(bench: Bench) -> None:
    with pytest.raises(DamagedDocument) as raised:
        await bench.read("damaged")
    assert (raised.value.detail, raised.value.hint) == ("The file ends in the middle.", "Send it again.")


async def test_grandchildren_die_with_a_reader_that_ends_well(bench: Bench) -> None:
    pids = [int(pid) for pid in (await bench.text("family go 3")).split()]
    assert len(pids) == 6 and len(set(pids)) == 6
    assert not any(psutil.pid_exists(pid) for pid in pids)
    bench.assert_clean()


async def test_what_a_reader_prints_goes_nowhere(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    assert await bench.text("chatter") == "one"
    out, err = capfd.readouterr()
    assert "to std" not in out + err


async def test_a_reader_cannot_speak_after_the_end(bench: Bench) -> None:
    assert len(await bench.read("after_the_end")) == 1
    bench.assert_clean()


async def test_a_reader_sees_no_environment_of_the_server(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "canary")
    names = {line.partition("=")[0] for line in (await bench.text("environment")).splitlines()}
    assert names == {"HOME", "LANG", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "PATH", "TMPDIR"}


async def test_a_reader_inherits_no_open_files(bench: Bench) -> None:
    assert len((await bench.text("descriptors")).split()) == 5  # the three standard ones on /dev/null, document, results


async def test_a_reader_lives_under_its_limits(bench: Bench) -> None:
    values = dict(pair.split("=") for pair in (await bench.text("limits")).split())
    assert values == {
        "RLIMIT_AS": str(TIGHT.memory_bytes), "RLIMIT_CPU": "1", "RLIMIT_FSIZE": str(TIGHT.file_bytes), "RLIMIT_NOFILE": "128",
        "RLIMIT_CORE": "0", "nice": "10", "group": "True", "threads": "1",
    }  # fmt: skip


async def test_a_reader_cannot_read_outside(bench: Bench) -> None:
    secret = bench.write("canary", "secret")
    environment = f"/proc/{os.getpid()}/environ"
    house = Path(__file__).resolve().parents[4] / "requirements.in"  # beside .env
    assert house.exists()
    for path in (
        "/etc/passwd",
        secret,
        house,
        environment,
        f"/proc/{os.getppid()}/environ",
        "/proc/1/cmdline",
        "/proc/self/status",
    ):
        assert (await bench.text(f"attempt {path}")).startswith("refused")


async def test_a_reader_cannot_connect(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        assert (await bench.text(f"connect {listener.getsockname()[1]}")).startswith("refused")
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_a_grandchild_cannot_leave_the_group(bench: Bench) -> None:
    assert await bench.text("escape_group") == "refused refused"


async def test_whatever_a_reader_leaves_is_erased(bench: Bench) -> None:
    assert await bench.text("litter") == "one"
    bench.assert_clean()


async def test_twenty_documents_at_once_do_not_disturb_each_other(bench: Bench) -> None:
    async def one(number: int) -> object:
        if number % 4 == 3:
            with pytest.raises(ParserCrashed):
                await bench.read(f"die_by {signal.SIGSEGV.value}", f"document{number}")
            return None
        return await bench.read("pages 5 0.02", f"document{number}")

    read = await asyncio.gather(*map(one, range(20)))
    assert [len([item for item in items if isinstance(item, SealedPage)]) for items in read if items] == [5] * 15
    bench.assert_clean()


async def test_closing_early_kills_the_reader(bench: Bench) -> None:
    items = bench.sandbox.parse(bench.write("hang"), "document.txt")
    assert len([await anext(items), await anext(items)]) == 2
    assert len(fork_server(bench.folder).children(recursive=True)) == 1
    await items.aclose()
    bench.assert_clean()


async def test_cancelling_kills_the_reader(bench: Bench) -> None:
    began = asyncio.Event()

    async def read() -> None:
        async for item in bench.sandbox.parse(bench.write("family hang 2"), "document.txt"):
            if isinstance(item, SealedPage):
                began.set()

    task = asyncio.ensure_future(read())
    await began.wait()
    assert len(fork_server(bench.folder).children(recursive=True)) == 5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.assert_clean()


async def test_pages_that_end_their_reader_cost_only_themselves(bench: Bench) -> None:
    parts = await bench.read(f"poisoned 7 3:{signal.SIGSEGV.value} 5:0")
    assert [part.number for part in parts if isinstance(part, SealedPage)] == [1, 2, 4, 6, 7]
    told = [(part.code, part.page) for part in parts if isinstance(part, Notice)]
    assert told == [("page_unread", 3), ("page_unread", 5)]
    bench.assert_clean()
