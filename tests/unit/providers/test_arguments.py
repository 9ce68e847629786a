import json

from hypothesis import given
from hypothesis import strategies as st

from providers.arguments import as_text
from providers.types import ToolCall

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_objects_survive_the_way_there_and_back_in_their_order(value: dict[str, object]) -> None:
    text = as_text(value)
    assert json.loads(text) == value and list(json.loads(text)) == list(value)
    assert text.encode()


@given(st.text() | JSON.map(json.dumps))
def test_any_text_becomes_an_object_without_loss(text: str) -> None:
    found = ToolCall("a", "b", text).input
    assert isinstance(found, dict)
    assert found == {"arguments": text} or not text.strip() or found == json.loads(text)


def test_halves_of_characters_are_replaced_in_names_and_values() -> None:
    assert as_text({"\ud800": ["\udc00"]}) == '{"\ufffd": ["\ufffd"]}'
