"""What makers document of their own models and their lists do not tell: a small table, by the beginning of the name.

Sources: the models pages of platform.openai.com, docs.claude.com, ai.google.dev, docs.cohere.com and docs.x.ai. A model that no
row names stays unknown: a wrong fact would send a picture to a model that cannot see.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """`capabilities` is all that these models can do; context and output limit in tokens, None where versions differ."""

    prefix: str
    capabilities: tuple[str, ...]
    context: int | None = None
    output_limit: int | None = None


_CHAT = ("completion", "tools")
_SEES = (*_CHAT, "vision")
_SCHEMA = (*_CHAT, "json_schema")
_FULL = (*_SEES, "json_schema")
_THINKS = (*_FULL, "thinking")
_EMBEDS = ("embedding",)

_FAMILIES = (
    Family("gpt-3.5-turbo", _CHAT, 16_385, 4_096),
    Family("gpt-3.5-turbo-instruct", ("completion",), 4_096, 4_096),
    Family("gpt-4", _CHAT, 8_192, 8_192),
    Family("gpt-4-32k", _CHAT, 32_768, 8_192),
    Family("gpt-4-1106-preview", _CHAT, 128_000, 4_096),
    Family("gpt-4-0125-preview", _CHAT, 128_000, 4_096),
    Family("gpt-4-turbo", _SEES, 128_000, 4_096),
    Family("gpt-4o", _FULL, 128_000, 16_384),
    Family("gpt-4o-2024-05-13", _SEES, 128_000, 4_096),
    Family("gpt-4.1", _FULL, 1_047_576, 32_768),
    Family("gpt-5", _THINKS, 400_000, 128_000),
    Family("gpt-5.", _THINKS),
    Family("gpt-oss", (*_SCHEMA, "thinking"), 131_072),
    Family("o1", _THINKS, 200_000, 100_000),
    Family("o1-mini", ("completion", "thinking"), 128_000, 65_536),
    Family("o1-preview", ("completion", "thinking"), 128_000, 32_768),
    Family("o3", _THINKS, 200_000, 100_000),
    Family("o3-mini", (*_SCHEMA, "thinking"), 200_000, 100_000),
    Family("o4-mini", _THINKS, 200_000, 100_000),
    Family("text-embedding-3-", _EMBEDS, 8_192),
    Family("text-embedding-ada-002", _EMBEDS, 8_192),
    Family("claude-2.", ("completion",), None, 4_096),
    Family("claude-3-", _FULL, 200_000, 4_096),
    Family("claude-3-5-", _FULL, 200_000, 8_192),
    Family("claude-3-7-", _THINKS, 200_000, 64_000),
    Family("claude-opus-4", _THINKS),
    Family("claude-sonnet-4", _THINKS, None, 64_000),
    Family("claude-haiku-4", _THINKS, 200_000, 64_000),
    Family("gemini-1.5-", _FULL),
    Family("gemini-2.0-", _FULL),
    Family("gemini-2.5-", _THINKS),
    Family("gemini-3-", _THINKS),
    Family("gemini-3.", _THINKS),
    Family("gemini-embedding-", _EMBEDS),
    Family("text-embedding-004", _EMBEDS, 2_048),
    Family("command-r", _SCHEMA, 128_000, 4_096),
    Family("command-r-plus", _SCHEMA, 128_000, 4_096),
    Family("command-r7b", _SCHEMA, 128_000, 4_096),
    Family("command-a", _SCHEMA, 256_000, 8_192),
    Family("command-a-vision", ("completion", "vision", "json_schema"), 128_000, 8_192),
    Family("command-a-reasoning", (*_SCHEMA, "thinking"), 256_000, 32_000),
    Family("embed-v4.", (*_EMBEDS, "vision"), 128_000),
    Family("embed-english-v3.", _EMBEDS, 512),
    Family("embed-multilingual-v3.", _EMBEDS, 512),
    Family("grok-2", _SCHEMA, 131_072),
    Family("grok-2-vision", _FULL, 32_768),
    Family("grok-3", _SCHEMA, 131_072),
    Family("grok-3-mini", (*_SCHEMA, "thinking"), 131_072),
    Family("grok-4", _THINKS),
    Family("grok-code-fast", (*_SCHEMA, "thinking"), 256_000),
)
_LONGEST_FIRST = sorted(_FAMILIES, key=lambda family: -len(family.prefix))
# These share the beginning of a general model's name, not what it can do.
_SPECIAL = re.compile(
    "audio|realtime|live|image|tts|transcribe|search|moderation|research|codex|cyber|robotics|computer|multi-agent"
    "|non-reasoning|-chat|vision-preview"
)
# Bedrock writes `us.anthropic.claude-…-v1:0`, aggregators write `openai/gpt-4o`.
_MAKER = re.compile(r"(?:[a-z-]{2,8}\.)?(?:anthropic|cohere|openai)\.")


def family_of(name: str) -> Family | None:
    """The row of a model, whoever serves it; None when it is not one of the makers' own plain names."""
    plain = name.rpartition("/")[2].lower()
    plain = plain[found.end() :] if (found := _MAKER.match(plain)) else plain
    if _SPECIAL.search(plain):
        return None
    return next((family for family in _LONGEST_FIRST if _belongs(plain, family.prefix)), None)


def _belongs(name: str, prefix: str) -> bool:
    """`gpt-4` begins `gpt-4-0613`, neither `gpt-4.5` nor `gpt-45`; a prefix that ends with a sign may be followed by anything."""
    return name.startswith(prefix) and (not prefix[-1].isalnum() or name[len(prefix) :][:1] in ("", "-", ":", "@"))
