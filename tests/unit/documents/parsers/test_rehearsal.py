from pathlib import Path

import pytest

from documents.parsed import Page
from documents.parsers import rehearsal
from documents.parsers.base import Context
from documents.parsers.pdf import PdfParser


def test_a_whole_page_is_read_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    parse = PdfParser.parse
    monkeypatch.setattr(PdfParser, "parse", lambda *given: [read.append(part) or part for part in parse(*given)])
    rehearsal.warm(Context(), str(tmp_path))
    (page,) = (part for part in read if isinstance(part, Page))
    assert page.source == "native" and {"Valor", "1.234,56", "10/03/2026"} <= set(page.text.split())
    assert list(tmp_path.iterdir()) == []
