"""RapidOCR, the optional second engine: slow and sure, asked only for pages that Tesseract reads badly.

Its models come in its wheel, so it works offline. It is loaded by `warm` before the sandbox closes the file system, or not at
all, in one thread: pools of threads do not outlive a fork. A page of A4 takes it 8 seconds and an address space of 1.5 GiB.
"""

from functools import cache

from PIL import Image

from documents.parsers.layout import Placed

THREADS = {f"EngineConfig.onnxruntime.{pool}_op_num_threads": 1 for pool in ("intra", "inter")}


class Second:
    """The loaded models."""

    def __init__(self) -> None:
        """Raises ImportError when rapidocr or onnxruntime is missing."""
        import cv2
        import numpy
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException
        from rapidocr import RapidOCR

        cv2.setNumThreads(1)
        self._array = numpy.asarray
        self._failures = (MemoryError, cv2.error, Fail, RuntimeException)
        self._read = RapidOCR(params={"Global.log_level": "critical", **THREADS})

    def read(self, image: Image.Image) -> list[Placed]:
        """Words of a grey image ("L"), boxes in pixels; none when the page needs more memory than there is."""
        try:
            result = self._read(self._array(image.convert("RGB")), return_word_box=True)
        except self._failures:
            return []
        lines = result.word_results if result.txts else ()  # of a blank page it makes one line that is no line
        return [word for number, line in enumerate(lines) for word in _line(line, number)]


def _line(words: tuple[tuple[str, float, list[list[float]]], ...], number: int) -> list[Placed]:
    placed = []
    for text, confidence, corners in words:
        content = "".join(character for character in text if character.isprintable()).strip()
        if content and corners:
            xs, ys = zip(*corners, strict=True)
            box = (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))
            placed.append(Placed(content, *box, number, round(float(confidence), 3)))
    return placed


@cache
def _engine() -> Second:
    return Second()


def warm() -> bool:
    """Loads the engine before forking; False when it is not installed."""
    try:
        _engine()
    except ImportError:
        return False
    return True


def loaded() -> Second | None:
    """The engine if `warm` has loaded it: nothing can be imported in the sandbox."""
    return _engine() if _engine.cache_info().currsize else None
