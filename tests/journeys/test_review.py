"""What a reviewer sees: the page as a picture, and on it a box around each value that holds this value and nothing else."""

import io
import json

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps
from rapidfuzz.fuzz import ratio
from reportlab.pdfgen.canvas import Canvas

from documents.parsers import ocr
from documents.values import alphanumerics
from tests.journeys.test_documents import ask

INK = 128
WORDS = {
    "Emitente": (60, 500),
    "48.291.735/0001-48": (300, 500),
    "pagador": (60, 320),
    "R$1.234,56": (330, 200),
    "Vencimento": (480, 90),
}


def page_of(client, job_id: str, number: int) -> Image.Image:
    reply = client.get(f"/response/{job_id}/pages/{number}.png")
    assert reply.status_code == 200, reply.text
    return Image.open(io.BytesIO(reply.content)).convert("L")


def read_inside(picture: Image.Image, box, scale: float) -> str:
    """What Tesseract reads of the pixels inside the box, as one line."""
    x0, y0, x1, y1 = (edge * scale for edge in box)
    inside = ImageOps.autocontrast(picture.crop((int(x0) - 1, int(y0) - 1, int(x1) + 2, int(y1) + 2)), cutoff=2)
    inside = ImageOps.expand(inside, 6, fill=255)
    large = inside.resize((inside.width * 3, inside.height * 3), Image.Resampling.LANCZOS)
    return " ".join(word.text for word in ocr.read(large, "por+eng", ocr.BLOCK, 300))


@pytest.mark.parametrize("name", ["nota.pdf", "boleto.pdf", "invoice_en.pdf", "nota_escaneada.pdf", "teste.jpg"])
def test_the_box_of_a_value_holds_the_value(client, name):
    job = ask(client, name).json()
    assert job["status"] == "done", job["error"]
    boxed = {path: entry for path, entry in job["evidence"].items() if entry["box"]}
    assert boxed
    pictures = {number: page_of(client, job["id"], number) for number in {entry["page"] for entry in boxed.values()}}
    for path, entry in boxed.items():
        picture = pictures[entry["page"]]
        width, height = entry["page_size"]
        assert abs(picture.width / width - picture.height / height) < 0.01
        inside = read_inside(picture, entry["box"], picture.width / width)
        value = entry["value"]
        printed = f"{value:.2f}" if isinstance(value, float) else value
        # So small a piece of a photo costs Tesseract a letter now and then.
        assert ratio(alphanumerics(inside), alphanumerics(printed)) >= 85, f"{path}: {value!r}, but in the box is {inside!r}"


def made_pdf(rotation: int) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842))
    canvas.setFont("Helvetica", 14)
    for word, (x, y) in WORDS.items():
        canvas.drawString(x, y, word)
    canvas.setPageRotation(rotation)
    canvas.save()
    return buffer.getvalue()


def made_png() -> bytes:
    picture, font = Image.new("L", (1654, 2339), 255), ImageFont.load_default(40)
    for word, (x, y) in WORDS.items():
        ImageDraw.Draw(picture).text((x * 2.5, 2339 - y * 2.5), word, 0, font)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", dpi=(200, 200))
    return buffer.getvalue()


DOCUMENTS = {f"turned {turn}.pdf": made_pdf(turn) for turn in (0, 90, 180, 270)} | {"scan.png": made_png()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_boxes_of_words_hold_all_ink_of_the_page_and_hug_it(client, name):
    form = {"prompt": "Qual o CNPJ?", "format_response": json.dumps({"cnpj": ""}), "ai_provider": "builtin"}
    job = client.post("/upload?wait=60", data=form, files={"file": (name, DOCUMENTS[name])}).json()
    assert job["status"] == "done", job["error"]
    page = client.get(f"/response/{job['id']}/text?words=1").json()["pages"][0]
    assert {word["text"] for word in page["words"]} == set(WORDS)
    picture = page_of(client, job["id"], 1)
    scale = picture.width / page["width"]
    outside = picture.copy()
    for word in page["words"]:
        x0, y0, x1, y1 = (edge * scale for edge in word["box"])
        box = int(x0) - 1, int(y0) - 1, int(x1) + 2, int(y1) + 2
        left, top, right, bottom = ImageChops.invert(picture.crop(box)).point(lambda level: 255 * (level > INK)).getbbox()
        across, down = box[2] - box[0] - (right - left), box[3] - box[1] - (bottom - top)
        # A box is as high as its font, so it may be higher than the ink; along the line it ends where the letters do.
        assert min(across, down) <= 8 and max(across, down) <= 1.2 * min(x1 - x0, y1 - y0), (word, across, down)
        outside.paste(255, box)
    assert outside.getextrema()[0] > INK, "there is ink outside all boxes"
