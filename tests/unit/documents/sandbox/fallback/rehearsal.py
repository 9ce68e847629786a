"""Warms whatever engine the registry left."""

from documents.parsers.base import Context
from documents.parsers.ocr import engine


def warm(context: Context, folder: str) -> None:
    assert type(engine(context.ocr_languages)).__name__ == "Program"
