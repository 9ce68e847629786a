from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engines.reading import bytes_of, count_of, entries, inside, name_of, names_of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(ANYTHING)
def test_whatever_comes_is_read_or_left_out(value: Any) -> None:
    assert name_of(value) is None or value.isprintable()
    assert all(name.isprintable() for name in names_of(value))
    assert (bytes_of(value) or 1) >= 0 and (count_of(value) or 1) >= 0
    assert entries(value, "data") is None or list(entries(value, "data")) is not None
    assert inside(value, "a", "b") is None or isinstance(value, dict)


@pytest.mark.parametrize("value", [True, 0, -1, 1e99, float("nan"), float("inf"), "5", None, [], 1 << 51])
def test_no_size_is_made_of_what_is_none(value: Any) -> None:
    assert bytes_of(value) is None


@pytest.mark.parametrize("value", ["", "a\n", "\x1b[31m", "x" * 301, 5, None, b"a", ["a"]])
def test_no_name_is_made_of_what_is_none(value: Any) -> None:
    assert name_of(value) is None


def test_long_lists_are_read_in_part() -> None:
    assert len(names_of(["a"] * 5000)) == 2000
    assert len(list(entries({"data": [{}] * 5000}, "data") or ())) == 2000
