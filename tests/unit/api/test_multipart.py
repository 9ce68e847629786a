import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.fields import HEADERS
from api.multipart import read_form
from core.errors import InvalidField, InvalidRequest, MyelinError, TooLarge

KIND = "multipart/form-data; boundary=XX"


class Sink:
    def __init__(self) -> None:
        self.content = b""

    async def write(self, piece: bytes) -> None:
        self.content += piece


async def pieces(body: bytes, size: int = 1000):
    for start in range(0, len(body), size):
        yield body[start : start + size]


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + value + b"\r\n"


END = b"--XX--\r\n"


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_file_and_fields_arrive_whole_however_the_body_is_cut(size):
    sink = Sink()
    content = bytes(range(256)) * 20 + b"\r\n--X not the boundary"
    body = part("prompt", "Qual o número? 🙂".encode()) + part("file", content, "nota fiscal.pdf") + part("model", b"auto") + END
    form = await read_form(KIND, pieces(body, size), sink, HEADERS)
    assert sink.content == content
    assert form.filename == "nota fiscal.pdf"
    assert form.fields == {"prompt": "Qual o número? 🙂", "model": "auto"}


async def test_a_latin_1_field_is_read():
    form = await read_form(KIND, pieces(part("prompt", "número".encode("latin-1")) + END), Sink(), HEADERS)
    assert form.fields["prompt"] == "número"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        (KIND, b""),
        (KIND, b"rubbish"),
        (KIND, part("file", b"x", "a.pdf")),
        (KIND, part("file", b"x", "a.pdf") + part("file", b"y", "b.pdf") + END),
        (KIND, part("prompt", b"x") + part("prompt", b"y") + END),
        (KIND, part("file", b"nota.pdf") + END),
        (KIND, part("document", b"%PDF", "nota.pdf") + END),
        (KIND, part("", b"x") + END),
    ],
)
async def test_what_is_no_whole_form_is_refused(kind, body):
    with pytest.raises(InvalidRequest):
        await read_form(kind, pieces(body), Sink(), HEADERS)


async def test_a_form_has_a_limited_number_of_parts():
    with pytest.raises(InvalidRequest, match="more than 30 parts"):
        await read_form(KIND, pieces(b"".join(part(f"p{n}", b"x") for n in range(40)) + END, 100_000), Sink(), HEADERS)


@pytest.mark.parametrize(
    ("sent", "error", "field", "said"),
    [
        (part("document", b"%PDF", "nota.pdf"), InvalidRequest, "file", ["'document'", "expected in `file`", "-F file=@"]),
        (part("file", b"nota.pdf"), InvalidRequest, "file", ["holds a text", "the @"]),
        (part("priorty", b"urgent"), InvalidField, "priorty", ["'priorty'", "Known are: file, prompt, format_response"]),
        (part("Format-Response", b"{}"), InvalidField, "Format-Response", ["Write it format_response."]),
        (part("AI-Provider", b"x"), InvalidField, "AI-Provider", ["Write it ai_provider."]),
    ],
)
async def test_a_wrong_field_is_named_with_the_one_that_is_expected(sent, error, field, said):
    with pytest.raises(error) as raised:
        await read_form(KIND, pieces(sent + END), Sink(), HEADERS)
    assert type(raised.value) is error and raised.value.field == field
    assert all(words in f"{raised.value.detail} {raised.value.hint}" for words in said)


async def test_a_known_field_may_come_from_a_file():
    form = await read_form(KIND, pieces(part("prompt", b"Qual?", "pergunta.txt") + END), Sink(), HEADERS)
    assert form.fields == {"prompt": "Qual?"} and form.filename is None


async def test_a_field_has_a_limit_and_the_file_has_none_here():
    with pytest.raises(TooLarge):
        await read_form(KIND, pieces(part("prompt", b"x" * 70_000) + END), Sink(), HEADERS)
    sink = Sink()
    await read_form(KIND, pieces(part("file", b"x" * 300_000, "a") + END, 65_536), sink, HEADERS)
    assert len(sink.content) == 300_000


@given(st.binary(max_size=400))
async def test_no_body_raises_anything_else(body):
    with contextlib.suppress(MyelinError):
        await read_form(KIND, pieces(b"--XX\r\n" + body, 50), Sink(), HEADERS)
