from dataclasses import replace

import pytest

from documents.finder.misreadings import respelled
from documents.finder.printed import LABEL_WORDS
from documents.finder.view import View
from tests.unit.documents.finder.layouts import form


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("codico", "codigo"),
        ("emissoo", "emissao"),
        ("ata", "data"),
        ("nove", "nove"),  # a short word with another letter is another word
        ("fone", "fone"),
        ("xyzzy", "xyzzy"),
        ("12", "12"),
    ],
)
def test_a_letter_away_from_one_label(read: str, meant: str) -> None:
    assert respelled(read) == meant


def test_words_of_labels_stay() -> None:
    assert all(respelled(word) == word for word in LABEL_WORDS)


def test_only_what_was_recognised_is_respelt() -> None:
    page = form((10, 10, "ATA DA EMISSÃO"))
    assert "data" not in View(page).words[1]
    assert "data" in View(replace(page, source="ocr")).words[1]
