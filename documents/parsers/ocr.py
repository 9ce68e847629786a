"""Tesseract, in this process through tesserocr, or through the system's program where tesserocr is missing.

One thread always: Tesseract with two OpenMP threads on two busy cores is a hundred times slower than with one. tesserocr's
wheel is built without OpenMP; the program is told so by OMP_THREAD_LIMIT. `warm` loads the engine once in the process that
forks; a loaded engine has no threads and no open files, so each fork uses its copy of it.
"""

from functools import cache
from pathlib import Path
from typing import Protocol

import pytesseract
from PIL import BmpImagePlugin, Image, PngImagePlugin, PpmImagePlugin  # the plug-ins that engines save through

from core.errors import OcrUnavailable
from documents.parsers import secondreader
from documents.parsers.layout import Placed

try:
    import tesserocr

    tesserocr.set_leptonica_log_level(tesserocr.LeptLogLevel.NONE)  # it tells the standard error of each odd box
except ImportError:
    tesserocr = None

AUTO, BLOCK, SPARSE = 3, 6, 11  # Tesseract's page segmentation modes
ORIENTATION_ONLY = 0
TESSDATA = (
    "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata",
    "/usr/local/share/tessdata", "/usr/local/share/tesseract-ocr/tessdata", "/opt/homebrew/share/tessdata",
)  # fmt: skip
PAGE_TIMEOUT = 60  # seconds; the sandbox has its own, harder one
PLUGINS = (BmpImagePlugin, PngImagePlugin, PpmImagePlugin)

# The program inherits what pytesseract holds as its environment: give it one thread whatever this process was given.
pytesseract.pytesseract.environ = {**pytesseract.pytesseract.environ, "OMP_THREAD_LIMIT": "1"}


class Engine(Protocol):
    """Words of a grey image ("L"), boxes in pixels; the turn of its text in degrees clockwise with a confidence."""

    def read(self, image: Image.Image, mode: int, dpi: int) -> list[Placed]: ...

    def orientation(self, image: Image.Image, dpi: int) -> tuple[int, float]: ...


class Library:
    """tesserocr: one loaded engine, used for page after page."""

    def __init__(self, tessdata: str, languages: str):
        self._tessdata = tessdata
        self._api = tesserocr.PyTessBaseAPI(path=tessdata, lang=languages, psm=AUTO)
        self._api.SetVariable("debug_file", "/dev/null")

    def read(self, image: Image.Image, mode: int, dpi: int) -> list[Placed]:
        self._api.SetPageSegMode(mode)
        self._show(self._api, image, dpi)
        text = self._api.GetTSVText(0)
        self._api.Clear()
        return parse_tsv(text)

    def orientation(self, image: Image.Image, dpi: int) -> tuple[int, float]:
        if not (Path(self._tessdata) / "osd.traineddata").is_file():
            return 0, 0.0
        with tesserocr.PyTessBaseAPI(path=self._tessdata, lang="osd", psm=ORIENTATION_ONLY) as api:
            api.SetVariable("debug_file", "/dev/null")
            self._show(api, image, dpi)
            found = api.DetectOrientationScript()
        return (int(found["orient_deg"]), float(found["orient_conf"])) if found else (0, 0.0)

    @staticmethod
    def _show(api: "tesserocr.PyTessBaseAPI", image: Image.Image, dpi: int) -> None:
        api.SetImageBytes(image.tobytes(), image.width, image.height, 1, image.width)
        api.SetSourceResolution(dpi)


class Program:
    """pytesseract: the system's program, one start for each pass."""

    def __init__(self, tessdata: str, languages: str):
        self._options = f'--tessdata-dir "{tessdata}"'
        self._languages = languages

    def read(self, image: Image.Image, mode: int, dpi: int) -> list[Placed]:
        config = f"{self._options} --psm {mode} --dpi {dpi}"
        return parse_tsv(self._run(pytesseract.image_to_data, image, lang=self._languages, config=config))

    def orientation(self, image: Image.Image, dpi: int) -> tuple[int, float]:
        try:
            found = self._run(pytesseract.image_to_osd, image, config=f"{self._options} --dpi {dpi}")
        except pytesseract.TesseractError:  # "Too few characters"
            return 0, 0.0
        values = dict(line.split(": ", 1) for line in found.splitlines() if ": " in line)
        return int(values.get("Orientation in degrees", 0)), float(values.get("Orientation confidence", 0))

    @staticmethod
    def _run(ask, image: Image.Image, **options: str) -> str:
        try:
            return ask(image, timeout=PAGE_TIMEOUT, **options)
        except pytesseract.TesseractNotFoundError:
            raise OcrUnavailable("A page is a picture, and Tesseract is not installed here.") from None


def usable_languages(wanted: str) -> tuple[str, str]:
    """(tessdata folder, languages of `wanted` that it has). Raises OcrUnavailable when no folder has any of them."""
    best: tuple[str, list[str]] = ("", [])
    for folder in TESSDATA:
        found = [name for name in wanted.split("+") if name.isidentifier() and (Path(folder) / f"{name}.traineddata").is_file()]
        if len(found) > len(best[1]):
            best = (folder, found)
    if not best[1]:
        raise OcrUnavailable(f"A page is a picture, and Tesseract has none of the languages {wanted} here.")
    return best[0], "+".join(best[1])


@cache
def engine(languages: str) -> Engine:
    """The engine for `por+eng` and the like, loaded at the first call. Raises OcrUnavailable."""
    tessdata, usable = usable_languages(languages)
    return Library(tessdata, usable) if tesserocr else Program(tessdata, usable)


def warm(languages: str = "por+eng", *, second: bool = False) -> bool:
    """Loads what is installed before forking; False when Tesseract is not (then only scanned pages cannot be read)."""
    if second:
        secondreader.warm()
    try:
        engine(languages)
    except OcrUnavailable:
        return False
    return True


def read(image: Image.Image, languages: str, mode: int, dpi: int) -> list[Placed]:
    """One pass over a grey image ("L"); boxes in pixels."""
    return engine(languages).read(image, mode, dpi)


def score(words: list[Placed]) -> float:
    """Letters that were read with confidence: the more the better; noise counts for nothing."""
    return sum(len(word.text) * max(0.0, (word.confidence or 0.0) - 0.4) for word in words)


def parse_tsv(text: str) -> list[Placed]:
    """Tesseract's TSV: level, page, block, paragraph, line, word, left, top, width, height, confidence, text."""
    words: list[Placed] = []
    line = 0
    key: list[str] = []
    for row in text.splitlines():
        cells = row.split("\t")
        if cells[0] != "5" or len(cells) < 12:
            continue
        content = "".join(character for character in cells[11] if character.isprintable()).strip()
        if not content:  # a ruled line
            continue
        line += cells[1:5] != key
        key = cells[1:5]
        left, top, width, height = map(int, cells[6:10])
        confidence = round(max(0.0, min(1.0, float(cells[10]) / 100)), 3)
        words.append(Placed(content, left, top, left + width, top + height, line, confidence))
    return words
