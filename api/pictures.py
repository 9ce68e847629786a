"""Pictures in the bodies of clients: as base64, in a data URL (RFC 2397), or by an address that the provider shall fetch."""

import binascii
import re

from api.members import wrong
from core.errors import InvalidField
from providers.types import Image

#: The largest that a provider takes (OpenAI and Gemini: 20 MB; Anthropic 10 MB, and says so itself).
MOST_BYTES = 20 << 20
_LONGEST_ADDRESS = 8192
_HEAD = re.compile(r"data:([a-zA-Z0-9.+/-]{0,80})((?:;[a-zA-Z0-9=_.+-]{1,80}){0,4}),")
_SCHEMES = ("https://", "http://")
_KINDS = "PNG, JPEG, GIF and WEBP pictures are taken."


def media_type_of(data: bytes) -> str | None:
    """By its first bytes; None for what no provider shows to a model."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def from_base64(encoded: str, field: str) -> Image:
    """What the client says of its type is not believed: its first bytes tell. Raises InvalidField."""
    if len(encoded) * 3 // 4 > MOST_BYTES + 3:
        raise wrong(field, f"is a picture of more than {MOST_BYTES >> 20} MB", "Make it smaller.")
    try:
        data = binascii.a2b_base64(encoded.encode("ascii"))
    except (binascii.Error, UnicodeEncodeError):
        raise wrong(field, "is not base64", "Encode the bytes of the picture as base64 (RFC 4648).") from None
    kind = media_type_of(data)
    if kind is None:
        raise wrong(field, "is no picture of a known type", _KINDS)
    return Image(data, kind)


def from_url(url: str, field: str) -> Image:
    """Raises InvalidField for other schemes than data, http and https."""
    if url[:5].lower() == "data:":
        head = _HEAD.match(url)
        if head is None or not head[2].lower().endswith(";base64"):
            raise wrong(field, "is no data URL of base64", "Send data:image/png;base64,….")
        return from_base64(url[head.end() :], field)
    if not url.lower().startswith(_SCHEMES):
        raise InvalidField(
            f"{field} is neither a data URL nor an address of the web.",
            hint="Send data:image/png;base64,… or https://….",
            field=field,
        )
    if len(url) > _LONGEST_ADDRESS:
        raise wrong(field, f"is an address of more than {_LONGEST_ADDRESS} letters", "Send the picture itself as a data URL.")
    return Image(url=url)
