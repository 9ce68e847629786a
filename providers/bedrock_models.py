"""Bedrock's lists of models and of inference profiles. Pure.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html, /API_ListInferenceProfiles.html, and
/userguide/conversation-inference-supported-models-features.html for who calls tools.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from providers.claude import answer_limit, version
from providers.telling import entries, member, text
from providers.types import ModelInfo

_CLAUDE_CONTEXT = 200_000
_TOOLS = re.compile(
    r"claude-[3-9]|claude-[a-z]+-\d|amazon\.nova-(?!canvas|reel|sonic)|llama3-[1-9]|llama4|command-r|mistral-(?:large|small)"
    r"|pixtral|jamba-1-5|gpt-oss|deepseek\.v|qwen3|kimi|minimax|glm"
)
_THINKS = re.compile(r"deepseek\.r1|deepseek\.v|gpt-oss|nova-2|kimi-k2-thinking")


def model_infos(models: dict[str, Any], profiles: Sequence[dict[str, Any]]) -> list[ModelInfo]:
    """The models that can be asked by their own names, then the profiles, each with what its model can."""
    found: dict[str, ModelInfo] = {}
    direct: list[ModelInfo] = []
    for entry in entries(models, "modelSummaries"):
        info = _model_info(entry)
        if info is not None:
            found[info.name] = info
            if "ON_DEMAND" in _words(entry, "inferenceTypesSupported") or "inferenceTypesSupported" not in entry:
                direct.append(info)
    return direct + [info for entry in profiles if (info := _profile_info(entry, found)) is not None]


def _model_info(entry: dict[str, Any]) -> ModelInfo | None:
    """None for what writes neither texts nor vectors."""
    name = text(entry, "modelId")
    reads, writes = _words(entry, "inputModalities"), _words(entry, "outputModalities")
    if not name or not {"TEXT", "EMBEDDING"} & set(writes):
        return None
    if "TEXT" not in writes:
        able: tuple[str, ...] = ("embedding",)
    else:
        known = version(name)
        thinks = known >= (3, 7) if known else _THINKS.search(name) is not None
        more = (("tools", _TOOLS.search(name)), ("vision", "IMAGE" in reads), ("thinking", thinks))
        able = ("completion", *(word for word, can in more if can))
    claude = version(name) is not None
    return ModelInfo(
        name=name,
        provider="bedrock",
        family=text(entry, "providerName") or None,
        context=_CLAUDE_CONTEXT if claude else None,
        output_limit=answer_limit(name) if claude else None,
        capabilities=able,
        description=text(entry, "modelName") or None,
        modified_at=text(member(entry, "modelLifecycle"), "startOfLifeTime") or None,
    )


def _profile_info(entry: dict[str, Any], models: dict[str, ModelInfo]) -> ModelInfo | None:
    """A profile of the account itself is asked by its ARN, one of AWS's by its id."""
    own = entry.get("type") == "APPLICATION"
    name = text(entry, "inferenceProfileArn" if own else "inferenceProfileId")
    arns = [text(model, "modelArn") for model in entries(entry, "models")]
    model = next((models[known] for arn in arns if (known := arn.rpartition("/")[2]) in models), None)
    if not name or model is None or entry.get("status", "ACTIVE") != "ACTIVE":
        return None
    return replace(model, name=name, description=text(entry, "inferenceProfileName") or model.description)


def _words(entry: dict[str, Any], name: str) -> list[str]:
    inner = entry.get(name)
    return [word for word in inner if isinstance(word, str)] if isinstance(inner, list) else []
