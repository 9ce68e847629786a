import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.payload import read, renamed
from core.errors import InvalidRequest

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["model", 'a "model": "b"', "é"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", '"model"', "x", "y"]), inner, max_size=3)
    ),
)


@given(
    st.dictionaries(st.sampled_from(["x", "stream", 'model"']), _JSON),
    st.sampled_from(["m", "a/b:c", 'q"', "\\", "\u00e9"]),
    st.text(),
)
def test_only_the_model_of_the_object_is_another(others, model, other):
    raw = orjson.dumps({**others, "model": model})
    sent = renamed(raw, other.encode("utf-8", "replace").decode())
    if sent is not None:
        assert orjson.loads(sent) == {**others, "model": other.encode("utf-8", "replace").decode()}


def test_every_other_byte_stays_as_it_is():
    raw = b' {"seed": 12345678901234567890123, "model" : "a", "t":1.0e0, "s": "\\u00e9\\/"}\n'
    assert renamed(raw, "b") == raw.replace(b'"a"', b'"b"')


@pytest.mark.parametrize(
    "raw",
    [
        b'{"m\\u006fdel":"a","metadata":{"model":"x"}}',
        b'{"metadata":{"model":"x"},"model":"a"}',
        b'{"model":"\\u0061"}',
        b'{"type":"model","model":"a"}',
    ],
)
def test_what_is_not_plain_is_written_anew(raw):
    assert renamed(raw, "b") is None


@pytest.mark.parametrize("escaped", ["\\u003a", "\\u003A"])
def test_a_name_that_is_said_twice_cannot_hide_behind_another_spelling(escaped):
    read(b'{"model":"a","stop":"%b"}' % escaped.encode())
    with pytest.raises(InvalidRequest, match="'max_tokens' twice"):
        read(b'{"model":"a","max_tokens":9999,"max_tokens":1,"stop":"%b"}' % escaped.encode())
