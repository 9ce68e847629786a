import json

from hypothesis import given
from hypothesis import strategies as st

from documents.analysis.groups import groups_of, joined
from documents.analysis.tokens import answer_size
from documents.skeleton import Skeleton


def skeleton(value):
    return Skeleton.parse(json.dumps(value))


def filled(value, counter):
    """Another value for each placeholder."""
    if isinstance(value, dict):
        return {key: filled(item, counter) for key, item in value.items()}
    return [filled(item, counter) for item in value] if isinstance(value, list) else f"v{next(counter)}"


def picked(value, form):
    """The part of an answer that a group asks for."""
    if isinstance(form, dict):
        return {key: picked(value[key], item) for key, item in form.items()}
    return [picked(item, form[0]) for item in value] if isinstance(form, list) else value


KEYS = st.text(alphabet="abc", min_size=1, max_size=4)
FORMS = st.recursive(
    st.just(""),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=5) | inner.map(lambda one: [one]),
    max_leaves=25,
).filter(lambda one: isinstance(one, (dict, list)))


@given(FORMS, st.integers(60, 900))
def test_the_groups_ask_for_everything_and_their_answers_are_the_whole(form, budget):
    whole = skeleton(form)
    groups = groups_of(whole, budget)
    leaves = [leaf.path for group in groups for leaf in group.leaves()]
    assert leaves == [leaf.path for leaf in whole.leaves()]
    answer = filled(form, iter(range(1000)))
    parts = [picked(answer, json.loads(group.compact())) for group in groups]
    assert whole.shape(joined(parts))[0] == whole.shape(answer)[0]


def test_what_fits_is_not_divided():
    whole = skeleton({"a": "", "b": ""})
    assert groups_of(whole, 200) == [whole]


def test_a_wide_object_is_divided_also_in_the_outermost_list():
    wide = {f"campo_{number}": "" for number in range(100)}
    for form in (wide, [wide], {"nota": wide}):
        groups = groups_of(skeleton(form), 1500)
        assert len(groups) > 2 and all(answer_size(group.root) <= 1500 for group in groups)


def test_the_rows_of_a_list_are_never_divided():
    form = {"itens": [{f"campo_{number}": "" for number in range(30)}], "total": 0}
    first, second = groups_of(skeleton(form), 500)
    assert json.loads(first.compact()) == {"itens": form["itens"]} and json.loads(second.compact()) == {"total": 0}


def test_rows_are_joined_by_their_place():
    assert joined([[{"a": 1}, {"a": 2}], [{"b": 3}]]) == [{"a": 1, "b": 3}, {"a": 2}]
    assert joined([None, {"a": 1}]) == {"a": 1}
