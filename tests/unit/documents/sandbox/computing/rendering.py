"""No pictures here."""

from tests.unit.documents.sandbox.hostile.rendering import render

__all__ = ["render"]
