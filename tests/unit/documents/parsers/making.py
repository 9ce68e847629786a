"""Documents made in memory, with content that tests know."""

import io
import zipfile
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from documents.parsed import Notice, Page, Total
from documents.parsers import subdocuments
from documents.parsers.base import Context
from documents.parsers.registry import choose

A4 = (595.0, 842.0)
FONT = str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")
SENTENCES = (
    "Nota fiscal de serviços número 4711", "Prestador: Padaria São João Ltda",
    "Registro 12.345.678/0001-95 emitido em 05/03/2026",
    "Descrição: pão francês, açúcar e café", "Valor total da nota: 1.234,56",
    "Obrigado pela preferência e volte sempre",
)  # fmt: skip


def read(path: Path, context: Context | None = None, filename: str | None = None) -> tuple[list[Page], list[Notice], int | None]:
    """Pages, notices and total of a file, read by the reader that the registry chooses."""
    parts = list(choose(path, filename or path.name).parse(path, context or Context()))
    assert isinstance(parts[0], Total)
    pages = [part for part in parts if isinstance(part, Page)]
    return pages, [part for part in parts if isinstance(part, Notice)], parts[0].pages


def canvas(path: Path, pagesize: tuple[float, float] = A4, **options: object) -> Canvas:
    """A canvas that writes the same bytes for the same drawing."""
    return Canvas(str(path), pagesize=pagesize, invariant=1, **options)


def written(path: Path, lines: tuple[str, ...] = SENTENCES, *, size: int = 12) -> Path:
    """A PDF of one page with lines of text from the top left."""
    page = canvas(path)
    page.setFont("Helvetica", size)
    for row, line in enumerate(lines):
        page.drawString(72, 842 - 100 - 24 * row, line)
    page.save()
    return path


def picture(lines: tuple[str, ...] = SENTENCES, *, size: tuple[int, int] = (1100, 520), height: int = 32) -> Image.Image:
    """A grey picture of lines of text, about an inch of paper for 200 pixels."""
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, height)
    for row, line in enumerate(lines):
        draw.text((60, 50 + row * 2 * height), line, fill=0, font=font)
    return image


def scan(path: Path, *images: Image.Image, pagesize: tuple[float, float] | None = None) -> Path:
    """A PDF whose pages hold nothing but a picture each, 200 pixels an inch."""
    page = canvas(path)
    for image in images:
        width, height = pagesize or (image.width * 72 / 200, image.height * 72 / 200)
        page.setPageSize((width, height))
        page.drawInlineImage(image, 0, 0, width, height)
        page.showPage()
    page.save()
    return path


def repacked(source: Path, target: Path, **parts: bytes) -> Path:
    """A copy of a zip with members replaced or added; `__` in a key stands for `/`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        named = {key.replace("__", "/"): value for key, value in parts.items()}
        for member in old.namelist():
            new.writestr(member, named.pop(member, None) or old.read(member))
        for member, content in named.items():
            new.writestr(member, content)
    return target


def png(image: Image.Image, **options: object) -> bytes:
    """PNG bytes of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def word(page: Page, text: str):
    """The one word of a page that reads `text`."""
    found = [word for word in page.words if page.text[word.start : word.end] == text]
    assert len(found) == 1, (text, page.text)
    return found[0]


def everything(path: Path, context: Context | None = None) -> tuple[list[Page], list[Notice], list[int]]:
    """Pages, notices and totals of a file with everything that is attached to it."""
    items = list(subdocuments.read(path, choose(path, path.name), choose, context or Context()))
    pages = [item for item in items if isinstance(item, Page)]
    assert [page.number for page in pages] == sorted({page.number for page in pages})
    return pages, [item for item in items if isinstance(item, Notice)], [item.pages for item in items if isinstance(item, Total)]
