"""How hosts that speak OpenAI's dialect differ from each other, as data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from providers.thinking import level_of, tokens_of
from providers.types import ChatRequest, Thinking

#: Members of a body that no answer depends on: a host or a model that refuses one gets the body without it.
COMMON_KNOBS = frozenset({
    "logit_bias", "user", "metadata", "service_tier", "verbosity", "prompt_cache_key", "safety_identifier", "logprobs",
    "top_logprobs", "prediction",
})  # fmt: skip
#: What servers of open models take beside that (vLLM, llama.cpp, LM Studio, text-generation-webui).
SAMPLER_KNOBS = COMMON_KNOBS | {"top_k", "min_p", "typical_p", "repetition_penalty", "repeat_penalty", "mirostat", "ignore_eos"}
#: Paths that hosted services have left behind, or have for some models only.
CHAT_ONLY = frozenset({"/completions"})
#: Models that think before they answer, out of the same cap on their tokens.
_THINKERS = re.compile(r"(?:^|/)(?:o[1-9]|gpt-[5-9]|gpt-oss|grok-[4-9]|deepseek-reasoner)(?![a-z])")
_CHATTING = re.compile(r"chat|non-reasoning")
_ROOM = 8192


@dataclass(frozen=True, slots=True)
class Habits:
    """`names` renames members of the body. `schema` is how the form of an answer is told: OpenAI's way, TGI's way (`value`
    beside `type`), or only that it shall be JSON; without `json_object` that is a schema of any object. `object_root` says
    that it must be an object, `strict` that a schema may be marked as one to be kept exactly. `thinking`: by a word,
    OpenRouter's object, the chat template, DeepSeek's switch, or not at all. `thoughts` is the name under which earlier
    thoughts go back beside calls of tools, `named_tool` whether one tool can be demanded by its name, `image_urls` whether
    the host fetches pictures, `base64` whether vectors may come so.
    """

    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    schema: Literal["json_schema", "value", "json_object"] = "json_schema"
    json_object: bool = True
    object_root: bool = False
    strict: bool = False
    thinking: Literal["word", "object", "template", "switch"] | None = "word"
    thoughts: str | None = None
    named_tool: bool = True
    image_urls: bool = True
    base64: bool = False
    knobs: frozenset[str] = COMMON_KNOBS


def thinking_members(thinking: Thinking | None, habits: Habits) -> dict[str, Any]:
    """The members of a body that ask for thinking; none when nothing was said or the host cannot be told."""
    word = None if thinking is None else thinking.effort or level_of(thinking)
    if word is None or habits.thinking is None:
        return {}
    match habits.thinking:
        case "word":
            return {"reasoning_effort": word}
        case "object":
            budget = thinking.budget_tokens if thinking else None
            return {"reasoning": {"max_tokens": budget} if budget else {"effort": word}}
        case "switch":
            return {"thinking": {"type": "disabled" if word == "none" else "enabled"}}
    level = level_of(Thinking(word))
    effort = {} if level in (None, "none") else {"reasoning_effort": level}
    return {"chat_template_kwargs": {"enable_thinking": word != "none", **effort}, **effort}


def answer_cap(request: ChatRequest, max_tokens: int) -> int:
    """What is sent for `max_tokens`: thoughts count into it for models that think."""
    model = request.model.lower()
    if not request.room_to_think or not _THINKERS.search(model) or _CHATTING.search(model):
        return max_tokens
    wanted = None if request.thinking is None else tokens_of(request.thinking)
    return max_tokens + (_ROOM if wanted is None else wanted)
