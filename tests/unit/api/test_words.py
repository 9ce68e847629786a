import pytest
from pydantic import ValidationError

from api.documents import Wait
from api.grants import KeyChange
from api.words import of_member, of_parameter
from tests.unit.api.rooms import Rooms


@pytest.fixture
def rooms(database, jobs, clock, tmp_path):
    return Rooms(database, jobs, clock, tmp_path)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("/queue?unknown=1", None),
        ("/response/x?wait=soon", "wait must be a number of seconds from 0 to 120."),
        ("/response/x?wait=121", "wait must be a number of seconds from 0 to 120."),
        ("/response/x?wait=-1", "wait must be a number of seconds from 0 to 120."),
        ("/response/x?wait=nan", "wait must be a number of seconds from 0 to 120."),
        ("/response/x/text?words=perhaps", "words must be true or false (1 or 0)."),
        ("/response/x/pages/0.png", "number must be a whole number from 1 to 100000."),
        ("/response/x/pages/first.png", "number must be a whole number from 1 to 100000."),
        ("/responses?limit=0", "limit must be a whole number from 1 to 200."),
        ("/responses?after=x", "after must be the `next` of an earlier answer."),
    ],
)
async def test_a_parameter_is_refused_in_words(rooms, query, said):
    got = await rooms.call("GET", query)
    if said is None:
        assert got.status == 200
        return
    assert (got.status, got.json["detail"], got.json["code"]) == (422, said, "invalid_field")
    assert got.json["errors"] == [{"field": said.split()[0], "message": said}] and got.json["hint"]


async def test_several_parameters_are_named_together(rooms):
    got = await rooms.call("GET", "/responses?limit=x&after=y")
    assert [error["field"] for error in got.json["errors"]] == ["limit", "after"]
    assert all(error["message"] in got.json["detail"] for error in got.json["errors"])


def test_the_words_are_those_of_the_declaration():
    declared = Wait.__metadata__[0]
    assert of_parameter("wait", {"type": "less_than_equal"}, declared.description).endswith("from 0 to 120.")
    assert {limit for bound in declared.metadata for limit in (getattr(bound, "ge", None), getattr(bound, "le", None))} >= {
        0,
        120,
    }
    assert of_parameter("email", {"type": "missing"}, "An e-mail address: whose key it is.") == (
        "email is missing: it must be an e-mail address."
    )


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("model", "missing", "model is missing."),
        ("modle", "extra_forbidden", "There is no member 'modle'."),
        ("mode", "literal_error", "mode must be 'cpu' or 'gpu'."),
        ("model", "string_type", "model must be a text."),
        ("", "model_type", "The body must be a JSON object."),
        ("targets.0", "model_type", "targets.0 must be an object."),
        ("model", "of_another_release", "model: Too long."),
    ],
)
def test_a_member_of_a_body_is_refused_in_words(name, kind, said):
    assert of_member(name, {"type": kind, "ctx": {"expected": "'cpu' or 'gpu'"}, "msg": "Too long"}) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"rpm": 0}, "rpm must be at least 1."),
        ({"rpm": 1.5}, "rpm must be a whole number."),
        ({"rpm": 10**30}, "rpm must be at most 1000000000."),
        ({"budget_usd": "1"}, "budget_usd must be a number."),
        ({"budget_usd": 1e12}, "budget_usd must be at most 1000000000."),
        ({"models": "gpt"}, "models must be a list."),
        ({"models": [""]}, "models.0 must be a text of 1 or more letters."),
        ({"models": ["a" * 201]}, "models.0 must be a text of at most 200 letters."),
        ({"models": ["a"] * 201}, "models must be a list of at most 200."),
        ({"expires_at": "tomorrow"}, "expires_at must be a time with its zone, such as 2030-01-31T00:00:00Z."),
        ({"expires_at": "2030-01-31T00:00:00"}, "expires_at must be a time with its zone, such as 2030-01-31T00:00:00Z."),
        ({"email": "ana"}, "email must be written as GET /docs shows it."),
    ],
)
def test_a_limit_of_a_member_is_told_in_words(body, said):
    with pytest.raises(ValidationError) as refused:
        KeyChange.model_validate(body)
    error = refused.value.errors()[0]
    assert of_member(".".join(map(str, error["loc"])), error) == said
