import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.analysis.chunks import Chunk, chunks_of, halves
from documents.analysis.pictures import MAX_PICTURES
from documents.analysis.prompts import Shown, messages
from documents.analysis.tokens import estimated_tokens, tokens_of, weight_of
from documents.parsed import Page
from documents.review import Stretch
from providers.types import TOKENS_PER_IMAGE
from tests.unit.documents.analysis.asking import QUESTION

TEXTS = st.lists(st.text(alphabet="ab 1\né<発", max_size=1500), min_size=1, max_size=6)


def pages_of(texts):
    return [Page(number, text) for number, text in enumerate(texts, 1)]


def seen(chunks, page):
    return {
        position
        for chunk in chunks
        for stretch in chunk.stretches
        if stretch.page == page.number
        for position in range(stretch.start, stretch.end)
    }


@given(TEXTS, st.integers(256, 1200))
def test_every_character_is_in_a_chunk_and_every_chunk_fits(texts, budget):
    pages = pages_of(texts)
    chunks = chunks_of(pages, budget)
    by_number = {page.number: page for page in pages}
    empty = estimated_tokens(messages(QUESTION, Shown(())))
    for page in pages:
        assert seen(chunks, page) == set(range(len(page.text)))
    assert {page for chunk in chunks for page in chunk.pages} == set(by_number)
    for chunk in chunks:
        shown = [stretch.of(by_number[stretch.page]) for stretch in chunk.stretches]
        if not any("<" in page.text for page in shown):
            assert estimated_tokens(messages(QUESTION, Shown(shown))) - empty <= chunk.tokens <= budget


@given(st.lists(st.text(alphabet="ab1é発\n", max_size=40)))
def test_no_text_weighs_more_than_its_parts(parts):
    assert weight_of("".join(parts)) <= sum(map(weight_of, parts)) + 1e-6


def test_small_pages_are_kept_whole_and_neighbours_share_one():
    pages = pages_of(["linha de texto\n" * 15] * 6)
    chunks = chunks_of(pages, 4 * (tokens_of(pages[0].text) + 48))
    assert [chunk.pages for chunk in chunks] == [[1, 2, 3, 4], [4, 5, 6]]
    assert all((stretch.start, stretch.end) == (0, 225) for chunk in chunks for stretch in chunk.stretches)


def test_a_large_page_is_cut_at_lines_and_its_pieces_overlap_by_lines():
    page = Page(1, "".join(f"linha {number:03}\n" for number in range(200)))
    chunks = chunks_of([page], 500)
    stretches = [chunk.stretches[0] for chunk in chunks]
    assert len(stretches) > 2
    assert all(page.text[stretch.start : stretch.end].startswith("linha") for stretch in stretches)
    for one, following in itertools.pairwise(stretches):
        assert following.start < one.end


def test_a_line_that_is_too_long_is_cut_at_a_blank():
    page = Page(1, "palavra " * 1000)
    chunks = chunks_of([page], 400)
    assert all(page.text[: chunk.stretches[0].end].endswith(" ") for chunk in chunks)


def test_a_page_of_tiny_lines_is_cut_in_time():
    chunks = chunks_of([Page(1, "1\n" * 200_000)], 2000)
    assert seen(chunks[-1:], Page(1, "")) and chunks[-1].stretches[-1].end == 400_000


def test_pictures_count_and_are_few_in_a_chunk():
    pages = pages_of(["texto"] * (MAX_PICTURES + 2))
    assert [len(chunk.stretches) for chunk in chunks_of(pages, 1 << 20, range(99))] == [MAX_PICTURES, 2]
    (first, *_) = chunks_of(pages, 3 * TOKENS_PER_IMAGE, {1, 2, 3})
    assert first.pages == [1, 2] and first.tokens > 2 * TOKENS_PER_IMAGE


@pytest.mark.parametrize("pages", [["a" * 700], ["a\n" * 900, "b"], ["a", "b", "c"]])
def test_the_halves_of_a_chunk_are_the_chunk(pages):
    pages = pages_of(pages)
    chunk = Chunk(tuple(Stretch(page.number, 0, len(page.text)) for page in pages), 4000)
    made = halves(chunk, {page.number: page for page in pages})
    assert len(made) > 1 and all(set(one.stretches) != set(chunk.stretches) for one in made)
    for page in pages:
        assert seen(made, page) == set(range(len(page.text)))


def test_the_halves_of_a_piece_stay_in_their_page():
    page = Page(1, "".join(f"linha {number:03}\n" for number in range(200)))
    made = halves(Chunk((Stretch(1, 1000, 2000),), 500), {1: page})
    assert min(one.stretches[0].start for one in made) == 1000 and max(one.stretches[0].end for one in made) == 2000


def test_what_is_small_is_not_divided():
    assert halves(Chunk((Stretch(1, 0, 20),), 30), {1: Page(1, "x" * 20)}) == []
