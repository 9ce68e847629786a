import pytest

from api.openai.models import list_models, one_model
from core.errors import ModelNotFound, ProviderNotConfigured
from tests.unit.gateway.lists import listed, named

NAMES = named(
    listed("ollama/llama3.2:3b", local=True, modified_at="2025-03-01T10:00:00Z"),
    listed("openai/gpt-4o"),
    aliases={"gpt-4": "ollama/llama3.2:3b", "mine": "openai/unlisted"},
    missing={"anthropic": "ANTHROPIC_API_KEY"},
)


def openai_only(provider: str, model: str) -> bool:
    return provider == "openai"


def test_models_and_aliases_are_listed_in_the_shape_of_the_sdk():
    answer = list_models(NAMES)
    assert answer["object"] == "list"
    assert answer["data"] == [
        {"id": "llama3.2:3b", "object": "model", "created": 1740823200, "owned_by": "ollama", "root": "llama3.2:3b"},
        {"id": "gpt-4o", "object": "model", "created": 0, "owned_by": "openai", "root": "gpt-4o"},
        {"id": "gpt-4", "object": "model", "created": 1740823200, "owned_by": "ollama", "root": "llama3.2:3b"},
        {"id": "mine", "object": "model", "created": 0, "owned_by": "openai", "root": "unlisted"},
    ]


def test_a_key_sees_what_it_may_use():
    assert [entry["id"] for entry in list_models(NAMES, openai_only)["data"]] == ["gpt-4o", "mine"]
    with pytest.raises(ModelNotFound) as caught:
        one_model(NAMES, "llama3.2:3b", openai_only)
    assert "llama3.2:3b" not in caught.value.nearest


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "gpt-4", "openai/never-listed"])
def test_one_model_is_found_by_every_name_and_keeps_the_one_it_was_asked_by(name):
    assert one_model(NAMES, name)["id"] == name


def test_one_that_is_not_there():
    with pytest.raises(ModelNotFound):
        one_model(NAMES, "gpt-5000")
    with pytest.raises(ProviderNotConfigured):
        one_model(NAMES, "anthropic/claude")
