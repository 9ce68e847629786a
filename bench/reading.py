"""How completely and how fast pictures and PDFs are read: `python -m bench.reading [CORPUS] [--scans N] [--jobs N] [--second] [--misses]`.

CORPUS holds folders of documents with their truth, each optional:

- `brazil`: PDFs with a text layer and `truth.json` ({pdf: {"values": {name: text}}}). Each is read as it is and then as a scan:
  every page drawn at 200 dpi into a picture without text. Recall: values whose letters and digits stand in the text;
  fields: what the built-in finder then answers rightly.
- `sroie`: pictures of receipts, `truth.json` ({jpg: {company, date, total}}) and `boxtext.json` ({jpg: [line]}). Recall: words
  of the lines (runs of letters and digits, for the annotators set blanks around punctuation), each as often as it stands
  there, without case; the total as a whole word, the date letter by letter, the company but for a slip of a letter.

Without CORPUS the pages are made here. CPU seconds are those of one process; `slowest` is the slowest page.
"""

import argparse
import json
import random
import re
import resource
import string
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rapidfuzz.fuzz import partial_ratio
from reportlab.pdfgen.canvas import Canvas

from bench import finder
from bench.truths import SCAN_DPI, scanned
from documents.parsed import Page
from documents.parsers import ocr, secondreader
from documents.parsers.base import Context
from documents.parsers.registry import choose

WORDS = "nota fiscal de serviço prestado ao tomador conforme contrato vigente valor total emitido em São Paulo".split()
MONEY = "RM$" + string.punctuation
COMPANY_LIKENESS = 90  # of 100: the annotators' own slips of a letter


@dataclass
class Document:
    """One document as it was read, and what its truth wanted of it: {kind of thing: (found, wanted)}."""

    name: str
    pages: list[Page]
    seconds: float
    slowest: float = 0.0
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)


def main() -> None:
    """Prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("corpus", nargs="?", type=Path)
    arguments.add_argument("--scans", type=int, help="read only about so many documents of each kind by OCR")
    arguments.add_argument("--jobs", type=int, default=2, help="processes")
    arguments.add_argument("--second", action="store_true", help="with the second engine, RapidOCR")
    arguments.add_argument("--misses", action="store_true", help="name what was not found")
    chosen = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as made,
        ProcessPoolExecutor(chosen.jobs, initializer=_warm, initargs=(chosen.second,)) as pool,
    ):
        corpus = chosen.corpus or _made(Path(made))
        print(f"{'':<30}{'pages':>6}{'CPU s/page':>11}{'slowest':>9}")
        for title, measure, files in _sets(corpus, chosen.scans):
            documents = list(pool.map(measure, files))
            _show(title, documents)
            if chosen.misses:
                _complain(documents)
    print(f"peak memory of a process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB")


def _sets(corpus: Path, scans: int | None) -> Iterator[tuple[str, Callable[[Path], Document], list[Path]]]:
    if pdfs := sorted((corpus / "brazil").glob("*.pdf")):
        yield "PDF with text", partial(_paper, as_scan=False), pdfs
        yield f"PDF as scan at {SCAN_DPI} dpi", partial(_paper, as_scan=True), _some(pdfs, scans)
    if receipts := sorted((corpus / "sroie").glob("*.jpg")):
        yield "receipts", _receipt, _some(receipts, scans)


def _some(files: list[Path], count: int | None) -> list[Path]:
    return files[:: max(1, len(files) // count)] if count else files


def _warm(second: bool) -> None:
    ocr.warm()
    if second and not secondreader.warm():
        raise SystemExit("RapidOCR is not installed: see requirements-extras.in.")


def _show(title: str, documents: list[Document]) -> None:
    pages = sum(len(document.pages) for document in documents)
    seconds = sum(document.seconds for document in documents)
    total: dict[str, list[int]] = {}
    for document in documents:
        for name, (found, wanted) in document.shares.items():
            total.setdefault(name, [0, 0])
            total[name][0] += found
            total[name][1] += wanted
    shares = "  ".join(f"{name} {found / max(1, wanted):.1%} of {wanted}" for name, (found, wanted) in total.items())
    slowest = max(document.slowest for document in documents)
    print(f"{title:<30}{pages:>6}{seconds / max(1, pages):>11.3f}{slowest:>9.2f}  {shares}", flush=True)


def _complain(documents: list[Document]) -> None:
    for document in documents:
        for miss in document.misses:
            print(f"    {document.name}: {miss}")


def _read(path: Path, name: str) -> Document:
    pages: list[Page] = []
    slowest, began = 0.0, time.process_time()
    before = began
    for part in choose(path, path.name).parse(path, Context()):
        if isinstance(part, Page):
            pages.append(part)
            slowest, before = max(slowest, time.process_time() - before), time.process_time()
    return Document(name, pages, time.process_time() - began, slowest)


def _paper(path: Path, *, as_scan: bool) -> Document:
    with tempfile.TemporaryDirectory() as folder:
        source = path
        if as_scan:
            source = Path(folder) / path.name
            source.write_bytes(scanned(path))
        document = _read(source, path.name)
    truths = path.parent / "truth.json"
    truth = json.loads(truths.read_text("utf-8")).get(path.name) if truths.is_file() else None
    if truth:
        text = _letters(" ".join(page.text for page in document.pages))
        lost = [f"{name} {value!r}" for name, value in truth["values"].items() if _letters(str(value)) not in text]
        document.shares["values"] = len(truth["values"]) - len(lost), len(truth["values"])
        tally = finder.fields(document.pages, truth)
        document.shares["fields"] = sum(right for right, _ in tally.values()), len(tally)
        document.misses = lost + [f"field {name}: {found!r}" for name, (right, found) in tally.items() if not right]
    return document


def _receipt(path: Path) -> Document:
    document = _read(path, path.name)
    truth, lines = (json.loads((path.parent / name).read_text("utf-8"))[path.name] for name in ("truth.json", "boxtext.json"))
    text = " ".join(page.text for page in document.pages)
    words, wanted = _words(text), _words(" ".join(lines))
    lost = wanted - words
    document.shares["words"] = wanted.total() - lost.total(), wanted.total()
    found = {
        "total": truth["total"].strip(MONEY) in {word.strip(MONEY).replace(",", ".") for word in text.split()},
        "date": _letters(truth["date"]) in _letters(text),
        "company": partial_ratio(_letters(truth["company"]), _letters(text)) >= COMPANY_LIKENESS,
    }
    document.shares |= {name: (int(is_there), 1) for name, is_there in found.items()}
    document.misses = [f"{name} {truth[name]!r}" for name, is_there in found.items() if not is_there]
    document.misses.append(f"words {1 - lost.total() / max(1, wanted.total()):.2f}")
    return document


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.casefold()))


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())


def _made(folder: Path) -> Path:
    """Four PDFs of three pages of plain text with a number on each line, the same at every run."""
    chance = random.Random(7)
    (folder / "brazil").mkdir()
    for name in range(4):
        canvas = Canvas(str(folder / "brazil" / f"{name:02}.pdf"))
        for _ in range(3):
            for line in _lines(chance):
                canvas.drawString(*line)
            canvas.showPage()
        canvas.save()
    return folder


def _lines(chance: random.Random) -> Iterable[tuple[float, float, str]]:
    for row in range(45):
        yield 72, 770 - 15 * row, " ".join(chance.choices(WORDS, k=9)) + f" {chance.randint(100, 99_999) / 100:.2f}"


if __name__ == "__main__":
    main()
