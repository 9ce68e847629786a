import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.skeleton.strictjson import NotJson, loads

LIMITS = {"max_bytes": 64 << 10, "max_depth": 20}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_whatever_json_writes_is_read_back(value):
    assert loads(json.dumps(value), max_bytes=1 << 20, max_depth=100) == value


@given(st.text(alphabet='{}[]",:\\ \n\ud800aNInfty01e+-.', max_size=60))
def test_any_text_gives_a_value_or_not_json(text):
    try:
        loads(text, **LIMITS)
    except NotJson as error:
        assert error.line >= 1 and error.column >= 1


@pytest.mark.parametrize(
    "text, reason, line, column",
    [
        ('{"a": 1,\n "b" 2}', "expecting ':' delimiter", 2, 6),
        ('{"a": 1,\n "a": 2}', "same object already has", 2, 2),
        ('{"a": {"b": 1, "\\u0062": 2}}', "same object already has", 1, 16),
        ('{"a": NaN}', "NaN is not JSON", 1, 7),
        ('{"a": -Infinity}', "-Infinity is not JSON", 1, 7),
        ('{"a": 1e999}', "too large", 1, 7),
        ('{"a": ' + "9" * 5000 + "}", "more than 20 digits", 1, 7),
        ('{"a": "\\ud800"}', "surrogate", 1, 8),
        ('{"a": "\ud800"}', "surrogate", 1, 8),
        ("[" * 21 + "]" * 21, "deeper than 20", 1, 21),
        ("[" * 60_000, "deeper than 20", 1, 21),
        ('{"a": "' + "x" * 70_000 + '"}', "at most 65536", 1, 1),
        ("", "expecting value", 1, 1),
    ],
)
def test_faults_are_named_with_their_position(text, reason, line, column):
    with pytest.raises(NotJson, match=reason) as caught:
        loads(text, **LIMITS)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_the_same_key_in_two_objects_is_no_duplicate():
    assert loads('[{"a": {"a": 1}}, {"a": "a"}]', **LIMITS) == [{"a": {"a": 1}}, {"a": "a"}]


def test_a_byte_order_mark_is_allowed():
    assert loads("\ufeff[1]", **LIMITS) == [1]


def test_a_text_of_escaped_quotes_is_read_in_one_pass():
    begun = time.perf_counter()
    with pytest.raises(NotJson):
        loads('"' + '\\"' * 32_000, **LIMITS)
    assert time.perf_counter() - begun < 1
