"""A sandbox over the hostile reader package, one for each module, and what must hold after every document."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from documents.parsed import SealedPage
from documents.parsers.base import Context
from documents.sandbox.client import Kind, Limits, Sandbox

PACKAGE = "tests.unit.documents.sandbox.hostile"
TIGHT = Limits(
    wall_seconds=5, page_seconds=2, cpu_seconds=1, memory_bytes=300 << 20, file_bytes=16 << 20,
    frame_bytes=1 << 20, result_bytes=4 << 20, processes=8,
)  # fmt: skip


def fork_servers(folder: Path) -> list[psutil.Process]:
    """The fork servers that work below a folder: its plan is on the command line."""
    return [child for child in psutil.Process().children() if str(folder) in " ".join(child.cmdline())]


def fork_server(folder: Path) -> psutil.Process:
    (only,) = fork_servers(folder)
    return only


@dataclass
class Bench:
    """A running sandbox and a folder for documents."""

    sandbox: Sandbox
    folder: Path

    @property
    def workdir(self) -> Path:
        return self.folder / "work"

    def write(self, text: str, name: str = "document") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    async def read(self, text: str, name: str = "document") -> list[object]:
        """Everything that a document of this text yields."""
        return [item async for item in self.sandbox.parse(self.write(text, name), "document.txt")]

    async def text(self, text: str) -> str:
        """The text of its only page."""
        kind, page = await self.read(text)
        assert isinstance(kind, Kind) and isinstance(page, SealedPage)
        return page.text

    def assert_clean(self) -> None:
        """Nothing of any document is left: no process, no zombie, no folder."""
        assert fork_server(self.folder).children(recursive=True) == []
        assert list(self.workdir.iterdir()) == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox = Sandbox(TIGHT, Context(), workdir=folder / "work", package=PACKAGE)
    await sandbox.start()
    yield Bench(sandbox, folder)
    await sandbox.close()


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Callable[..., Sandbox]:
    return lambda **options: Sandbox(
        **{"limits": TIGHT, "context": Context(), "workdir": tmp_path / "work", "package": PACKAGE} | options
    )
