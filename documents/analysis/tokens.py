"""How many tokens a prompt and its answer take, rather too many than too few."""

from collections.abc import Sequence

from documents.skeleton import Free, ListOf, Node, Record, Skeleton
from providers.types import TOKENS_PER_IMAGE, Message

#: Characters of Portuguese text in a token, at the least. Gemma and Qwen spend a token on each digit, and all models
#: about one on three bytes of other scripts; between digits there are more characters in a token.
CHARS_PER_TOKEN = 2.3
_CHARS_BETWEEN_DIGITS, _BYTES_PER_TOKEN = 3.3, 3
_NO_DIGITS = dict.fromkeys(range(48, 58))
_TOKENS_PER_MESSAGE = 16
_TOKENS_PER_VALUE, _TOKENS_PER_FREE_PART, _ROWS = 40, 400, 25
LEAST_ANSWER, MOST_ANSWER = 512, 8192


def weight_of(text: str) -> float:
    """Tokens that `text` takes at the most, by its length, its digits and its bytes; no text weighs more than its parts."""
    others = len(text.translate(_NO_DIGITS))
    by_digits = len(text) - others + others / _CHARS_BETWEEN_DIGITS
    by_bytes = len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN
    return max(len(text) / CHARS_PER_TOKEN, by_digits, by_bytes)


def tokens_of(text: str) -> int:
    """`weight_of` as a whole number."""
    return int(weight_of(text)) + 1


def estimated_tokens(asked: Sequence[Message]) -> int:
    """Tokens of a conversation with its pictures."""
    return sum(tokens_of(message.content) + _TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE * len(message.images) for message in asked)


def answer_tokens(skeleton: Skeleton) -> int:
    """Room for the answer, from 512 to 8192; what it takes beyond that is a matter of groups of fields."""
    return min(max(answer_size(skeleton.root), LEAST_ANSWER), MOST_ANSWER)


def answer_size(node: Node, key: str = "", *, is_root: bool = True) -> int:
    """Tokens of an answer of the form `node`: 40 and its key for a value, 25 rows for a list, two for the outermost one."""
    match node:
        case Record(fields):
            return sum(answer_size(child, name, is_root=False) for name, child in fields)
        case ListOf(item):
            rows = 2 if is_root else _ROWS
            return rows * answer_size(item, key, is_root=False)
        case Free():
            return _TOKENS_PER_FREE_PART
    return _TOKENS_PER_VALUE + int(len(key) / CHARS_PER_TOKEN)
