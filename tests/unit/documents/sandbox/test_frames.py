import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DocumentError, NotFound, ParserCrashed, PasswordRequired, UnsupportedType
from documents.parsed import Notice, Page, SealedPage, Total, Word
from documents.sandbox.frames import HEADER, Failure, FrameError, Kind, Tag, decode, encode, header, pack

TEXT = st.text(max_size=80)
COORDINATE = st.floats(0, 10_000, width=32)
NUMBER = st.integers(1, 10_000_000)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    text = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
    spans = draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted), max_size=5))
    confidence = st.none() | st.floats(0, 1, width=32)
    words = tuple(Word(start, end, *(draw(COORDINATE) for _ in range(4)), draw(confidence)) for start, end in spans)
    label = draw(st.none() | st.just("Sheet 1"))
    return Page(draw(NUMBER), text, draw(COORDINATE), draw(COORDINATE), draw(st.sampled_from(["native", "ocr"])), words, label)


PRINTABLE = st.text(st.characters(categories=["L", "N", "P"]), max_size=60)
ITEMS = (
    pages()
    | st.builds(Notice, PRINTABLE, PRINTABLE, st.none() | NUMBER)
    | st.builds(Total, st.integers(0, 10_000_000))
    | st.builds(Kind, PRINTABLE)
    | st.builds(Failure, PRINTABLE, PRINTABLE, st.none() | st.just("Do this."), st.none() | st.just("KeyError at pdf.py:3"))
)


@given(ITEMS)
def test_what_is_sent_arrives(item: object) -> None:
    frame = encode(item)
    tag, length = header(frame[: HEADER.size], 1 << 20)
    assert length == len(frame) - HEADER.size
    content = decode(tag, frame[HEADER.size :])
    assert (content.open() if isinstance(content, SealedPage) else content) == item


@given(st.sampled_from(Tag), st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False) | TEXT.map(lambda text: text.encode("utf-8", "replace").decode()),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.just("a"), inner), max_leaves=12).map(orjson.dumps))  # fmt: skip
def test_whatever_arrives_is_a_content_or_a_frame_error(tag: Tag, payload: bytes) -> None:
    try:
        content = decode(tag, payload)
    except FrameError:
        return
    assert content is None or isinstance(content, SealedPage | Notice | Total | Kind | Failure | bytes)


def page(**changed: object) -> bytes:
    return orjson.dumps(
        list(
            (
                {"number": 1, "text": "ab", "width": 1, "height": 1, "source": "native", "words": [], "label": None} | changed
            ).values()
        )
    )


@pytest.mark.parametrize(
    "payload",
    [
        page(number=0), page(number=-1), page(number=1e300), page(number="x"), page(number=[1]), page(text=None), page(text=["a"]),
        page(source="telepathy"), page(label=3), page(width="wide"), page(words=[[0, 3, 0, 0, 0, 0, None]]), page(words=[[1, 0, 0, 0, 0, 0, None]]),
        page(words=[["0", "1", 0, 0, 0, 0, None]]), page(words=[[0, 1, "0", 0, 0, 0, None]]), page(words=[[0, 1, 0, 0, 0, [0], None]]),
        page(words=[[0, 1, 0, 0, 0, 0, "sure"]]), page(words=[[0.0, 1, 0, 0, 0, 0, None]]), page(words=[[0, 1]]), page(words=7), page(words=[[True, True, 0, 0, 0, 0, None]]),
        b"[" * 100_000, b"{}", b"", b"null", b"[1,2,3]", b"\x80\x04K\x01.",
    ],
)  # fmt: skip
def test_pages_that_no_reader_makes_are_refused(payload: bytes) -> None:
    with pytest.raises(FrameError):
        decode(Tag.PAGE, payload)


@pytest.mark.parametrize(
    ("tag", "payload"),
    [
        (Tag.TOTAL, b"-1"), (Tag.TOTAL, b"true"), (Tag.TOTAL, b"1.5"), (Tag.TOTAL, b"99999999999"), (Tag.KIND, b"7"), (Tag.NOTICE, b'["a","b",0]'),
        (Tag.NOTICE, b'["a",1,2]'), (Tag.ERROR, b'["a"]'), (Tag.ERROR, b'[1,"a",null,null]'), (Tag.IMAGE, b"GIF89a"), (Tag.END, b"1"), (Tag.CONFINED, b"1"),
    ],
)  # fmt: skip
def test_malformed_contents_are_refused(tag: Tag, payload: bytes) -> None:
    with pytest.raises(FrameError):
        decode(tag, payload)


def test_a_length_above_the_limit_is_refused_before_anything_is_read() -> None:
    assert header(struct.pack("!cI", b"P", 100), 100) == (Tag.PAGE, 100)
    with pytest.raises(FrameError):
        header(struct.pack("!cI", b"P", 101), 100)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(FrameError):
        header(pack(Tag.END).replace(b".", b"X", 1), 100)


def test_messages_lose_control_characters_and_length() -> None:
    failure = decode(Tag.ERROR, orjson.dumps(["code", "a\x1b[31m\nb" + "c" * 5000, None, None]))
    assert failure.detail.startswith("a [31m b") and len(failure.detail) == 600


@pytest.mark.parametrize(
    ("code", "error"),
    [("password_required", PasswordRequired), ("unsupported_type", UnsupportedType), ("not_found", NotFound), ("parser_crashed", ParserCrashed),
     ("internal_error", DocumentError), ("forbidden", DocumentError), ("sandbox_unavailable", DocumentError), ("", DocumentError)],
)  # fmt: skip
def test_a_reader_may_raise_only_errors_of_documents(code: str, error: type[Exception]) -> None:
    raised = Failure(code, "Why.", "Cure.").error()
    assert type(raised) is error and (raised.detail, raised.hint) == ("Why.", "Cure.")


def test_other_things_cannot_be_sent() -> None:
    with pytest.raises(TypeError):
        encode({"page": 1})
