from types import SimpleNamespace

import pytest

from api.askers import asker_of
from api.policy import Principal, Role


def asker(body, key_id="k1"):
    return asker_of(SimpleNamespace(principal=Principal(Role.CLIENT, key_id), request_id="r1"), body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"seed": 0}, "0"),
        ({"seed": 7, "user": "ana"}, "7"),
        ({"user": "ana"}, "ana"),
        ({"safety_identifier": "ana", "user": "bob"}, "ana"),
        ({"options": {"seed": 7}}, "7"),
        ({"metadata": {"user_id": "ana"}}, "ana"),
        ({"options": "seed", "metadata": ["user_id"], "seed": None, "user": ""}, ""),
        ({"seed": True, "user": {"a": 1}}, ""),
        ({"seed": 1.5}, ""),
        ({}, ""),
    ],
)
def test_what_a_body_tells_of_who_asks(body, told):
    assert asker(body) == (told, "k1", "r1")


def test_the_operator_is_no_client():
    assert asker({}, "operator") == ("", "", "r1")
