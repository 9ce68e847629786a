"""The real readers and the real programs work inside the confinement: nothing they need is missing there."""

import shutil
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFont

from core.errors import UnsupportedType
from documents.parsed import SealedPage
from documents.parsers.base import Context
from documents.sandbox.client import Kind, Limits, Sandbox
from tests.unit.documents.sandbox.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAMPLES = Path(__file__).resolve().parents[4] / "samples"


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["documents.parsers", "tests.unit.documents.sandbox.fallback"]
)
async def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(Limits(), Context(), workdir=tmp_path_factory.mktemp("work"), package=request.param)
    await sandbox.start()
    yield sandbox
    await sandbox.close()


async def read(sandbox: Sandbox, name: str) -> tuple[str, list[SealedPage]]:
    items = [item async for item in sandbox.parse(SAMPLES / name, name)]
    assert isinstance(items[0], Kind)
    return items[0].content_type, [item for item in items if isinstance(item, SealedPage)]


@pytest.mark.parametrize(
    ("name", "content_type", "words"),
    [
        ("nota.pdf", "application/pdf", "CNPJ"),
        ("contrato.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "contrato"),
        ("planilha.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "1"),
        ("clientes.csv", "text/csv", "CPF"),
        ("recibo.txt", "text/plain", "recib"),
    ],
)
async def test_documents_with_text(sandbox: Sandbox, name: str, content_type: str, words: str) -> None:
    kind, pages = await read(sandbox, name)
    assert kind == content_type
    assert words.lower() in "\n".join(page.text for page in pages).lower()


@pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not installed")
async def test_pictures_of_text(sandbox: Sandbox, tmp_path: Path) -> None:
    picture = Image.new("L", (900, 160), 255)
    ImageDraw.Draw(picture).text((40, 40), "Valor total 1.234,56", 0, ImageFont.load_default(64))
    picture.save(tmp_path / "picture.png", dpi=(200, 200))
    pages = [item async for item in sandbox.parse(tmp_path / "picture.png", "picture.png") if isinstance(item, SealedPage)]
    assert [page.source for page in pages] == ["ocr"]
    assert "1.234,56" in pages[0].text and all(0 <= word.confidence <= 1 for word in pages[0].open().words)


async def test_pictures_of_pages(sandbox: Sandbox) -> None:
    assert (await sandbox.render(SAMPLES / "nota.pdf", "nota.pdf", 1)).startswith(b"\x89PNG\r\n\x1a\n")


@pytest_asyncio.fixture(loop_scope="module")
async def programs(tmp_path: Path) -> AsyncIterator[Bench]:
    sandbox = Sandbox(Limits(), Context(), workdir=tmp_path / "work", package="tests.unit.documents.sandbox.hostile")
    await sandbox.start()
    yield Bench(sandbox, tmp_path)
    await sandbox.close()


@pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not installed")
async def test_the_tesseract_program_runs_inside(programs: Bench) -> None:
    answer = await programs.text("program tesseract --list-langs")
    assert answer.startswith("0 ") and "eng" in answer


async def test_attachments_are_read_and_shown_inside(sandbox: Sandbox, tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ana@example.com", "bia@example.com", "=?koi8-r?Q?=F7?="
    mail.set_content("Texto da mensagem", charset="cp850")
    mail.add_attachment((SAMPLES / "nota.pdf").read_bytes(), maintype="application", subtype="pdf", filename="nota.pdf")
    mail.add_attachment(
        "Привет, как дела у тебя сегодня вечером, Анна?".encode("cp866"), maintype="text", subtype="plain", filename="a.txt"
    )
    (tmp_path / "a.eml").write_bytes(mail.as_bytes())
    items = [item async for item in sandbox.parse(tmp_path / "a.eml", "a.eml")]
    pages = [item.open() for item in items if isinstance(item, SealedPage)]
    assert [(page.number, page.label) for page in pages] == [(1, None), (2, "nota.pdf"), (3, "a.txt")]
    assert "CNPJ" in pages[1].text and "как дела" in pages[2].text
    assert (await sandbox.render(tmp_path / "a.eml", "a.eml", 2)).startswith(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UnsupportedType):
        await sandbox.render(tmp_path / "a.eml", "a.eml", 1)
