"""Nothing to rehearse here."""

from documents.parsers.base import Context


def warm(context: Context, folder: str) -> None:
    return None
