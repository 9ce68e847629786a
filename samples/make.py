"""Makes the sample documents of this folder and `questions.json`: `python -m samples.make [FOLDER]`.

Everything is fixed (dates, seeds, ids), so that making them again changes nothing. Needs the packages of
requirements-test.txt. `questions.json` is a list of {file, prompt, format_response, answer}: what to ask of each sample,
the skeleton to send, and the true answer in that skeleton, its texts written as the document prints them.
"""

import json
import sys
from pathlib import Path

from samples.recipes import boleto, contrato, invoice_en, nota, office, pictures, plain

RECIPES = [
    nota.make, boleto.make, contrato.make, invoice_en.make, office.make_workbook, office.make_lease, pictures.make_scan,
    pictures.make_photo, plain.make_customers, plain.make_receipt,
]  # fmt: skip


def make(folder: Path) -> list[dict]:
    """Writes every sample into `folder`; returns the questions."""
    folder.mkdir(parents=True, exist_ok=True)
    questions = [recipe(folder) for recipe in RECIPES]
    (folder / "questions.json").write_text(json.dumps(questions, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return questions


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for question in make(target):
        print(f"{question['file']:<22}{(target / question['file']).stat().st_size:>9,} bytes")
