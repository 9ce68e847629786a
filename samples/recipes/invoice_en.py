"""`invoice_en.pdf`: an English invoice with IBAN, two dates and VAT."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from reportlab.lib.colors import HexColor

from samples.recipes.form import BOLD, Sheet
from samples.recipes.numbers import iban

NUMBER, ISSUED = "INV-2026-0318", date(2026, 3, 5)
DUE = ISSUED + timedelta(days=30)
IBAN = iban("DE", "999100000417120001")
ITEMS = [
    ("Bench microscope, model BX-9", 2, Decimal("640.00")),
    ("Glass slides, box of 100", 15, Decimal("8.40")),
    ("Calibration on site, per hour", 6, Decimal("95.00")),
    ("Replacement lamp, 20 W LED", 4, Decimal("32.75")),
    ("Carriage and packing", 1, Decimal("48.00")),
]
NET = sum((count * price for _, count, price in ITEMS), Decimal(0))
VAT = (NET * Decimal("0.19")).quantize(Decimal("0.01"))
TOTAL = NET + VAT


def make(folder: Path) -> dict[str, Any]:
    sheet = Sheet(folder / "invoice_en.pdf", f"Invoice {NUMBER}")
    _letterhead(sheet)
    _facts(sheet)
    bottom = _table(sheet, 108)
    _payment(sheet, bottom)
    sheet.save()
    return {
        "file": "invoice_en.pdf",
        "prompt": "What are the invoice number, the invoice date, the due date, the IBAN and the total due?",
        "format_response": {"invoice_number": "", "invoice_date": "", "due_date": "", "iban": "", "total_due": 0},
        "answer": {
            "invoice_number": NUMBER,
            "invoice_date": _day(ISSUED),
            "due_date": _day(DUE),
            "iban": IBAN,
            "total_due": float(TOTAL),
        },
    }


def _day(day: date) -> str:
    """`5 March 2026`, whatever the machine's language."""
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{day.day} {months[day.month - 1]} {day.year}"


def _letterhead(sheet: Sheet) -> None:
    sheet.canvas.setFillColor(HexColor("#1f4e79"))
    sheet.text(20, 26, "Lindenhain Fictional Instruments GmbH", 15, BOLD)
    sheet.canvas.setFillColor(HexColor("#000000"))
    sheet.text(20, 32, "Beispielweg 14, 10999 Berlin, Germany", 8.5)
    sheet.text(20, 36.5, "accounts@lindenhain.example   |   VAT ID DE999999999", 8.5)
    sheet.line(20, 40, 190, 40, width=1)
    sheet.text(190, 54, "INVOICE", 22, BOLD, "right")


def _facts(sheet: Sheet) -> None:
    sheet.text(20, 54, "Bill to", 8.5, BOLD)
    for offset, line in enumerate(
        ("Northmoor Sample Laboratory Ltd", "7 Placeholder Lane", "Sampleton SA1 9ZZ", "United Kingdom")
    ):
        sheet.text(20, 59.5 + offset * 5, line, 9.5)
    facts = (
        ("Invoice number:", NUMBER),
        ("Invoice date:", _day(ISSUED)),
        ("Due date:", _day(DUE)),
        ("Your order:", "PO 77-1204"),
    )
    for offset, (label, value) in enumerate(facts):
        sheet.text(125, 66 + offset * 6, label, 9.5, BOLD)
        sheet.text(190, 66 + offset * 6, value, 9.5, align="right")


def _table(sheet: Sheet, y: float) -> float:
    sheet.canvas.setFillColor(HexColor("#e8eef4"))
    sheet.canvas.rect(20 * 72 / 25.4, (sheet.height - y - 8) * 72 / 25.4, 170 * 72 / 25.4, 8 * 72 / 25.4, stroke=0, fill=1)
    sheet.canvas.setFillColor(HexColor("#000000"))
    columns = (
        (22, "Description", "left"),
        (120, "Qty", "right"),
        (152, "Unit price (EUR)", "right"),
        (188, "Amount (EUR)", "right"),
    )
    for x, title, align in columns:
        sheet.text(x, y + 5.4, title, 9, BOLD, align)
    for name, count, price in ITEMS:
        y += 8
        for (x, _, align), value in zip(columns, (name, str(count), f"{price:,.2f}", f"{count * price:,.2f}"), strict=True):
            sheet.text(x, y + 6, value, 9.5, align=align)
        sheet.line(20, y + 8.5, 190, y + 8.5, width=0.25)
    return y + 8


def _payment(sheet: Sheet, y: float) -> None:
    for offset, (label, value, font) in enumerate(
        (
            ("Net amount", f"EUR {NET:,.2f}", "Helvetica"),
            ("VAT 19%", f"EUR {VAT:,.2f}", "Helvetica"),
            ("Total due", f"EUR {TOTAL:,.2f}", BOLD),
        )
    ):
        sheet.text(122, y + 10 + offset * 7, label, 10, font)
        sheet.text(188, y + 10 + offset * 7, value, 10, font, "right")
    sheet.line(122, y + 19.5, 190, y + 19.5, width=0.8)
    for offset, line in enumerate((
        "Payment within 30 days without deduction to:", "Bank: Musterbank Berlin", f"IBAN: {IBAN}", "BIC: MUSTDEXXXXX",
        f"Reference: {NUMBER}", "Companies, people and numbers in this document are invented.",
    )):  # fmt: skip
        sheet.text(20, y + 42 + offset * 5.5, line, 9.5)
