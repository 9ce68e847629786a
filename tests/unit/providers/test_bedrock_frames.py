"""AWS's frames: whatever the pieces, the same frames; whatever is wrong, an error. botocore is the referee."""

from struct import pack
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidAnswer, ProviderError
from providers.bedrock_frames import Frame, Frames
from tests.fakes.bedrock_frames import event, frame

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
FRAMES = st.lists(st.tuples(st.dictionaries(NAMES, st.text(max_size=40), max_size=4), st.binary(max_size=200)), max_size=5)
#: A header of each type: true, false, 1, 2, 4 and 8 bytes, bytes, a moment and a UUID; then a text.
EVERY_TYPE = (
    b"\x01a\x00\x01b\x01\x01c\x02\x05\x01d\x03\x00\x05\x01e\x04\x00\x00\x00\x05\x01f\x05" + bytes(8)
    + b"\x01g\x06\x00\x02xy\x01h\x08" + bytes(8) + b"\x01i\x09" + bytes(16) + b"\x01j\x07\x00\x02ok"
)  # fmt: skip


def with_headers(headers: bytes, payload: bytes = b"{}") -> bytes:
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + pack(">I", crc32(prelude)) + headers + payload
    return whole + pack(">I", crc32(whole))


@given(FRAMES, st.integers(1, 50))
def test_pieces_of_any_size_give_the_frames_that_botocore_reads(told: list[tuple[dict[str, str], bytes]], size: int) -> None:
    whole = b"".join(frame(headers, payload) for headers, payload in told)
    frames = Frames()
    found = [one for start in range(0, len(whole), size) for one in frames.add(whole[start : start + size])]
    assert found == [Frame(headers, payload) for headers, payload in told]
    theirs = EventStreamBuffer()
    theirs.add_data(whole)
    assert [(one.headers, one.payload) for one in theirs] == told


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_byte_that_changed_is_noticed(place: int, change: int) -> None:
    whole = bytearray(event("contentBlockDelta", {"delta": {"text": "Noon."}, "contentBlockIndex": 0}))
    whole[place % len(whole)] ^= change
    with pytest.raises(ProviderError):
        Frames().add(bytes(whole))


def test_headers_of_every_type_are_passed_over() -> None:
    assert Frames().add(with_headers(EVERY_TYPE)) == [Frame({"j": "ok"}, b"{}")]


@pytest.mark.parametrize(
    "headers",
    [b"\x01", b"\x05ab", b"\x01a\x0b", b"\x01a\x07\xff\xff", b"\x01a\x07\x00\x01\xff", b"\x01\xff\x07\x00\x00", b"\x01a\x05\x00"],
)
def test_headers_that_are_none(headers: bytes) -> None:
    with pytest.raises(ProviderError, match="not its protocol"):
        Frames().add(with_headers(headers))


def test_a_frame_that_is_too_large_is_refused_before_it_is_there() -> None:
    with pytest.raises(InvalidAnswer):
        Frames().add(with_headers(b"", bytes(17 << 20))[:12])


def test_lengths_that_cannot_be() -> None:
    prelude = pack(">II", 16, 8)
    with pytest.raises(ProviderError):
        Frames().add(prelude + pack(">I", crc32(prelude)) + bytes(4))
