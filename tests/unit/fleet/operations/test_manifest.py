import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, MyelinError, ProviderError
from fleet.operations.manifest import Layer, creation, read_manifest
from tests.fakes.ollama_blobs import digest_of

IMAGE = "application/vnd.ollama.image."


def layer(kind, content=b"x", **changes):
    return {"mediaType": IMAGE + kind, "digest": digest_of(content), "size": len(content)} | changes


def manifest(*layers, config=None):
    return json.dumps({"schemaVersion": 2, "config": config or layer("config", b"{}"), "layers": list(layers)}).encode()


def test_a_model_is_made_of_its_files_and_texts():
    texts = {
        b'{"renderer": "r", "parser": "p", "model_family": "x", "capabilities": ["vision"]}': "config",
        b"{{ .Prompt }}": "template", b"Be brief.": "system", b'{"stop": ["a"]}': "params", b"MIT": "license", b"BSD": "license",
        b'[{"role": "user", "content": "Hi"}]': "messages",
    }  # fmt: skip
    config, *others = [layer(kind, content) for content, kind in texts.items()]
    layers = read_manifest(
        manifest(layer("model", b"w"), layer("projector", b"v"), layer("adapter", b"a"), *others, config=config)
    )
    body = creation("casa:1b", layers, {digest_of(content): content for content in texts}.__getitem__)
    assert body == {
        "model": "casa:1b", "files": {"model-0.gguf": digest_of(b"w"), "projector-1.gguf": digest_of(b"v")},
        "adapters": {"adapter-0.gguf": digest_of(b"a")}, "renderer": "r", "parser": "p", "capabilities": ["vision"],
        "template": "{{ .Prompt }}", "system": "Be brief.", "parameters": {"stop": ["a"]}, "license": ["MIT", "BSD"],
        "messages": [{"role": "user", "content": "Hi"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"no", b"[]", b"{}", b'{"config": 1, "layers": []}', b'{"config": {}, "layers": [1]}',
        manifest(layer("model", digest="sha256:../../x")), manifest(layer("model", digest=7)), manifest(layer("model", size=-1)),
        manifest(layer("model", size=True)), manifest(layer("model", size="9")), manifest(layer("model", mediaType=3)),
        manifest(layer("model", size=1 << 60)), manifest(*[layer("license", bytes([n])) for n in range(70)], layer("model")),
        manifest(layer("model"), layer("template", size=5 << 20)),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(raw):
    with pytest.raises(ProviderError):
        read_manifest(raw)


@pytest.mark.parametrize("layers", [[layer("tensor")], [layer("model"), layer("draft")], [layer("template")], []])
def test_what_cannot_be_copied_is_told(layers):
    with pytest.raises(Conflict, match="cannot be copied"):
        read_manifest(manifest(*layers))


@pytest.mark.parametrize(
    ("kind", "content"),
    [("params", b"no"), ("params", b"[1]"), ("template", b"\xff"), ("config", b"[]"), ("messages", b"7"), ("config", b"\x00")],
)
def test_texts_that_cannot_be_read_are_told(kind, content):
    with pytest.raises(ProviderError, match=kind):
        creation("m", [Layer(kind, digest_of(content), 1)], lambda _: content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just(digest_of(b"x")) | st.just(IMAGE + "model"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["config", "layers", "mediaType", "digest", "size", "x"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_an_agent_sends_ends_in_layers_or_in_a_typed_error(value):
    try:
        layers = read_manifest(json.dumps(value).encode())
    except MyelinError:
        return
    assert all(len(one.digest) == 71 and one.size >= 0 for one in layers)
