"""Pictures of pages as a hostile reader would make them."""

from pathlib import Path

from core.errors import NotFound

PNG = b"\x89PNG\r\n\x1a\n"


def render(path: Path, parser: object, page: int, dpi: int) -> bytes:
    if page > 1:
        raise NotFound(f"The document has no page {page}.")
    return b"GIF89a" if path.read_text() == "gif" else PNG + f"{page} at {dpi}".encode()
