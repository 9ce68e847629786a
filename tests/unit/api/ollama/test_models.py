import re
from dataclasses import replace

import pytest

from api.ollama.models import ps, show, tags, version
from core.errors import ModelNotFound
from fleet.machines.standing import Occupant
from tests.unit.gateway.lists import CHATS, NOTHING_KNOWN, listed, named

LLAMA = listed(
    "ollama/llama3.2:3b", local=True, size=2_019_393_189, digest="sha256:" + "ab" * 32, family="llama", parameters="3.2B",
    quantization="Q4_K_M", context=131_072, capabilities=("completion", "tools", "insert"), resident=True, size_vram=3_000,
    loaded_context=8_192, expires_at="2026-01-01T00:00:00Z", modified_at="2025-03-01T10:00:00.5Z",
    machines=("local", "box"),
)  # fmt: skip
GPT = listed("openai/gpt-4o", digest="v1", context=128_000, supports=replace(CHATS, vision=True))
RUMOUR = listed("openai/7b-rumour", supports=NOTHING_KNOWN, capabilities=())
VECTORS = listed("openai/text-embedding-3-small", supports=replace(NOTHING_KNOWN, chat=False, embeddings=True))
MEMORY = [("local", Occupant("llama3.2:3b", "resident", 4_000, 3_000)), ("box", Occupant("llama3.2:3b", "resident", 9, 9)),
          ("local", Occupant("gone:latest")), ("local", Occupant("gpt-4o", "loading"))]  # fmt: skip
NAMES = named(LLAMA, GPT, RUMOUR, VECTORS, aliases={"gpt-4": "ollama/llama3.2:3b"})


def nothing_is_null(value) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is not None and all(map(nothing_is_null, members))


def test_the_version_is_numbers_and_new_enough_for_copilot():
    text = version()["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", text) and tuple(map(int, text.split("."))) >= (0, 6, 4)


def test_tags_has_the_models_of_all_providers_and_the_aliases():
    entries = tags(NAMES)["models"]
    assert [entry["name"] for entry in entries] == ["llama3.2:3b", "gpt-4o", "7b-rumour", "text-embedding-3-small", "gpt-4"]
    llama, gpt, *_ = entries
    assert llama == {
        "name": "llama3.2:3b", "model": "llama3.2:3b", "modified_at": "2025-03-01T10:00:00.5Z", "size": 2_019_393_189,
        "digest": "ab" * 32, "capabilities": ["completion", "tools", "insert"],
        "details": {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "3.2B",
                    "quantization_level": "Q4_K_M", "context_length": 131_072},
    }  # fmt: skip
    assert (gpt["details"]["family"], gpt["capabilities"]) == ("gpt", ["completion", "tools", "vision"])


def test_no_member_is_null_and_every_digest_can_be_cut():
    for answer in (tags(NAMES), ps(NAMES, MEMORY), *(show(NAMES, name) for name, _ in NAMES.entries())):
        assert nothing_is_null(answer), answer
    digests = [entry["digest"] for entry in tags(NAMES)["models"]]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert len(set(digests)) == len(NAMES.models)


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o"])
def test_show_tells_copilot_the_context_and_what_the_model_can_do(name):
    shown = show(NAMES, name)
    architecture = shown["model_info"]["general.architecture"]
    assert (architecture, shown["model_info"][f"{architecture}.context_length"]) == ("gpt", 128_000)
    assert {"completion", "tools"} <= set(shown["capabilities"])


def test_what_is_unknown_is_left_out_and_what_may_answer_is_offered():
    shown = show(NAMES, "7b-rumour")
    assert shown["capabilities"] == ["completion"] and not any("context" in name for name in shown["model_info"])
    assert show(NAMES, "text-embedding-3-small")["capabilities"] == ["embedding"]


def test_ps_has_what_is_in_memory_once():
    (entry,) = ps(NAMES, MEMORY)["models"]
    assert (entry["name"], entry["size"], entry["size_vram"], entry["context_length"]) == ("llama3.2:3b", 4_000, 3_000, 8_192)
    assert entry["expires_at"] == "2026-01-01T00:00:00Z"


def test_a_key_sees_what_it_may_use():
    def nothing(provider: str, model: str) -> bool:
        return False

    assert tags(NAMES, nothing) == {"models": []} == ps(NAMES, MEMORY, nothing)
    with pytest.raises(ModelNotFound):
        show(NAMES, "gpt-4o", nothing)
