"""The sandbox as the server uses it: order, progress, pictures, restarts and its own end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import uvloop

from core.errors import DamagedDocument, NotFound, ParserCrashed, SandboxUnavailable
from documents.parsed import Notice, Page, SealedPage, Total, Word
from documents.sandbox import client, link
from documents.sandbox.client import Kind, Sandbox
from tests.unit.documents.sandbox.conftest import TIGHT, Bench, fork_server, fork_servers
from tests.unit.documents.sandbox.hostile.rendering import PNG

HOUSE = Path(__file__).resolve().parents[4]
MakeSandbox = Callable[..., Sandbox]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document"
    path.write_text("pages 2")
    return path


async def read(sandbox: Sandbox, path: Path) -> list[object]:
    return [item async for item in sandbox.parse(path, "nota.txt")]


@pytest.mark.asyncio(loop_scope="module")
class TestRunning:
    async def test_the_kind_comes_first_then_total_and_pages_with_their_words(self, bench: Bench) -> None:
        kind, total, first, second = await bench.read("pages 2")
        assert (kind, total) == (Kind("text/hostile"), Total(2))
        assert [first.number, second.number] == [1, 2] and first.text == "Page 1"
        assert first.open().words == (Word(0, 4, 1.0, 2.0, 3.0, 4.0), Word(5, 6, 1.0, 2.0, 3.0, 4.0, 0.5))

    async def test_notices_arrive_between_pages(self, bench: Bench) -> None:
        assert (await bench.read("notices"))[1:] == [
            Page(1, "one").sealed(),
            Notice("page_unreadable", "Page 2 could not be read.", 2),
        ]

    async def test_large_pages_arrive_whole(self, bench: Bench) -> None:
        assert len(await bench.text("long_page 1000000")) == 1_000_000

    async def test_pages_come_while_the_reader_works(self, bench: Bench) -> None:
        items = bench.sandbox.parse(bench.write("pages 50 0.05"), "nota.txt")
        async with asyncio.timeout(2):  # all of it would take 2.5 s
            assert [type(await anext(items)) for _ in range(3)] == [Kind, Total, SealedPage]
        await items.aclose()

    async def test_a_file_that_is_gone_is_a_clear_error(self, bench: Bench) -> None:
        with pytest.raises(DamagedDocument):
            await read(bench.sandbox, bench.folder / "gone")
        bench.assert_clean()

    async def test_a_picture(self, bench: Bench) -> None:
        assert await bench.sandbox.render(bench.write("pages 1"), "nota.txt", 1, 150) == PNG + b"1 at 150"
        bench.assert_clean()

    async def test_a_picture_of_a_page_that_is_not_there(self, bench: Bench) -> None:
        with pytest.raises(NotFound, match="no page 2"):
            await bench.sandbox.render(bench.write("pages 1"), "nota.txt", 2)

    async def test_a_picture_that_is_none_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ParserCrashed):
            await bench.sandbox.render(bench.write("gif"), "nota.txt", 1)

    async def test_a_child_that_cannot_confine_itself_reads_nothing(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = bench.folder / "gone"
        monkeypatch.setattr(client.workdirs, "create", lambda root: gone)  # Landlock has nothing to open, and must not go on
        monkeypatch.setattr(client, "_erase", lambda folder: asyncio.sleep(0))
        with pytest.raises(SandboxUnavailable, match="could not confine itself"):
            await read(bench.sandbox, bench.write("pages 1"))

    async def test_the_layers_are_told(self, bench: Bench) -> None:
        assert set(bench.sandbox.layers) == {
            "process_group", "resource_limits", "no_new_privileges", "landlock", "seccomp", "network_denied",
        }  # fmt: skip


async def test_before_the_start_and_after_the_end_nothing_is_read(
    make_sandbox: MakeSandbox, document: Path, tmp_path: Path
) -> None:
    sandbox = make_sandbox()
    assert sandbox.layers == {}
    with pytest.raises(SandboxUnavailable):
        await read(sandbox, document)
    await sandbox.start()
    await sandbox.close()
    assert fork_servers(tmp_path) == []
    with pytest.raises(SandboxUnavailable):
        await read(sandbox, document)
    await sandbox.close()


async def test_leftovers_are_swept_at_start(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    (tmp_path / "work" / "doc-left").mkdir(parents=True)
    sandbox = make_sandbox()
    await sandbox.start()
    await sandbox.close()
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"package": "tests.unit.documents.sandbox.nothing"}, "ModuleNotFoundError"),
        ({"limits": replace(TIGHT, memory_bytes=20 << 20)}, "memory|could not confine itself|MemoryError"),
    ],
)
async def test_a_sandbox_that_cannot_work_does_not_start(
    make_sandbox: MakeSandbox, options: dict, why: str, tmp_path: Path
) -> None:
    sandbox = make_sandbox(**options)
    with pytest.raises(SandboxUnavailable, match=why):
        await sandbox.start()
    assert fork_servers(tmp_path) == []
    await sandbox.close()


async def test_a_dead_fork_server_is_replaced_for_the_next_document(
    make_sandbox: MakeSandbox, document: Path, tmp_path: Path
) -> None:
    sandbox = make_sandbox()
    await sandbox.start()
    killed = fork_server(tmp_path)
    killed.kill()
    assert len(await read(sandbox, document)) == 4
    assert fork_server(tmp_path).pid != killed.pid
    await sandbox.close()


async def test_documents_in_hand_fail_clearly_when_the_fork_server_dies_and_its_family_with_it(
    make_sandbox: MakeSandbox, document: Path, tmp_path: Path
) -> None:
    document.write_text("family hang 2")
    sandbox = make_sandbox()
    await sandbox.start()
    items = sandbox.parse(document, "nota.txt")
    await anext(items)
    family = [psutil.Process(int(pid)) for pid in (await anext(items)).text.split()]
    fork_server(tmp_path).kill()
    with pytest.raises(SandboxUnavailable, match="ended"):
        await anext(items)
    assert psutil.wait_procs(family, timeout=5)[1] == []
    document.write_text("pages 2")
    assert len(await read(sandbox, document)) == 4
    await sandbox.close()


async def test_a_fork_server_that_hangs_is_replaced(
    make_sandbox: MakeSandbox, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CLOSE_SECONDS", 0.2)
    sandbox = make_sandbox()
    await sandbox.start()
    document.write_text("hang")
    items = sandbox.parse(document, "nota.txt")
    await anext(items)
    fork_server(tmp_path).send_signal(signal.SIGSTOP)
    await items.aclose()
    document.write_text("pages 2")
    assert len(await read(sandbox, document)) == 4
    fork_server(tmp_path).send_signal(signal.SIGSTOP)
    with pytest.raises(SandboxUnavailable, match="did not start"):
        await read(sandbox, document)
    assert len(await read(sandbox, document)) == 4
    await sandbox.close()


async def test_closing_ends_the_documents_in_hand(make_sandbox: MakeSandbox, document: Path) -> None:
    document.write_text("family hang 2")
    sandbox = make_sandbox()
    await sandbox.start()
    items = sandbox.parse(document, "nota.txt")
    await anext(items)
    family = [psutil.Process(int(pid)) for pid in (await anext(items)).text.split()]
    await sandbox.close()
    with pytest.raises(SandboxUnavailable):
        await anext(items)
    assert psutil.wait_procs(family, timeout=5)[1] == []


SERVER = """
import asyncio, sys
from pathlib import Path
from tests.unit.documents.sandbox.conftest import PACKAGE, TIGHT
from documents.parsers.base import Context
from documents.sandbox.client import Sandbox
async def main():
    sandbox = Sandbox(TIGHT, Context(), workdir=Path(sys.argv[1]), package=PACKAGE)
    await sandbox.start()
    async for item in sandbox.parse(Path(sys.argv[2]), "nota.txt"):
        print(getattr(item, "text", ""), flush=True)
asyncio.run(main())
"""


def test_everything_dies_with_a_server_that_is_killed(tmp_path: Path, document: Path) -> None:
    document.write_text("family hang 2")
    arguments = [sys.executable, "-c", SERVER, str(tmp_path / "work"), str(document)]
    with subprocess.Popen(arguments, cwd=HOUSE, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        family = [psutil.Process(int(pid)) for pid in server.stdout.readline().split()]
        family += psutil.Process(server.pid).children(recursive=True)
        assert len(family) >= 6
        os.kill(server.pid, signal.SIGKILL)
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_reader_dies_with_its_fork_server_even_when_nobody_can_kill_it(tmp_path: Path, document: Path) -> None:
    document.write_text("hang")
    arguments = [sys.executable, "-c", SERVER, str(tmp_path / "work"), str(document)]
    with subprocess.Popen(arguments, cwd=HOUSE, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        server.stdout.readline()
        (keeper,) = psutil.Process(server.pid).children()
        (reader,) = keeper.children()
        keeper.suspend()
        server.kill()
        keeper.kill()
    assert psutil.wait_procs([keeper, reader], timeout=5)[1] == []


def test_it_works_on_uvloop(make_sandbox: MakeSandbox, document: Path) -> None:
    async def main() -> None:
        sandbox = make_sandbox()
        await sandbox.start()
        assert len(await read(sandbox, document)) == 4
        document.write_text("hang")
        items = sandbox.parse(document, "nota.txt")
        await anext(items)
        await items.aclose()
        document.write_text("giant_length")
        with pytest.raises(ParserCrashed):
            await read(sandbox, document)
        await sandbox.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_the_server_loads_no_reader() -> None:
    names = [
        "pypdfium2",
        "PIL",
        "lxml",
        "tesserocr",
        "pytesseract",
        "pdfplumber",
        "openpyxl",
        "python_calamine",
        "docx",
        "documents.parsers.registry",
    ]
    script = (
        f"import sys, documents.sandbox.client, documents.extraction; print([name for name in {names} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
