"""Model names: a name chooses a model, never a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from fleet.names import HOSTS, read_model_name


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("gemma3", "gemma3:latest"),
        ("gemma3:1b", "gemma3:1b"),
        ("qwen2.5-coder:7b-instruct-q4_K_M", "qwen2.5-coder:7b-instruct-q4_K_M"),
        ("mannix/llama3.1-8b-abliterated", "mannix/llama3.1-8b-abliterated:latest"),
        ("hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M", "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M"),
        ("huggingface.co/unsloth/gemma-3-1b-it-GGUF", "huggingface.co/unsloth/gemma-3-1b-it-GGUF:latest"),
    ],
)
def test_names_that_are_taken(text, full):
    assert read_model_name(text) == full


@pytest.mark.parametrize(
    "text",
    ["", " ", "gemma3 ", "gemma3\n", ":1b", "gemma3:", "gemma3:1b:2", "/gemma3", "gemma3/", "a//b", "evil.com/model", "evil.com/a/model",
     "evil.com:5000/a/model", "127.0.0.1:5000/library/x", "localhost/a/b", "http://evil.com/a/b", "https://hf.co/a/b", "hf.co/a/b/c",
     "hf.co.evil.com/a/b", "HF.co/a/b", "user@hf.co/a/b", "hf.co:443/a/b", "../../etc/passwd", "a/../b", "..", ".", "a..b", "gemma3@sha256:ab",
     "sha256-abc/../x", "-x", ".hidden", "a\\b", "a%2fb", "gémma", "ｇemma", "a\x00b", "a b", "a;b", "$(x)", "a" * 81, "gemma3:" + "t" * 81,
     "gemma3:../x", "hf.co/a.b/c", "registry.ollama.ai/library/gemma3"],
)  # fmt: skip
def test_names_that_are_refused(text):
    with pytest.raises(InvalidField) as raised:
        read_model_name(text)
    assert raised.value.field == "model" and "gemma3:1b" in raised.value.hint


def test_the_operator_may_open_another_registry():
    assert read_model_name("models.lan/team/x:1", hosts=HOSTS | {"models.lan"}) == "models.lan/team/x:1"


@given(st.text(alphabet="abc/:.@\\% -_0:\n", max_size=30))
def test_what_is_taken_has_a_tag_and_no_foreign_host(text):
    try:
        name = read_model_name(text)
    except InvalidField:
        return
    path, _, tag = name.partition(":")
    assert tag and ":" not in tag and path.count("/") < 2 and "." not in path.rpartition("/")[0]
    assert read_model_name(name) == name
