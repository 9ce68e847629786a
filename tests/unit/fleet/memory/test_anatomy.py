import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.memory.anatomy import Anatomy, Layer, read_anatomy
from tests.fakes.ollama_models import GIB, FakeModel, Shape

DIGEST = "sha256:" + "ab" * 32


def shown(model: FakeModel, *, verbose: bool = False, **more: object) -> dict[str, object]:
    modelfile = f"# a comment\nFROM /root/.ollama/models/blobs/{model.blob.replace(':', '-')}\nTEMPLATE x\n"
    return {"modelfile": modelfile, "model_info": model.model_info(verbose=verbose), "capabilities": ["completion"], **more}


def test_a_model_as_ollama_shows_it() -> None:
    model = FakeModel("a", GIB, "1B", shape=Shape(layers=3, kv_heads=4, head=128))
    found = read_anatomy(GIB, DIGEST, shown(model))
    assert found == Anatomy(GIB, model.blob, 32768, (Layer(4 * 256),) * 3, heads=16) and found.known


def test_layers_that_differ_are_told_only_when_asked_at_length() -> None:
    model = FakeModel("a", GIB, "1B", shape=Shape(layers=6, heads=16, kv_heads=(8, 0) * 3, head=64))
    whole, brief = (read_anatomy(GIB, DIGEST, shown(model, verbose=verbose)) for verbose in (True, False))
    assert [layer.cells for layer in whole.layers] == [8 * 128, 0] * 3
    assert [layer.cells for layer in brief.layers] == [16 * 128] * 6, "as many heads as there are: rather too much"


@pytest.mark.parametrize(
    ("family", "pattern", "windows"),
    [
        ("gemma3", None, [512] * 5 + [None] + [512]),
        ("gptoss", None, [512, None] * 3 + [512]),
        ("other", None, [None] * 7),
        ("other", 3, [512, 512, None, 512, 512, None, 512]),
        ("other", [True, False] * 3 + [True], [512, None] * 3 + [512]),
        ("other", [True], [None] * 7),
    ],
)
def test_layers_with_a_window(family: str, pattern: object, windows: list[int | None]) -> None:
    show = shown(FakeModel("a", GIB, "1B", family, shape=Shape(layers=7, window=512)))
    if pattern is not None:
        show["model_info"][f"{family}.attention.sliding_window_pattern"] = pattern
    layers = read_anatomy(GIB, DIGEST, show).layers
    assert [layer.window for layer in layers] == windows
    assert layers[0].tokens(4096) == (windows[0] or 4096) and layers[0].tokens(100) == 100


def test_lengths_follow_from_the_embedding_when_they_are_not_told() -> None:
    show = shown(FakeModel("a", GIB, "1B", shape=Shape(layers=1, embedding=2048, heads=16, kv_heads=2)))
    for name in ("key_length", "value_length"):
        del show["model_info"][f"llama.attention.{name}"]
    assert read_anatomy(GIB, DIGEST, show).layers == (Layer(2 * 256),)
    del show["model_info"]["llama.embedding_length"]
    assert not read_anatomy(GIB, DIGEST, show).known


def test_a_model_that_sees_is_known_by_its_projector_or_its_capabilities() -> None:
    model = FakeModel("a", GIB, "1B")
    assert not read_anatomy(GIB, None, shown(model)).sees
    assert read_anatomy(GIB, None, shown(model, projector_info={"general.architecture": "clip"})).sees
    assert read_anatomy(GIB, None, shown(model, capabilities=["vision"])).sees


def test_without_a_description_there_is_the_size_and_the_digest_of_the_tag() -> None:
    assert read_anatomy(GIB, DIGEST, {}) == Anatomy(GIB, DIGEST) and read_anatomy(None, None, {}) == Anatomy(0, "")


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), st.lists, max_leaves=5)
KEYS = [f"a.{name}" for name in ("block_count", "context_length", "embedding_length", "attention.head_count", "attention.key_length",
                                 "attention.head_count_kv", "attention.sliding_window", "attention.sliding_window_pattern")]  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), JSON | st.integers(0, 100)), JSON, JSON)
def test_nonsense_is_unknown_and_never_breaks(info: dict[str, object], modelfile: object, capabilities: object) -> None:
    info["general.architecture"] = "a"
    found = read_anatomy(5, None, {"modelfile": modelfile, "model_info": info, "capabilities": capabilities})
    assert found.weights == 5 and all(layer.cells >= 0 for layer in found.layers)
    assert read_anatomy(5, None, {"model_info": modelfile}).layers == ()
