"""A model that can only read labels: fills a JSON Schema from the document in a prompt, or with null.

The fake providers answer with it, so that a document sent through them gets a right answer for the fields that stand beside
a label or have a form of their own (CNPJ, CPF, dates, amounts, e-mail…). It shares no code with the house on purpose.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

_AMOUNT = r"\d{1,3}(?:\.\d{3})+,\d{2}|\d{1,3}(?:,\d{3})+\.\d{2}|\d+[.,]\d{2}"
_DATE = r"\d{2}/\d{2}/\d{4}|\d{4}-\d{2}-\d{2}|\d{1,2} (?:de )?[^\W\d_]{3,9} (?:de )?\d{4}\b|[A-Z][a-z]{2,8} \d{1,2}, \d{4}\b"
_CELLS = re.compile(r" {3,}|\t| \| |;")

# A word of the key, and the form that its value has in a document.
_FORMS = {
    "cnpj": r"[A-Z0-9]{2}\.[A-Z0-9]{3}\.[A-Z0-9]{3}/[A-Z0-9]{4}-\d{2}",
    "cpf": r"\d{3}\.\d{3}\.\d{3}-\d{2}",
    "email": r"[\w.+-]+@[\w-]+\.[\w.-]*\w",
    "cep": r"\d{5}-\d{3}",
    "telefone": r"\(\d{2}\) ?\d{4,5}-\d{4}",
    "phone": r"\+?\d[\d ()-]{8,16}\d",
    "iban": r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?\d{1,3}\b)?",
    "chave": r"(?:[0-9A-Z]{4} ?){10}[0-9A-Z]{4}",
    "linha": r"\d{5}\.\d{5} \d{5}\.\d{6} \d{5}\.\d{6} \d \d{14}",
}
_DATES = ("data", "date", "vencimento", "emissao", "due", "issued")
_AMOUNTS = ("valor", "total", "amount", "preco", "price", "subtotal", "quantia")
# A word of the key, and what documents print for it.
_LABELS = {
    "numero": ("nº", "n°", "numero", "number", "no."),
    "number": ("number", "no.", "nº", "numero"),
    "total": ("valor total da nota", "valor total", "total due", "amount due", "total a pagar", "valor do documento", "total"),
    "amount": ("amount due", "total due", "amount", "total"),
    "valor": ("valor total da nota", "valor do documento", "valor total", "valor"),
    "vencimento": ("vencimento", "due date"),
    "due": ("due date", "vencimento"),
    "emissao": ("data de emissao", "data da emissao", "emissao", "invoice date", "date"),
    "data": ("data de emissao", "data", "date"),
    "date": ("invoice date", "date", "data"),
    "nome": ("nome / razao social", "razao social", "nome", "name"),
    "razao": ("nome / razao social", "razao social", "nome"),
    "fornecedor": ("fornecedor", "emitente", "beneficiario", "razao social"),
    "vendor": ("vendor", "from", "seller", "supplier"),
    "emitente": ("emitente", "razao social"),
    "beneficiario": ("beneficiario",),
    "customer": ("bill to", "customer", "client"),
    "cliente": ("destinatario", "cliente", "pagador", "tomador"),
}


def fold(text: str) -> str:
    """Lower case without accents, of the same length as `text`."""
    return "".join((unicodedata.normalize("NFD", letter)[0].lower() or letter)[0] for letter in text)


def document_of(texts: Sequence[str]) -> str:
    """What stands between the page tags of the messages of a prompt; the last message where there are none."""
    whole = "\n".join(texts)
    start, end = whole.find("<document>"), whole.rfind("</document>")
    if 0 <= start < end:
        return re.sub(r"</?(?:document|page)[^<>]{0,200}>", "", whole[start:end])
    return texts[-1] if texts else ""


def answer(texts: Sequence[str], schema: dict[str, Any] | None) -> str:
    """The reply to the user messages `texts`: JSON of `schema`, or a sentence when no schema was sent."""
    document = document_of(texts)
    if schema is None:
        return f"I read {len(document)} characters."
    return json.dumps(_fill(schema, schema, (), document), ensure_ascii=False)


def _fill(node: dict[str, Any], root: dict[str, Any], path: tuple[str, ...], text: str) -> Any:
    node, nullable = _resolve(node, root)
    kind = node.get("type")
    if kind == "object" or "properties" in node:
        return {key: _fill(child, root, (*path, key), text) for key, child in node.get("properties", {}).items()}
    if kind == "array":
        items, _ = _resolve(node.get("items", {}), root)
        if rows := _rows(items.get("properties", {}), text):
            return [{key: _value(*_resolve(items["properties"][key], root), cell) for key, cell in row.items()} for row in rows]
        item = _fill(items, root, path, text)
        return [item] if _has_value(item) else []
    if len(node.get("enum", ())) == 1:
        return node["enum"][0]  # a grammar leaves no choice
    if "enum" in node:
        return next((value for value in node["enum"] if value and fold(str(value)) in fold(text)), None)
    return _value(node, nullable, find(path, text))


def _value(node: dict[str, Any], nullable: bool, found: str | None) -> Any:
    kind = node.get("type")
    if kind in ("number", "integer"):
        return _number(found, kind) if found else (None if nullable else 0)
    if kind == "boolean":
        return None if nullable else False
    return found if found is not None or nullable else ""


def _rows(properties: dict[str, Any], text: str) -> list[dict[str, str]]:
    """The rows of a table whose header has all the keys; [] when there is no such table."""
    lines = [_CELLS.split(line.strip()) for line in text.split("\n")]
    for number, header in enumerate(lines):
        names = [fold(cell).strip().replace(" ", "_") for cell in header]
        if len(properties) > 1 and all(fold(key) in names for key in properties):
            rows = []
            for cells in lines[number + 1 :]:
                if len(cells) != len(header):
                    break
                rows.append({key: cells[names.index(fold(key))].strip() for key in properties})
            return rows
    return []


def _resolve(node: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolve(target, root)
    for word in ("anyOf", "oneOf"):
        if word in node:
            kinds = [choice for choice in node[word] if choice.get("type") != "null"]
            inner, nullable = _resolve(kinds[0], root) if kinds else ({}, True)
            return inner, nullable or len(kinds) < len(node[word])
    kind = node.get("type")
    if isinstance(kind, list):
        return {**node, "type": next((name for name in kind if name != "null"), "null")}, "null" in kind
    return node, False


def _has_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_value(child) for child in value.values())
    return bool(value) or (value == 0 and not isinstance(value, bool))


def _number(found: str, kind: str) -> float | int | None:
    match = re.search(_AMOUNT, found) or re.search(r"\d+", found)
    if not match:
        return None
    digits = match.group()
    decimal = digits[-3] if len(digits) > 2 and digits[-3] in ".," else ""
    number = float("".join("." if c == decimal else c for c in digits if c.isdigit() or c == decimal))
    return int(number) if kind == "integer" else number


def find(path: tuple[str, ...], text: str) -> str | None:
    """The value beside the label that `path` (keys from the root) names, or None."""
    spaced = [re.sub(r"([a-z])([A-Z])", r"\1 \2", key) for key in path]
    words = re.findall(r"[a-z0-9]+", fold(" ".join(spaced)).replace("e-mail", "email").replace("e mail", "email"))
    last = re.findall(r"[a-z0-9]+", fold(spaced[-1] if spaced else "").replace("e-mail", "email"))
    for name, form in _FORMS.items():
        if name in words:
            return _beside([word for word in words if word != name and len(word) > 3], form, text) or _first(form, text)
    labels = _labels(last or words)
    if any(word in _AMOUNTS for word in words):
        return _beside(labels, _AMOUNT, text, last=True)
    if any(word in _DATES for word in words):
        return _beside(labels, _DATE, text) or _first(_DATE, text)
    return _rest_of_line(labels, text)


def _labels(kept: list[str]) -> list[str]:
    """What may stand before the value: the key as it is, its parts, and what documents print for them."""
    whole = [" ".join(kept)] if len(kept) > 1 else []
    known = [label for word in reversed(kept) for label in _LABELS.get(word, ())]
    return [*whole, *known, *(word for word in kept if len(word) > 3 or len(kept) == 1)]


def _first(form: str, text: str) -> str | None:
    match = re.search(form, text)
    return match.group().strip() if match else None


def _beside(labels: list[str], form: str, text: str, last: bool = False) -> str | None:
    """Below the label in its column, else on its line, else on the lines after it."""
    folded = fold(text)
    for label in filter(None, labels):
        for place in re.finditer(re.escape(label), folded):
            if found := re.search(form, _below(place.start(), text)):
                return found.group().strip()
            lines = text[place.end() : place.end() + 300].split("\n")
            for piece in (lines[0], "\n".join(lines[:3]), "\n".join(lines[:6])):
                if found := re.findall(form, piece):
                    return found[-1 if last and piece == lines[0] else 0].strip()
    return None


def _below(place: int, text: str) -> str:
    """The cell under the cell that holds `place`, when both lines have as many cells; "" otherwise."""
    start = text.rfind("\n", 0, place) + 1
    lines = text[start:].split("\n", 2)
    header, under = (_CELLS.split(line) for line in (lines[0], lines[1] if len(lines) > 1 else ""))
    column = len(_CELLS.findall(text[start:place]))
    return under[column] if 1 < len(header) == len(under) else ""


def _rest_of_line(labels: list[str], text: str) -> str | None:
    folded = fold(text)
    for label in filter(None, labels):
        for place in re.finditer(rf"(?<![a-z]){re.escape(label)}(?![a-z])\.?\s*[:#]?[ \t]*", folded):
            after = text[place.end() :].lstrip("\n")
            value = re.split(r"\n| {3,}|\t|\|", after, maxsplit=1)[0].strip(" :")
            if value and len(value) < 120:
                return value
    return None
