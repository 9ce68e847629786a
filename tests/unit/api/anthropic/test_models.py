import pytest

from api.anthropic.models import list_models, one_model
from core.errors import InvalidField
from tests.unit.gateway.lists import listed, named

NAMES = named(*(listed(f"p/m{number}") for number in range(25)), aliases={"claude": "p/m0"})


def ids(answer: dict) -> list[str]:
    return [entry["id"] for entry in answer["data"]]


def test_an_entry_has_the_members_of_the_sdk():
    names = named(listed("p/a", modified_at="2025-03-01T10:00:00+00:00"), listed("p/b"))
    assert list_models(names, {})["data"] == [
        {"type": "model", "id": "a", "display_name": "a", "created_at": "2025-03-01T10:00:00+00:00"},
        {"type": "model", "id": "b", "display_name": "b", "created_at": "1970-01-01T00:00:00Z"},
    ]
    assert one_model(NAMES, "claude")["display_name"] == "m0"


def test_pages_follow_each_other_in_both_directions():
    first = list_models(NAMES, {})
    assert (len(first["data"]), first["has_more"], first["first_id"], first["last_id"]) == (20, True, "m0", "m19")
    second = list_models(NAMES, {"after_id": first["last_id"]})
    assert (ids(second), second["has_more"]) == (["m20", "m21", "m22", "m23", "m24", "claude"], False)
    back = list_models(NAMES, {"before_id": "m20", "limit": "3"})
    assert (ids(back), back["has_more"]) == (["m17", "m18", "m19"], True)
    assert list_models(NAMES, {"before_id": "m2", "limit": "3"})["has_more"] is False


def test_an_empty_list_has_no_first_and_no_last():
    nothing = {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert list_models(NAMES, {}, lambda provider, model: False) == nothing
    assert list_models(NAMES, {"after_id": "claude"}) == nothing


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "ten"}, {"limit": "-1"}, {"limit": "²"},
                                   {"after_id": "nobody"}, {"before_id": ""}])  # fmt: skip
def test_a_page_that_cannot_be_is_refused_with_its_name(query):
    with pytest.raises(InvalidField) as caught:
        list_models(NAMES, query)
    assert caught.value.field in query
