"""Hosts that speak OpenAI's dialect: each is what is known of it, and behaves like the others.

What differs was read in the hosts' own documentation and sources; `openai_habits` says what each member means.
"""

from types import MappingProxyType
from typing import ClassVar

from providers.base import ProviderSpec
from providers.openai_habits import CHAT_ONLY, SAMPLER_KNOBS, Habits
from providers.openai_shaped import OpenAIShaped
from providers.types import Capabilities

_CHAT = frozenset({"/chat/completions"})
_CLOUD = Capabilities(embed=True, json_schema=True, vision=True, tools=True, thinking=True)
_SPEAKER = Capabilities(json_schema=True, vision=True, tools=True, thinking=True)
_LOCAL = Capabilities(embed=True, json_schema=True, vision=True, tools=True, thinking=True, needs_key=False, local=True)


def _spec(
    name: str,
    title: str,
    url: str,
    key: str | None,
    docs: str,
    able: Capabilities,
    *variables: tuple[str, str],
    usage: bool = True,
    translated: bool = False,
) -> ProviderSpec:
    """`translated`: bodies of OpenAI's clients have members that the host refuses, so chats are not passed on as they are."""
    without = (frozenset() if able.local else CHAT_ONLY) | (_CHAT if translated else frozenset())
    return ProviderSpec(
        name, title, url, key, docs, able, dialect="openai", without=without, stream_usage=usage, variables=variables
    )


class OpenAI(OpenAIShaped):
    habits = Habits(names=MappingProxyType({"max_tokens": "max_completion_tokens"}), object_root=True, strict=True, base64=True)
    spec: ClassVar[ProviderSpec] = _spec(
        "openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY", "https://platform.openai.com/docs", _CLOUD
    )


class Grok(OpenAIShaped):
    habits = Habits(object_root=True)
    spec: ClassVar[ProviderSpec] = _spec(
        "grok", "Grok (xAI)", "https://api.x.ai/v1", "XAI_API_KEY", "https://docs.x.ai", _SPEAKER, ("base_url", "XAI_BASE_URL")
    )


class Mistral(OpenAIShaped):
    """Mistral tells the usage unasked, and refuses members that it does not know."""

    habits = Habits(names=MappingProxyType({"seed": "random_seed"}), object_root=True, knobs=frozenset())
    spec: ClassVar[ProviderSpec] = _spec(
        "mistral", "Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "https://docs.mistral.ai", _CLOUD, usage=False
    )


class DeepSeek(OpenAIShaped):
    habits = Habits(schema="json_object", thinking="switch", thoughts="reasoning_content", image_urls=False)
    spec: ClassVar[ProviderSpec] = _spec(
        "deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "https://api-docs.deepseek.com",
        Capabilities(json_schema=False, tools=True, thinking=True),
    )  # fmt: skip


class OpenRouter(OpenAIShaped):
    habits = Habits(object_root=True, thinking="object", thoughts="reasoning", knobs=SAMPLER_KNOBS)
    spec: ClassVar[ProviderSpec] = _spec(
        "openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "https://openrouter.ai/docs", _CLOUD
    )


class HuggingFace(OpenAIShaped):
    habits = Habits(object_root=True)
    spec: ClassVar[ProviderSpec] = _spec(
        "huggingface", "HuggingFace Inference", "https://router.huggingface.co/v1", "HF_TOKEN",
        "https://huggingface.co/docs/inference-providers", _SPEAKER,
    )  # fmt: skip


class LmStudio(OpenAIShaped):
    """Takes pictures as bytes only, words only for `tool_choice`, and no `json_object`."""

    habits = Habits(json_object=False, named_tool=False, image_urls=False, knobs=SAMPLER_KNOBS | {"ttl", "draft_model"})
    spec: ClassVar[ProviderSpec] = _spec(
        "lmstudio",
        "LM Studio",
        "http://localhost:1234/v1",
        "LMSTUDIO_API_KEY",
        "https://lmstudio.ai/docs",
        _LOCAL,
        translated=True,
    )


class LlamaCpp(OpenAIShaped):
    habits = Habits(thinking="template", thoughts="reasoning_content", named_tool=False, knobs=SAMPLER_KNOBS)
    spec: ClassVar[ProviderSpec] = _spec(
        "llamacpp", "llama.cpp", "http://localhost:8080/v1", "LLAMACPP_API_KEY",
        "https://github.com/ggml-org/llama.cpp/tree/master/tools/server", _LOCAL,
    )  # fmt: skip


class Vllm(OpenAIShaped):
    habits = Habits(thinking="template", thoughts="reasoning", base64=True, knobs=SAMPLER_KNOBS)
    spec: ClassVar[ProviderSpec] = _spec(
        "vllm", "vLLM", "http://localhost:8000/v1", "VLLM_API_KEY", "https://docs.vllm.ai", _LOCAL
    )


class Tgi(OpenAIShaped):
    """The grammar of an answer stands in `value`; `json_schema` is known to its latest versions only."""

    habits = Habits(schema="value", json_object=False, thinking=None)
    spec: ClassVar[ProviderSpec] = _spec(
        "tgi", "HuggingFace TGI", "http://localhost:3000/v1", "TGI_API_KEY",
        "https://huggingface.co/docs/text-generation-inference",
        Capabilities(json_schema=True, vision=True, tools=True, needs_key=False, local=True), translated=True,
    )  # fmt: skip


class TextGenerationWebui(OpenAIShaped):
    """Has no grammar from a schema: it is told to write JSON by the prompt alone."""

    habits = Habits(schema="json_object", thinking=None, knobs=SAMPLER_KNOBS)
    spec: ClassVar[ProviderSpec] = _spec(
        "textgen", "text-generation-webui", "http://localhost:5000/v1", "TEXTGEN_API_KEY",
        "https://github.com/oobabooga/text-generation-webui",
        Capabilities(embed=True, vision=True, tools=True, needs_key=False, local=True),
    )  # fmt: skip


class Compatible(OpenAIShaped):
    """A host of which only its address is known: what nearly all take, and nothing that some refuse."""

    habits = Habits(object_root=True, knobs=SAMPLER_KNOBS)
    spec: ClassVar[ProviderSpec] = _spec(
        "compatible", "OpenAI-compatible host", "", None, "https://platform.openai.com/docs/api-reference", _LOCAL,
    )  # fmt: skip
