"""The built-in field finder: answers without a model."""

from documents.finder.finding import Finding
from documents.finder.search import find

__all__ = ["Finding", "find"]
