"""Warms whatever engine the registry left."""

from documents.parsers.ocr import engine


def warm(languages: str, *, second: bool = False) -> bool:
    return type(engine(languages)).__name__ == "Program"
