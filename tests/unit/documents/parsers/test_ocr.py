import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from documents.parsers import ocr, transcription
from documents.parsers.merging import confidence
from documents.parsers.pictures import flatten, grey, has_ink, skew, turned
from tests.unit.documents.parsers.making import SENTENCES, picture

LANGUAGES = "por+eng"


@pytest.fixture(params=["library", "program"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ocr.Engine]:
    """Both ways to Tesseract; the second as on a machine without tesserocr."""
    ocr.engine.cache_clear()
    if request.param == "program":
        monkeypatch.setattr(ocr, "tesserocr", None)
    yield ocr.engine(LANGUAGES)
    ocr.engine.cache_clear()


def test_both_engines_read_words_with_boxes_and_confidence(engine: ocr.Engine) -> None:
    assert type(engine).__name__ == ("Library" if ocr.tesserocr else "Program")
    words = ocr.read(picture(), LANGUAGES, ocr.AUTO, 200)
    texts = [word.text for word in words]
    assert {"Padaria", "São", "João", "12.345.678/0001-95", "1.234,56", "preferência"} <= set(texts)
    total = words[texts.index("1.234,56")]
    assert abs((total.y0 + total.y1) / 2 - (50 + 4 * 64 + 20)) < 12
    assert 0.8 < total.confidence <= 1 and confidence(words) > 0.8
    assert len({word.line for word in words}) == len(SENTENCES)


def test_both_engines_know_which_way_is_up(engine: ocr.Engine) -> None:
    image = picture(SENTENCES * 3, size=(1100, 1300)).rotate(-90, expand=True)
    assert engine.orientation(image, 200)[0] == 90
    assert engine.orientation(Image.new("L", (600, 600), 255), 200)[0] == 0


def test_a_blank_picture_has_no_words(engine: ocr.Engine) -> None:
    assert ocr.read(Image.new("L", (500, 300), 255), LANGUAGES, ocr.AUTO, 200) == []


def test_the_program_gets_one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "tesseract"
    program.write_text(
        '#!/bin/sh\nprintf "5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t90\\tthreads=$OMP_THREAD_LIMIT\\n" > "$2.tsv"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(ocr.pytesseract.pytesseract, "tesseract_cmd", str(program))
    version = ocr.pytesseract.pytesseract.Version("5.3.0")
    monkeypatch.setattr(ocr.pytesseract.pytesseract, "get_tesseract_version", lambda **_: version)
    (word,) = ocr.Program("/nowhere", "por").read(picture(), ocr.AUTO, 200)
    assert word.text == "threads=1"


def test_a_machine_without_the_program_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr.pytesseract.pytesseract, "tesseract_cmd", "/nowhere/tesseract")
    with pytest.raises(ocr.OcrUnavailable) as raised:
        ocr.Program("/nowhere", "por").read(picture(), ocr.AUTO, 200)
    assert "apt-get install" in raised.value.hint


def test_only_the_languages_that_are_there_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder, names in (("few", ["eng"]), ("more", ["eng", "por", "osd"])):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.traineddata").touch()
    monkeypatch.setattr(ocr, "TESSDATA", (str(tmp_path / "few"), str(tmp_path / "more")))
    assert ocr.usable_languages("por+eng+fra") == (str(tmp_path / "more"), "por+eng")
    with pytest.raises(ocr.OcrUnavailable):
        ocr.usable_languages("../../etc/passwd")
    monkeypatch.setattr(ocr, "TESSDATA", (str(tmp_path),))
    assert ocr.warm("tlh") is False


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork, when other tests left threads behind
def test_an_engine_that_was_warmed_before_a_fork_reads_after_it() -> None:
    assert ocr.warm(LANGUAGES)
    outcomes = []
    for _ in range(3):  # one after the other, all from the same warmed parent
        child = os.fork()
        if child == 0:
            words = {word.text for word in ocr.read(picture(), LANGUAGES, ocr.AUTO, 200)}
            os._exit(0 if "12.345.678/0001-95" in words else 1)
        outcomes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert outcomes == [0, 0, 0]


def test_tsv_is_understood_line_by_line() -> None:
    rows = [
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
        "5\t1\t1\t1\t1\t1\t10\t20\t30\t12\t96.5\tTotal:", "5\t1\t1\t1\t1\t2\t50\t20\t30\t12\t-1\t9,90",
        "5\t1\t2\t1\t1\t1\t0\t50\t600\t3\t95\t ", "5\t1\t3\t1\t1\t1\t10\t70\t30\t12\t150\tf\u0000im\u200b",
        "4\t1\t3\t1\t1\t0\t10\t70\t30\t12\t-1\t",
    ]  # fmt: skip
    words = ocr.parse_tsv("\n".join(rows))
    told = [(word.text, word.line, word.confidence) for word in words]
    assert told == [("Total:", 1, 0.965), ("9,90", 1, 0.0), ("fim", 2, 1.0)]
    assert words[0][1:5] == (10, 20, 40, 32)


@pytest.mark.parametrize("angle", [-5, -2.25, -0.75, 0, 0.75, 3.25, 5.5])
def test_skew_is_measured_to_a_quarter_degree(angle: float) -> None:
    slanted = picture(SENTENCES * 2, size=(1300, 1000)).rotate(-angle, Image.Resampling.BICUBIC, fillcolor=255)
    assert skew(slanted) == pytest.approx(angle, abs=0.25)


@pytest.mark.parametrize("turn", [90, 180, 270, 3])
def test_boxes_find_their_way_back_from_a_turned_picture(turn: int) -> None:
    image = Image.new("L", (300, 200), 255)
    image.paste(0, (40, 60, 80, 72))
    result, back = turned(image, turn)
    ink = result.point(lambda value: 255 - value).getbbox()
    assert back(ink) == pytest.approx((40, 60, 80, 72), abs=4)


def test_clean_paper_is_left_alone_and_shadows_are_lifted() -> None:
    clean = picture()
    assert flatten(clean) is clean
    shadow = Image.linear_gradient("L").resize(clean.size).point(lambda value: 80 + value // 2)
    lifted = flatten(Image.composite(shadow, Image.new("L", clean.size, 20), clean))
    assert lifted.getpixel((20, 10)) > 235 and lifted.getpixel((20, 500)) > 235


def test_ink_and_blank_paper() -> None:
    assert has_ink(picture(("x",))) and not has_ink(Image.new("L", (800, 600), 240))


def test_small_print_is_read_from_a_larger_picture() -> None:
    asked: list[int] = []

    def render(dpi: int) -> Image.Image:
        asked.append(dpi)
        large = picture(SENTENCES * 4, size=(2200, 1800), height=28)
        return large.resize((large.width * dpi // 600, large.height * dpi // 600), Image.Resampling.LANCZOS)

    words = transcription.transcribe(render, 2200 * 72 / 600, LANGUAGES)
    assert asked[-1] == transcription.FINE_DPI
    assert sum(word.text == "12.345.678/0001-95" for word in words) == 4
    assert max(word.x1 for word in words) < 2200 * 72 / 600


def test_grey_puts_transparency_on_white() -> None:
    assert grey(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).getpixel((0, 0)) == 255
    assert grey(Image.new("I;16", (2, 2), 65535)).size == (2, 2)
