from pathlib import Path

from tests.unit.documents.parsers.making import canvas, read, word
from tests.unit.documents.parsers.pdfmaking import one_page, stream


def test_ticks_tell_their_state_and_empty_fields_say_nothing(tmp_path: Path) -> None:
    page = canvas(tmp_path / "a.pdf")
    page.drawString(72, 760, "Formulario")
    form = page.acroForm
    form.checkbox(name="aceite", tooltip="Aceite", checked=True, x=200, y=700)
    form.checkbox(name="oferta", tooltip="Oferta", checked=False, x=200, y=660)
    form.textfield(name="vazio", tooltip="Vazio", value="", x=200, y=440, width=80, height=20)
    page.save()
    assert read(tmp_path / "a.pdf")[0][0].text == "Formulario\n[x] Aceite\n[ ] Oferta"


def test_a_radio_button_tells_its_choice(tmp_path: Path) -> None:
    look = stream(b"", b"/Type/XObject/Subtype/Form/BBox[0 0 10 10]")
    button = b"<</Type/Annot/Subtype/Widget/Parent 7 0 R/Rect[%d 100 %d 110]/P 3 0 R/AS/%s/AP<</N<</%s 10 0 R/Off 10 0 R>>>>>>"
    path = one_page(
        tmp_path / "a.pdf", b"", b"null", b"<</FT/Btn/Ff 49152/T(uf)/TU(Estado)/V/SP/Kids[8 0 R 9 0 R]>>",
        button % (20, 30, b"SP", b"SP"), button % (60, 70, b"Off", b"RJ"), look,
        catalogue=b"/AcroForm<</Fields[7 0 R]>>", page=b"/Annots[8 0 R 9 0 R]",
    )  # fmt: skip
    assert read(path)[0][0].text.split("\n") == ["[x] Estado: SP", "[ ] Estado: RJ"]


def test_all_chosen_options_of_a_list_are_told(tmp_path: Path) -> None:
    combo = b"<</Type/Annot/Subtype/Widget/FT/Ch/Ff 131072/T(cor)/Opt[(azul)(verde)]/V(verde)/Rect[20 40 99 60]/DA(/Helv 9 Tf)>>"
    field = (
        b"<</Type/Annot/Subtype/Widget/FT/Ch/Ff 2097152/T(meses)/Opt[(maio)(junho)(julho)]/V[(maio)(julho)]/I[0 2]"
        b"/Rect[20 100 120 140]/P 3 0 R/DA(/Helv 12 Tf)>>"
    )
    path = one_page(
        tmp_path / "a.pdf",
        b"",
        b"null",
        field,
        combo,
        catalogue=b"/AcroForm<</Fields[7 0 R 8 0 R]>>",
        page=b"/Annots[7 0 R 8 0 R]",
    )
    assert read(path)[0][0].text == "meses: maio, julho\ncor: verde"


def test_notes_and_stamps_are_read_where_they_stand(tmp_path: Path) -> None:
    stamp = stream(
        b"BT /F1 12 Tf 5 5 Td (PAGO em maio) Tj ET",
        b"/Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F1 5 0 R>>>>",
    )
    path = one_page(
        tmp_path / "a.pdf", b"BT /F1 12 Tf 20 170 Td (Total 9,90) Tj ET", b"null", stamp,
        b"<</Type/Annot/Subtype/Stamp/Rect[20 100 120 120]/AP<</N 7 0 R>>>>",
        b"<</Type/Annot/Subtype/StrikeOut/Rect[20 60 120 80]/Contents(valor errado)>>",
        b"<</Type/Annot/Subtype/Text/Rect[20 20 40 40]/Contents(ver anexo)>>",
        b"<</Type/Annot/Subtype/Link/Rect[20 20 40 40]/Contents(link)>>",
        page=b"/Annots[8 0 R 9 0 R 10 0 R 11 0 R]",
    )  # fmt: skip
    page = read(path)[0][0]
    assert page.text == "Total 9,90\nvalor errado\nver anexo\nPAGO em maio"
    stamp_word = word(page, "PAGO")
    assert stamp_word.x0 >= 20 and 80 <= stamp_word.y0 < stamp_word.y1 <= 101
    assert word(page, "errado")[2:6] == (20, 120, 120, 140)


def test_a_field_or_note_that_is_not_shown_is_hidden_text(tmp_path: Path) -> None:
    path = one_page(
        tmp_path / "a.pdf", b"BT /F1 12 Tf 20 170 Td (Total 9,90) Tj ET", b"null",
        b"<</Type/Annot/Subtype/FreeText/F 2/Rect[20 60 120 80]/Contents(answer one)>>",
        b"<</Type/Annot/Subtype/Widget/FT/Tx/F 32/T(a)/V(answer two)/Rect[20 30 120 50]/DA(/Helv 12 Tf)>>",
        b"<</Type/Annot/Subtype/FreeText/Rect[920 60 990 80]/Contents(answer)>>",
        catalogue=b"/AcroForm<</Fields[8 0 R]>>", page=b"/Annots[7 0 R 8 0 R 9 0 R]",
    )  # fmt: skip
    pages, notices, _ = read(path)
    assert pages[0].text == "Total 9,90"
    told = "26 hidden characters were left out of the text: 26 in fields and notes that are not shown."
    assert [notice.message for notice in notices] == [told]


def test_a_password_in_a_field_is_not_read(tmp_path: Path) -> None:
    path = one_page(
        tmp_path / "a.pdf", b"BT /F1 12 Tf 20 170 Td (Total 9,90) Tj ET", b"null",
        b"<</Type/Annot/Subtype/Widget/FT/Tx/Ff 8192/T(senha)/V(segredo)/Rect[20 30 120 50]/DA(/Helv 12 Tf)>>",
        catalogue=b"/AcroForm<</Fields[7 0 R]>>", page=b"/Annots[7 0 R]",
    )  # fmt: skip
    assert read(path)[0][0].text == "Total 9,90"
