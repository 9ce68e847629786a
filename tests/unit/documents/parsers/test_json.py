import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import DocumentTooComplex
from tests.unit.documents.parsers.making import read


@pytest.fixture
def shown(tmp_path: Path):
    def lines(content: str | bytes, name: str = "a.json") -> list[str]:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return "\n".join(page.text for page in read(tmp_path / name)[0]).split("\n")

    return lines


def test_values_stand_behind_their_names_as_they_were_written(shown) -> None:
    order = (
        '{"pedido": {"numero": 00, "x": 1}, "a": 1}',
        '{"pedido": {"numero": 12345678901234567890, "total": 1234.50, "cliente": {"nome": "Ana"}, "pago": true, "obs": null},'
        ' "itens": [{"sku": "a", "preco": 1.10}, {"sku": "b", "preco": 2e3}], "tags": ["x", "y"], "a": 1, "a": 2, "m": [[1], {"k": 2}]}',
    )
    assert shown(order[1]) == [
        "pedido.numero: 12345678901234567890", "pedido.total: 1234.50", "pedido.cliente.nome: Ana", "pedido.pago: true",
        "pedido.obs: null", "itens:", "sku | preco", "a | 1.10", "b | 2e3", "tags: x, y", "a: 1", "a: 2", "m[1]: 1", "m[2].k: 2",
    ]  # fmt: skip
    assert shown(order[0]) == [order[0]]  # no JSON: a number does not begin with zeros


def test_lines_of_json_are_a_table(shown) -> None:
    assert shown('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n', "a.jsonl") == ["a | b", "1 | x", "2 | y"]


def test_json_is_known_by_its_content_and_in_any_encoding(shown) -> None:
    assert shown('{"ação": "é"}'.encode("utf-16"), "upload") == ["ação: é"]
    assert shown(b'\xef\xbb\xbf[{"a": "\xc3\xa9"}]', "upload.txt") == ["[1].a: é"]
    assert shown("[1] first footnote", "a.txt") == ["[1] first footnote"]


def test_what_is_no_json_is_read_as_text_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"total": 10, "cut')
    pages, notices, _ = read(tmp_path / "a.json")
    assert pages[0].text == '{"total": 10, "cut' and [notice.code for notice in notices] == ["part_damaged"]


def test_nesting_without_end_is_refused(shown) -> None:
    for content in ('{"a":' * 50_000 + "1" + "}" * 50_000, "[" * 100_000):
        with pytest.raises(DocumentTooComplex):
            shown(content)


def test_long_names_do_not_multiply(tmp_path: Path) -> None:
    value = json.dumps({"k" * 100_000: {str(number): [[number]] for number in range(2_000)}})
    (tmp_path / "a.json").write_text(value)
    assert sum(len(page.text) for page in read(tmp_path / "a.json")[0]) < 1_000_000


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text("ab é1", max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text("xyz", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_no_text_is_lost(tmp_path: Path, value: object) -> None:
    def texts(part: object) -> list[str]:
        if isinstance(part, dict):
            return [text for member in part.values() for text in texts(member)]
        return (
            [text for item in part for text in texts(item)] if isinstance(part, list) else [part] if isinstance(part, str) else []
        )

    (tmp_path / "a.json").write_text(json.dumps([[], value, 4711]))
    content = "\n".join(page.text for page in read(tmp_path / "a.json")[0])
    assert all(word in content for text in texts(value) for word in text.split()) and "4711" in content
