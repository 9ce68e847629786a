"""The real pictures."""

from documents.parsers.rendering import render

__all__ = ["render"]
