"""How fast and how completely documents are read, on one core: `python -m bench.reading [FOLDER]`.

FOLDER holds PDFs with a text layer and may hold a `truth.json` ({pdf: {"values": {name: text}}}). Each PDF is read as it is
and then once more as a scan: its first page drawn at 200 dpi into a picture without text. Without FOLDER the pages are made
here. Printed: pages a second, and the share of the true values whose letters and digits stand in the text.
"""

import argparse
import io
import json
import random
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pypdfium2 import PdfDocument
from reportlab.pdfgen.canvas import Canvas

from documents.parsed import Page
from documents.parsers import ocr
from documents.parsers.base import Context
from documents.parsers.registry import choose

WORDS = [
    "nota",
    "fiscal",
    "de",
    "serviço",
    "prestado",
    "ao",
    "tomador",
    "conforme",
    "contrato",
    "vigente",
    "valor",
    "total",
    "emitido",
    "em",
    "São",
    "Paulo",
]
SCAN_DPI = 200


@dataclass
class Line:
    """One row of the table."""

    title: str
    pages: int = 0
    seconds: float = 0.0
    found: int = 0
    wanted: int = 0

    def __str__(self) -> str:
        recall = f"{self.found / self.wanted:8.1%} of {self.wanted}" if self.wanted else f"{'':>8}"
        return f"{self.title:<28}{self.pages:>7}{self.pages / max(self.seconds, 1e-9):>10.2f}  {recall}"


def main() -> None:
    """Prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", nargs="?", type=Path)
    arguments.add_argument("--scans", type=int, default=12, help="how many of the PDFs are read as scans")
    chosen = arguments.parse_args()
    ocr.warm()
    with tempfile.TemporaryDirectory() as made:
        folder = chosen.folder or _made(Path(made))
        truth = json.loads((folder / "truth.json").read_text("utf-8")) if (folder / "truth.json").is_file() else {}
        files = sorted(folder.glob("*.pdf"))
        digital, scans = Line("PDF with text"), Line(f"scan at {SCAN_DPI} dpi, one core")
        for path in files:
            _measure(digital, path, truth.get(path.name, {}).get("values", {}))
        step = max(1, len(files) // chosen.scans)
        for path in files[::step][: chosen.scans]:
            scan = Path(made) / "scan.pdf"
            scan.write_bytes(scanned(path))
            _measure(scans, scan, truth.get(path.name, {}).get("values", {}) if _pages(path) == 1 else {})
    print(f"{'':<28}{'pages':>7}{'pages/s':>10}  values found")
    print(digital, scans, sep="\n")


def scanned(path: Path) -> bytes:
    """The first page as a PDF that holds nothing but its picture."""
    document = PdfDocument(path)
    page = document[0]
    picture = page.render(scale=SCAN_DPI / 72, grayscale=True).to_pil()
    width, height = page.get_size()
    document.close()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(width, height))
    canvas.drawInlineImage(picture, 0, 0, width, height)
    canvas.save()
    return buffer.getvalue()


def _measure(line: Line, path: Path, values: dict[str, str]) -> None:
    started = time.perf_counter()
    parts = list(choose(path, path.name).parse(path, Context()))
    line.seconds += time.perf_counter() - started
    pages = [part for part in parts if isinstance(part, Page)]
    line.pages += len(pages)
    text = _letters(" ".join(page.text for page in pages))
    line.wanted += len(values)
    line.found += sum(_letters(str(value)) in text for value in values.values())


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())


def _pages(path: Path) -> int:
    document = PdfDocument(path)
    count = len(document)
    document.close()
    return count


def _made(folder: Path) -> Path:
    """Twelve PDFs of ten pages of plain text, the same at every run."""
    chance = random.Random(7)
    for name in range(12):
        canvas = Canvas(str(folder / f"{name:02}.pdf"))
        for _ in range(10):
            for line in _lines(chance):
                canvas.drawString(*line)
            canvas.showPage()
        canvas.save()
    return folder


def _lines(chance: random.Random) -> Iterator[tuple[float, float, str]]:
    for row in range(45):
        yield 72, 770 - 15 * row, " ".join(chance.choices(WORDS, k=9)) + f" {chance.randint(100, 99_999) / 100:.2f}"


if __name__ == "__main__":
    main()
