import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from documents.parsers import secondreader


class Failed(Exception):
    """What onnxruntime raises when memory runs out."""


class FakeRapid:
    """RapidOCR as far as it is used: `params` as given, one result for each picture."""

    result = SimpleNamespace(txts=None, word_results=(("", 1.0, None),))

    def __init__(self, params: dict[str, object]):
        self.params = params

    def __call__(self, array: object, *, return_word_box: bool) -> SimpleNamespace:
        assert return_word_box
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def rapid(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeRapid]]:
    """The optional packages, faked; the engine is forgotten afterwards."""
    state = "onnxruntime.capi.onnxruntime_pybind11_state"
    modules = {
        "cv2": {"setNumThreads": lambda count: None, "error": Failed}, "numpy": {"asarray": lambda image: image},
        "rapidocr": {"RapidOCR": FakeRapid}, "onnxruntime": {}, "onnxruntime.capi": {},
        state: {"Fail": Failed, "RuntimeException": Failed},
    }  # fmt: skip
    for name, members in modules.items():
        made = ModuleType(name)
        made.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, made)
    secondreader._engine.cache_clear()
    yield FakeRapid
    secondreader._engine.cache_clear()


def test_it_is_there_only_when_it_was_warmed(rapid: type[FakeRapid]) -> None:
    assert secondreader.loaded() is None
    assert secondreader.warm() and secondreader.loaded() is secondreader.loaded() is not None


def test_where_it_is_not_installed_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    secondreader._engine.cache_clear()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    assert secondreader.warm() is False and secondreader.loaded() is None


def test_it_runs_in_one_thread(rapid: type[FakeRapid]) -> None:
    threads = [value for name, value in secondreader.Second()._read.params.items() if name.endswith("num_threads")]
    assert threads == [1, 1]


def test_words_come_with_boxes_lines_and_confidence(rapid: type[FakeRapid], monkeypatch: pytest.MonkeyPatch) -> None:
    box = [[10, 20], [60, 22], [60, 40], [10, 38]]
    lines = ((("Total", 0.987654, box), (" ", 0.9, box)), (("9,90\u200b", 1.0, box),))
    monkeypatch.setattr(rapid, "result", SimpleNamespace(txts=("Total", "9,90"), word_results=lines))
    words = secondreader.Second().read(Image.new("L", (100, 50), 255))
    assert [(word.text, word.line, word.confidence) for word in words] == [("Total", 0, 0.988), ("9,90", 1, 1.0)]
    assert words[0][1:5] == (10, 20, 60, 40)


@pytest.mark.parametrize("result", [FakeRapid.result, Failed("out of memory"), MemoryError()])
def test_a_blank_page_or_too_little_memory_gives_no_words(rapid, monkeypatch: pytest.MonkeyPatch, result: object) -> None:
    monkeypatch.setattr(rapid, "result", result)
    assert secondreader.Second().read(Image.new("L", (100, 50), 255)) == []
