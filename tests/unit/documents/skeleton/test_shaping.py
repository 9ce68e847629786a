import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from documents.skeleton import Skeleton
from documents.skeleton.nodes import ListOf, Record, Scalar, leaves_of, schema_of
from documents.skeleton.shaping import Shaper
from tests.unit.documents.skeleton.test_strictjson import JSON

SCALAR = st.sampled_from(
    [Scalar("string"), Scalar("number"), Scalar("integer"), Scalar("boolean"), Scalar("any"), Scalar("string", None, ("a", "b"))]
)
NODE = st.recursive(
    SCALAR,
    lambda inner: (
        inner.map(ListOf)
        | st.dictionaries(st.text(max_size=3), inner, min_size=1, max_size=4).map(lambda fields: Record(tuple(fields.items())))
    ),
    max_leaves=8,
)


def same_keys(node, value):
    match node:
        case Record(fields):
            return list(value) == [key for key, _ in fields] and all(same_keys(child, value[key]) for key, child in fields)
        case ListOf(item):
            return isinstance(value, list) and all(same_keys(item, one) for one in value)
        case Scalar():
            return value is None or isinstance(value, (str, int, float))
    return True


@given(NODE, JSON)
def test_any_json_value_comes_out_with_exactly_the_wanted_keys_in_order(node, value):
    shaped = Shaper().shape(node, value)
    assert same_keys(node, shaped)
    Draft202012Validator(schema_of(node)).validate(shaped)


@given(NODE, JSON)
def test_shaping_twice_is_shaping_once(node, value):
    shaped = Shaper().shape(node, value)
    again = Shaper()
    assert again.shape(node, shaped) == shaped
    assert again.warnings == [] and list(leaves_of(node))


def shape(skeleton, value):
    shaped, warnings = Skeleton.parse(skeleton).shape(value)
    return shaped, [(warning.code, warning.path) for warning in warnings]


@pytest.mark.parametrize(
    "skeleton, value, shaped, warnings",
    [
        ('{"a": "", "b": ""}', {"b": "2", "a": "1"}, {"a": "1", "b": "2"}, []),
        ('{"a": "", "b": ""}', {"a": "1"}, {"a": "1", "b": None}, [("missing_key", "/b")]),
        ('{"a": ""}', {"a": "1", "x/y": 2}, {"a": "1"}, [("extra_key", "/x~1y")]),
        ('{"razao_social": ""}', {"Razão Social": "X"}, {"razao_social": "X"}, []),
        ('[{"a": ""}]', {"a": "1"}, [{"a": "1"}], []),
        ('[{"a": ""}]', {"itens": [{"a": "1"}]}, [{"a": "1"}], []),
        ('[{"a": ""}]', None, [], []),
        ('[{"a": ""}]', [None, {"a": None}], [{"a": None}], []),
        ('[{"a": ""}]', [{"a": "1"}, "prosa"], [{"a": "1"}], [("wrong_shape", "/1")]),
        ('{"a": ""}', [{"a": "1"}], {"a": "1"}, []),
        ('{"a": ""}', [{"a": "1"}, {"a": "2"}], {"a": "1"}, [("extra_items", "")]),
        ('{"a": ""}', {"response": {"a": "1"}}, {"a": "1"}, []),
        ('{"a": ""}', {"b": "1"}, {"a": None}, [("wrong_shape", "")]),
        ('{"a": ""}', "prosa", {"a": None}, [("wrong_shape", "")]),
        ('{"a": {"b": ""}}', {"a": None}, {"a": {"b": None}}, []),
        ('{"a": [""]}', {"a": "x"}, {"a": ["x"]}, []),
        ('{"a": [""]}', {"a": None}, {"a": []}, []),
        ('{"a": [""]}', {"a": ["x", "N/A", None, {"b": 1}]}, {"a": ["x"]}, [("type_mismatch", "/a/3")]),
        ('{"a": ""}', {"a": {"b": 1}}, {"a": None}, [("type_mismatch", "/a")]),
        ('{"a": ""}', {"a": ["x", "y"]}, {"a": None}, [("type_mismatch", "/a")]),
        ('{"a": 0}', {"a": "doze"}, {"a": None}, [("type_mismatch", "/a")]),
        (
            '{"a": {}, "b": ""}',
            {"a": {"k": [1, float("inf"), 10**30]}, "b": "x"},
            {"a": {"k": [1, None, str(10**30)]}, "b": "x"},
            [],
        ),
    ],
)
def test_shapes_that_models_give(skeleton, value, shaped, warnings):
    assert shape(skeleton, value) == (shaped, warnings)


def test_values_nested_without_end_are_cut_and_never_followed():
    deep = "x"
    for _ in range(900):
        deep = {"k": [deep]}
    assert shape('{"a": ""}', {"a": deep})[0] == {"a": None}
    assert shape('{"a": ""}', deep)[1] == [("wrong_shape", "")]
    assert shape('{"a": {}, "b": ""}', {"a": deep, "b": "x"})[1] == [("type_mismatch", "/a" + "/k/0" * 30 + "/k")]


@pytest.mark.parametrize("skeleton, empty", [('{"a": ""}', {"a": None}), ('[{"a": ""}]', []), ('{"a": [""]}', {"a": []})])
def test_objects_around_the_answer_are_taken_off_only_a_few_times(skeleton, empty):
    deep = {"a": "x"}
    for _ in range(5000):
        deep = {"k": deep}
    assert shape(skeleton, deep if "[" not in skeleton[1:] else {"a": deep})[0] == empty


def test_warnings_are_bounded():
    _, warnings = Skeleton.parse('[{"a": 0}]').shape([{"a": "x"}] * 1000)
    assert len(warnings) == 200


@pytest.mark.parametrize(
    "value, fits",
    [
        ([{"a": "1"}], True),
        ([], True),
        ({"a": None}, True),
        ([{"b": 1}], False),
        ("x", False),
        (None, False),
        ([1, 2], False),
        ({}, False),
    ],
)
def test_what_has_nothing_of_the_wanted_form_does_not_fit(value, fits):
    assert (Skeleton.parse('[{"a": ""}]').shaped_if_fits(value) is not None) is fits
