import pytest

from core.entries import entries


def short(text):
    return {"name": text}


@pytest.mark.parametrize(("text", "found"), [
    ("", []), (" a , ,b,", [{"name": "a"}, {"name": "b"}]), (' [{"name": "c"}]', [{"name": "c"}]),
])  # fmt: skip
def test_a_list_is_json_or_short(text, found):
    assert entries(text, short) == found


def test_what_begins_as_json_has_to_be_json():
    with pytest.raises(ValueError, match="is not JSON"):
        entries("[a,b", short)
