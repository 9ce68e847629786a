from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DocumentTooComplex, EmptyDocument
from documents.extraction import extract, language, ranges, text_source
from documents.parsed import Notice, Page, ParsedDocument, Total
from documents.sandbox.client import Kind

PATH = Path("/data/blob")
PT = "O contrato de locação é firmado entre as partes, que não são obrigadas à renovação. O valor da multa é de um mês, pela data do contrato."
EN = (
    "This agreement is made between the parties and shall be renewed for another year, which is the longest that we have for you."
)
ES = "El contrato es firmado entre las partes, y los pagos son hasta el mes según la fecha; una multa por cada día es lo que está en la ley."


class FakeSandbox:
    """Yields what it was given; an exception among it is raised."""

    def __init__(self, *items: object):
        self.items = items
        self.asked: list[tuple[Path, str]] = []
        self.closed = False

    async def parse(self, path: Path, filename: str) -> AsyncIterator[object]:
        self.asked.append((path, filename))
        try:
            for item in self.items:
                if isinstance(item, Exception):
                    raise item
                yield item.sealed() if isinstance(item, Page) else item
        finally:
            self.closed = True


async def run(*items: object, seen: list[tuple[int, int]] | None = None) -> ParsedDocument:
    progress = [] if seen is None else seen
    return await extract(
        FakeSandbox(Kind("application/pdf"), *items), PATH, "nota.pdf", lambda done, total: progress.append((done, total))
    )


async def test_a_document_is_collected_and_its_pages_are_counted_as_they_come() -> None:
    sandbox = FakeSandbox(
        Kind("application/pdf"), Total(2), Page(1, PT), Notice("rotated", "Page 1 was turned.", 1), Page(2, "fim", source="ocr")
    )
    seen: list[tuple[int, int]] = []
    document = await extract(sandbox, PATH, "nota.pdf", lambda done, total: seen.append((done, total)))
    assert sandbox.asked == [(PATH, "nota.pdf")]
    assert document == ParsedDocument(
        "application/pdf",
        (Page(1, PT).sealed(), Page(2, "fim", source="ocr").sealed()),
        2,
        (Notice("rotated", "Page 1 was turned.", 1),),
        "pt",
        "mixed",
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]


async def test_pages_that_failed_are_counted_and_named() -> None:
    seen: list[tuple[int, int]] = []
    document = await run(
        Total(3), Page(1, "one"), Notice("page_unreadable", "Page 2 could not be read.", 2), Page(3, "three"), seen=seen
    )
    assert document.page_total == 3 and [page.number for page in document.pages] == [1, 3]
    assert document.notices == (Notice("page_unreadable", "Page 2 could not be read.", 2),)
    assert seen[-1] == (3, 3)


async def test_pages_that_are_missing_without_a_word_are_named_too() -> None:
    document = await run(Total(7), Page(1, "one"), Notice("page_unreadable", "Page 2 could not be read.", 2), Page(4, "four"))
    assert document.notices[-1] == Notice("pages_unread", "Not read: pages 3, 5-7.")
    assert (await run(Total(2), Page(1, "one"))).notices == (Notice("pages_unread", "Not read: page 2."),)


async def test_a_document_without_a_total_has_as_many_pages_as_came() -> None:
    seen: list[tuple[int, int]] = []
    assert (await run(Page(1, "one"), Page(2, "two"), seen=seen)).page_total == 2
    assert seen == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ((), "It has no text"),
        ((Total(1), Page(1, " \n")), "Its page has no text"),
        ((Total(2), Page(1, ""), Notice("page_unreadable", "Page 2 could not be read.", 2)), "None of its 2 pages has any text"),
    ],
)
async def test_a_document_without_text_is_an_error_with_the_cure(items: Sequence[object], words: str) -> None:
    with pytest.raises(EmptyDocument, match=words) as raised:
        await run(*items)
    assert "200 dpi" in raised.value.hint and "right way up" in raised.value.hint


async def test_errors_of_the_sandbox_pass_and_it_is_closed() -> None:
    sandbox = FakeSandbox(Kind("application/pdf"), Page(1, "one"), DocumentTooComplex("Too slow."))
    with pytest.raises(DocumentTooComplex):
        await extract(sandbox, PATH, "nota.pdf", lambda done, total: None)
    assert sandbox.closed


async def test_a_progress_that_fails_closes_the_sandbox() -> None:
    sandbox = FakeSandbox(Kind("application/pdf"), Total(1), Page(1, "one"))

    def fail(done: int, total: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await extract(sandbox, PATH, "nota.pdf", fail)
    assert sandbox.closed


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (PT, "pt"),
        (EN, "en"),
        (ES, "es"),
        (PT.upper(), "pt"),
        ("", None),
        ("123 456,78 ###", None),
        ("Total 12", None),
        ("Lorem ipsum dolor sit amet", None),
    ],
)
def test_the_language_is_told_by_its_stop_words(text: str, name: str | None) -> None:
    assert language([Page(1, text)]) == name


@pytest.mark.parametrize(
    "text, name",
    [
        ("Facture du 2 juillet. Merci de payer le montant avec votre numéro de client dans les 30 jours.", "fr"),
        ("Rechnung vom 2. Juli. Bitte überweisen Sie den Betrag mit Ihrer Nummer auf das Konto.", "de"),
        ("Factuur van 2 juli. Wij verzoeken u het bedrag binnen 30 dagen over te maken op onze rekening.", "nl"),
        ("Fattura del 2 luglio. Si prega di pagare l'importo con il numero indicato nella causale.", "it"),
        ("de la de la de la", None),
    ],
)
def test_invoices_of_the_neighbours_are_not_called_english(text: str, name: str | None) -> None:
    assert language([Page(1, text)]) == name


def test_the_language_of_a_long_document_is_that_of_its_beginning() -> None:
    assert language([Page(1, (PT + " ") * 200), Page(2, (EN + " ") * 10_000)]) == "pt"


@pytest.mark.parametrize(
    ("pages", "source"),
    [
        ([Page(1, "a"), Page(2, "b")], "native"),
        ([Page(1, "a", source="ocr")], "ocr"),
        ([Page(1, "a"), Page(2, "b", source="ocr")], "mixed"),
        ([Page(1, "a"), Page(2, " ", source="ocr")], "native"),
        ([], "native"),
    ],
)
def test_the_source_of_the_text_is_that_of_pages_with_text(pages: list[Page], source: str) -> None:
    assert text_source(pages) == source


@given(st.sets(st.integers(1, 60), min_size=1, max_size=30))
def test_ranges_name_every_number(numbers: set[int]) -> None:
    named: set[int] = set()
    for part in ranges(sorted(numbers)).split(", "):
        first, _, last = part.partition("-")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == numbers


def test_many_ranges_are_cut() -> None:
    assert ranges(range(1, 101, 2)).endswith(", 39 and 30 more")
