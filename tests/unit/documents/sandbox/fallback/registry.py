"""The real readers on a machine without tesserocr: every scan goes through the `tesseract` program."""

from documents.parsers import ocr
from documents.parsers.registry import choose

ocr.tesserocr = None

__all__ = ["choose"]
