"""Pictures as providers want them: their media type, and as addresses that carry the bytes themselves."""

import base64

from providers.types import Image

_MAGIC = (
    (b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"), (b"MM\0*", "image/tiff"), (b"%PDF", "application/pdf"),
)  # fmt: skip


def media_type(image: Image) -> str:
    """As it was said, else as the first bytes tell, else PNG."""
    if image.media_type:
        return image.media_type
    if image.data[:4] == b"RIFF" and image.data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if image.data.startswith(magic)), "image/png")


def data_url(image: Image) -> str:
    """Source: RFC 2397."""
    return f"data:{media_type(image)};base64,{base64.b64encode(image.data).decode()}"
