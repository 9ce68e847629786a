from typing import Any

import pytest

from providers.openai_models import model_info


@pytest.mark.parametrize(
    ("entry", "context", "capabilities"),
    [
        ({"id": "gpt-5-mini"}, None, ("completion",)),
        ({"id": "text-embedding-3-small"}, None, ("embedding",)),
        ({"id": "gpt-5.2-pro-2025-12-11"}, None, ("responses",)),
        ({"id": "gpt-5-codex"}, None, ("responses",)),
        ({"id": "google/gemini-2.5-pro"}, None, ("completion",)),
        ({"id": "whisper-1"}, None, ("transcription",)),
        ({"id": "gpt-4o-realtime-preview"}, None, ("realtime",)),
        ({"id": "Qwen/Qwen3-8B", "max_model_len": 32768}, 32768, ("completion",)),
        ({"id": "g.gguf", "meta": {"n_ctx_train": 8192, "size": 77}}, 8192, ("completion",)),
        ({"id": "g.gguf", "meta": {"n_ctx_train": 8192, "n_ctx": 4096}}, 4096, ("completion",)),
        ({"id": "a/b", "context_length": 9, "architecture": {"input_modalities": ["text", "image"]},
          "supported_parameters": ["tools", "reasoning"], "top_provider": {"max_completion_tokens": 5}},
         9, ("completion", "vision", "tools", "thinking")),
        ({"id": "pixtral", "max_context_length": 7, "capabilities": {"vision": True, "function_calling": True}}, 7,
         ("completion", "vision", "tools")),
        ({"id": "Qwen/Qwen3", "architecture": {"input_modalities": ["text", "image"]}, "providers": [
            {"provider": "a", "status": "live", "context_length": 262144, "supports_tools": True},
            {"provider": "b", "status": "live", "context_length": 32768, "supports_tools": True},
            {"provider": "c", "status": "error", "context_length": 8, "supports_tools": False}]},
         32768, ("completion", "vision", "tools")),
        ({"id": "Qwen/Qwen3", "providers": [{"context_length": 9, "supports_tools": True}, {"supports_tools": False}, 3]}, 9,
         ("completion",)),
        ({"id": "x", "context_length": -1, "capabilities": ["completion", "multimodal"], "meta": 3}, None, ("completion", "vision")),
    ],
)  # fmt: skip
def test_what_a_list_says_of_a_model(entry: dict[str, Any], context: int | None, capabilities: tuple[str, ...]) -> None:
    info = model_info(entry, "vllm")
    assert (info.name, info.provider, info.context, info.capabilities) == (entry["id"], "vllm", context, capabilities)


def test_sizes_limits_and_dates() -> None:
    assert model_info({"id": "a", "created": 1_754_425_777}, "p").modified_at == "2025-08-05T20:29:37+00:00"
    assert all(model_info({"id": "a", "created": told}, "p").modified_at is None for told in (0, -1, "x", 1 << 60, None))
    assert model_info({"id": "a", "meta": {"size": 77}}, "p").size == 77
    assert model_info({"id": "a", "top_provider": {"max_completion_tokens": 5}}, "p").output_limit == 5


@pytest.mark.parametrize("entry", [None, 3, [], {}, {"id": 7}, {"id": ""}])
def test_what_has_no_name_is_no_model(entry: Any) -> None:
    assert model_info(entry, "p") is None
