"""How large a context a prompt needs, so that nothing of it is cut and the model is not loaded anew without need."""

import math
from collections.abc import Iterable, Sequence

import orjson

from providers.types import TOKENS_PER_IMAGE, Image, Message, Part, Text, Thought, Tool, ToolCall, ToolResult

#: Characters a token holds at least in ordinary documents; real texts have 3 to 4, so this promises room enough.
CHARACTERS_PER_TOKEN = 2.3
#: No text has more characters a token than this over its whole length: fewer tokens mean that the prompt was cut.
MOST_CHARACTERS_PER_TOKEN = 6.0
TOKENS_PER_MESSAGE = 16
BUCKETS = tuple(1024 * size for size in (4, 8, 16, 32, 64, 128))


def fewest_tokens(messages: Iterable[Message]) -> int:
    """Tokens that a prompt has at the very least; a run of white space counts as one character, as it can be one token."""
    return int(sum(len(" ".join(message.content.split())) for message in messages) / MOST_CHARACTERS_PER_TOKEN)


def exceeds(messages: Sequence[Message], limit: int) -> bool:
    """Whether a prompt has more tokens than `limit` at the very least; runs of white space are looked for in long ones only."""
    most = limit * MOST_CHARACTERS_PER_TOKEN
    said = sum([len(part.text) for message in messages for part in message.parts if isinstance(part, Text)])
    return said > most and fewest_tokens(messages) > limit


def estimated_tokens(messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> int:
    """Tokens of a prompt with all its parts and the tools that it offers, rather too many than too few."""
    parts = [part for message in messages for part in message.parts]
    images = sum([len(part.images) if isinstance(part, ToolResult) else isinstance(part, Image) for part in parts])
    characters = sum(map(_characters, parts)) + sum(map(_size, tools))
    return tokens(characters, len(messages) + len(tools), images)


def tokens(characters: int, messages: int, images: int) -> int:
    return math.ceil(characters / CHARACTERS_PER_TOKEN) + TOKENS_PER_MESSAGE * messages + TOKENS_PER_IMAGE * images


def _characters(part: Part) -> int:
    match part:
        case Text(text) | Thought(text):
            return len(text)
        case ToolCall(_, name, arguments):
            return len(name) + len(arguments)
        case ToolResult(_, name, content):
            return len(name) + len(content)
    return 0


def _size(tool: Tool) -> int:
    return len(tool.name) + len(tool.description) + len(orjson.dumps(tool.parameters))


def choose_context(needed: int, limit: int | None, loaded: int | None) -> int:
    """The `num_ctx` to ask for: what is loaded when it is enough, else the smallest bucket, never above the model's `limit`.

    A change of num_ctx in either direction loads the model anew, so a larger context in memory is kept.

    >>> choose_context(5000, 32768, None), choose_context(5000, 32768, 16384), choose_context(50_000, 32768, None)
    (8192, 16384, 32768)
    """
    bucket = next((size for size in BUCKETS if size >= needed), BUCKETS[-1])
    wanted = min(bucket, limit or bucket)
    return loaded if loaded is not None and loaded >= wanted else wanted


def looks_cut(evaluated: int | None, messages: tuple[Message, ...], num_ctx: int) -> bool:
    """Whether fewer tokens were read than the prompt can have, or exactly as many as fit."""
    if evaluated is None:
        return False
    return evaluated >= num_ctx - 1 or exceeds(messages, evaluated)


def looks_halved(evaluated: int, num_ctx: int) -> bool:
    """Whether exactly as many tokens were read as Ollama leaves of a prompt that is too long.

    That is `num_ctx - (num_ctx - num_keep) / 2` with a `num_keep` of 4 or 5 (llm/llama_server.go); by chance a prompt in a
    thousand has that length.
    """
    return 0 <= evaluated - num_ctx // 2 <= 8
