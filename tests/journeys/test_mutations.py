"""Five hundred damaged files of all formats: each ends with an answer or a reason, and nothing is lost."""

import random
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.journeys.server import ROOT
from tests.unit.documents.parsers import test_epub, test_msg, test_odt, test_ppt, test_pptx, test_rtf, worddoc
from tests.unit.documents.parsers.compound import compound
from tests.unit.documents.parsers.making import SENTENCES, picture, png

TOTAL = 500
OCR_SHARE = 10  # of the mutants of a picture, as each costs half a second
OURS = {"internal_error", "sandbox_unavailable", "worker_died"}
FORM = {"prompt": "Qual o valor total?", "format_response": '{"valor_total": ""}', "ai_provider": "builtin"}
SAMPLES = ("nota.pdf", "contrato.docx", "planilha.xlsx", "clientes.csv", "recibo.txt")
TEXT = "\n".join(SENTENCES)
MAIL = f"From: a@example.com\nTo: b@example.com\nSubject: Nota\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{TEXT}\n"


def made(folder: Path) -> dict[str, bytes]:
    """One real file of each format, by name."""
    files = {name: (ROOT / "samples" / name).read_bytes() for name in SAMPLES}
    files |= {
        "a.png": png(picture(size=(500, 260), height=16)),
        "a.doc": worddoc.word({"text": TEXT}),
        "a.rtf": (test_rtf.HEAD + r"Valor total: 1,50\par fim}").encode("latin-1"),
        "a.ppt": test_ppt.WHOLE,
        "a.html": f"<!doctype html><title>t</title><p>{TEXT}<table><tr><td>a<td>b</table>".encode(),
        "a.eml": MAIL.encode(),
        "a.msg": compound(test_msg.message()),
        "a.epub": test_epub.book(folder / "a.epub").read_bytes(),
        "a.md": f"# Nota\n\n{TEXT}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".encode(),
        "a.json": b'{"nota": {"numero": 7, "itens": [{"valor": 1.5}, {"valor": 2}]}}',
        "a.xml": f"<?xml version='1.0'?><nota><texto>{SENTENCES[3]}</texto><valor>1,50</valor></nota>".encode(),
    }
    return files | _packed(folder)


def _packed(folder: Path) -> dict[str, bytes]:
    odt = test_odt.odf(folder / "a.odt", "text", f"<text:p>{SENTENCES[0]}</text:p>")
    with zipfile.ZipFile(folder / "a.pptx", "w") as archive:
        for name, content in test_pptx.PARTS.items():
            archive.writestr(name, content)
    return {path.name: path.read_bytes() for path in (odt, folder / "a.pptx")}


def mutants(content: bytes, chance: random.Random) -> Callable[[], bytes]:
    def one() -> bytes:
        data = bytearray(content)
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(data) or 1)
            match chance.randrange(5):
                case 0:
                    data[place : place + 1] = bytes([chance.randrange(256)])
                case 1:
                    del data[place : place + chance.randint(1, 400)]
                case 2:
                    data[place:place] = data[place : place + chance.randint(1, 200)] * chance.randint(1, 20)
                case 3:
                    data[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"<!--"))
                case 4:
                    del data[max(place, 16) :]
        return bytes(data)

    return one


def files(folder: Path) -> list[tuple[str, bytes]]:
    chance = random.Random(2026)
    bases = made(folder)
    cheap = [name for name in bases if not name.endswith("png")]
    wanted = [*("a.png",) * OCR_SHARE, *(cheap[number % len(cheap)] for number in range(TOTAL - OCR_SHARE))]
    makers = {name: mutants(content, chance) for name, content in bases.items()}
    return [(name, makers[name]()) for name in wanted]


def test_damaged_files_end_with_an_answer_or_a_reason(server, tmp_path):
    lock, outcomes = threading.Lock(), []

    def send(item: tuple[str, bytes]) -> None:
        name, content = item
        reply = client.post("/upload?wait=120", data=FORM, files={"file": (name, content)}).json()
        if "id" not in reply:
            assert reply["code"] in ("invalid_field", "unsupported_type", "invalid_request", "empty_document"), reply
            return
        job = client.get(f"/response/{reply['id']}?wait=120").json()
        with lock:
            outcomes.append((name, job["status"], (job["error"] or {}).get("code")))

    with server.client() as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(send, files(tmp_path)))
        assert {status for _, status, _ in outcomes} <= {"done", "failed"}
        assert not [outcome for outcome in outcomes if outcome[2] in OURS]
        assert len(outcomes) > TOTAL * 0.8
        assert client.get("/readyz").status_code == 200
