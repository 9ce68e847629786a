"""AWS's binary event stream: frames with headers, a payload and two checksums.

Source: docs.aws.amazon.com/transcribe/latest/dg/event-stream.html, smithy.io/2.0/aws/amazon-eventstream.html. A frame is its
length, the length of its headers, the CRC-32 of both (4 bytes each, big-endian), headers, payload, and the CRC-32 of it all.
"""

from dataclasses import dataclass
from struct import unpack_from
from zlib import crc32

from core.errors import InvalidAnswer, ProviderError

_PRELUDE, _CHECKSUM = 12, 4
#: AWS's own limits are 128 KiB of headers and 16 MiB of payload.
_MOST = 16 << 20
#: Bytes of a header's value by its type; of the two that are missing (6 bytes, 7 text) a length comes first.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES, _TEXT = 6, 7


@dataclass(frozen=True, slots=True)
class Frame:
    """`headers` are those that are text: all that Bedrock sends."""

    headers: dict[str, str]
    payload: bytes


class Frames:
    """Cuts frames out of the pieces of a body."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def add(self, data: bytes) -> list[Frame]:
        """The frames that are whole after `data`.

        Raises ProviderError for a wrong checksum or what is no frame, InvalidAnswer for one of more than 16 MiB.
        """
        self._rest += data
        found = []
        while len(self._rest) >= _PRELUDE:
            size, headers, checksum = unpack_from(">III", self._rest)
            if crc32(self._rest[:8]) != checksum or size < _PRELUDE + headers + _CHECKSUM:
                raise _broken()
            if size > _MOST:
                raise InvalidAnswer("AWS Bedrock sent more than an answer can be.")
            if len(self._rest) < size:
                break
            found.append(_frame(bytes(self._rest[:size]), headers))
            del self._rest[:size]
        return found


def _frame(whole: bytes, headers: int) -> Frame:
    (checksum,) = unpack_from(">I", whole, len(whole) - _CHECKSUM)
    if crc32(whole[:-_CHECKSUM]) != checksum:
        raise _broken()
    start = _PRELUDE + headers
    try:
        return Frame(_headers(whole[_PRELUDE:start]), whole[start:-_CHECKSUM])
    except (IndexError, KeyError, ValueError):
        raise _broken() from None


def _headers(data: bytes) -> dict[str, str]:
    """Raises IndexError, KeyError or ValueError for what are no headers."""
    found, at = {}, 0
    while at < len(data):
        name, at = _cut(data, at + 1, data[at])
        kind, at = data[at], at + 1
        if kind in (_BYTES, _TEXT):
            length, at = _cut(data, at, 2)
            value, at = _cut(data, at, int.from_bytes(length))
        else:
            value, at = _cut(data, at, _SIZES[kind])
        if kind == _TEXT:
            found[name.decode()] = value.decode()
    return found


def _cut(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    if start + size > len(data):
        raise IndexError
    return data[start : start + size], start + size


def _broken() -> ProviderError:
    return ProviderError("AWS Bedrock sent something that is not its protocol.", hint="Check BEDROCK_BASE_URL.")
