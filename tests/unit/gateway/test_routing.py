from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing import choose_model, order
from providers.types import ModelInfo
from tests.unit.gateway.scripted import CLOUD, LOCAL, model

GIB = 1 << 30
SMALL, MIDDLE, LARGE = (model(name, size=size * GIB) for name, size in (("s:1b", 1), ("m:8b", 5), ("l:70b", 40)))
PLAIN, MINI, HAIKU = (
    model(name, capabilities=("completion", "json_schema"), modified_at="2025-10-01")
    for name in ("gpt-4o", "gpt-4o-mini", "claude-haiku-4-5")
)
EMBEDDER = model("nomic-embed-text:latest", size=GIB, capabilities=("embedding",))


@pytest.mark.parametrize(
    ("models", "wanted", "chosen", "why"),
    [
        ([], None, None, None),
        ([EMBEDDER], None, None, None),
        ([EMBEDDER], "nomic-embed-text", None, None),
        ([SMALL, MIDDLE, LARGE, EMBEDDER], None, "m:8b", "largest sensible"),
        ([LARGE], None, "l:70b", "smallest"),
        ([LARGE, model("xl", size=90 * GIB)], None, "l:70b", "smallest"),
        ([SMALL, MIDDLE], "s:1b", "s:1b", "asked for"),
        ([SMALL, model("m:latest", size=1)], "m", "m:latest", "asked for"),
        ([SMALL, MIDDLE], "nope", "m:8b", "largest sensible"),
        ([model("s", size=GIB, resident=True), MIDDLE], None, "s", "in memory"),
        ([model("s", size=GIB, resident=True), MIDDLE], "m:8b", "m:8b", "asked for"),
        ([model("s", size=1, resident=True), model("t", size=2, resident=True)], None, "t", "in memory"),
        ([model("x", size=GIB, capabilities=()), model("y-embed", size=2 * GIB, capabilities=())], None, "x", "largest"),
        ([model("far", size=400, capabilities=("completion", "remote")), SMALL], None, "s:1b", "largest"),
        ([model("far", size=400, capabilities=("completion", "remote"))], None, None, None),
        ([model("far", size=400, capabilities=("completion", "remote"))], "far", "far", "asked for"),
        ([model("whatever")], None, "whatever", "first"),
        ([model("dall-e-3"), PLAIN, MINI, model("o1-mini")], None, "gpt-4o-mini", "fast one that keeps to a schema"),
        ([model("dall-e-3"), PLAIN, model("o1-mini")], None, "gpt-4o", "keeps to a schema"),
        ([HAIKU, replace(HAIKU, name="claude-haiku-5", modified_at="2026-02-01")], None, "claude-haiku-5", "newest"),
    ],
)
def test_the_model_that_is_chosen(models: list[ModelInfo], wanted: str | None, chosen: str | None, why: str | None) -> None:
    choice = choose_model(models, wanted)
    assert (choice and choice.model) == chosen
    assert choice is None or why in choice.why


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["gemini-2.0-flash", "gemini-3.5-flash", "gemini-2.5-pro"], "gemini-3.5-flash"),
        (["gemini-2.5-flash", "gemini-10.0-flash"], "gemini-10.0-flash"),
        (["gemini-3-flash", "gemini-2.5-flash"], "gemini-3-flash"),
        (["gemini-3.8-flash-preview", "gemini-4-flash-exp", "gemini-2.5-flash"], "gemini-2.5-flash"),
        (
            ["gemini-3.5-flash-image", "gemini-3.5-flash-preview-tts", "gemini-flash-latest", "gemini-2.0-flash"],
            "gemini-2.0-flash",
        ),
        (["gemini-3.5-flash-lite", "gemini-2.5-flash"], "gemini-2.5-flash"),
        (["gemini-3.5-flash-lite", "gemini-4-pro"], "gemini-3.5-flash-lite"),
        (["gemini-2.0-flash-001", "gemini-2.0-flash"], "gemini-2.0-flash"),
        (["gemini-2.0-flash-001"], "gemini-2.0-flash-001"),
    ],
)
def test_the_newest_stable_fast_model_of_a_cloud(names: list[str], chosen: str) -> None:
    for listed in (names, names[::-1]):
        assert choose_model([model(name) for name in listed]).model == chosen


@pytest.mark.parametrize(
    ("priority", "first"),
    [("normal", ["box", "cloud", "sky"]), ("batch", ["box", "cloud", "sky"]), ("urgent", ["cloud", "sky", "box"])],
)
def test_what_is_urgent_goes_to_the_cloud_first(priority: str, first: list[str]) -> None:
    assert order({"sky": CLOUD, "cloud": CLOUD, "box": LOCAL}, ["sky", "box", "cloud"], priority) == first


MODELS = st.lists(
    st.builds(
        model,
        st.sampled_from(["a", "b:1b", "c:latest", "gemini-2.5-flash", "d-embed"]),
        size=st.none() | st.integers(0, 100 * GIB),
        resident=st.none() | st.booleans(),
        capabilities=st.sampled_from([(), ("completion",), ("embedding",), ("completion", "remote")]),
    ),
    max_size=6,
)


@given(MODELS, st.none() | st.sampled_from(["a", "c", "x"]))
def test_a_choice_is_a_model_of_the_list_that_can_answer(models: list[ModelInfo], wanted: str | None) -> None:
    choice = choose_model(models, wanted)
    able = [one for one in models if "completion" in one.capabilities or (not one.capabilities and "embed" not in one.name)]
    if choice:
        assert choice.model in {one.name for one in able}
    else:
        assert all("remote" in one.capabilities for one in able)
