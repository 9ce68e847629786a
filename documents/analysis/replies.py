"""The JSON in what a model said: strictly first, repaired when it must be, and never half an answer for a whole one."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import json_repair

from documents.analysis.blocks import TooDeep, blocks_of, depth_of

MAX_CHARS = 1 << 20
#: Bounds of what is repaired: the repair takes time in proportion to both.
_MAX_REPAIRED, _MAX_REPAIRED_DEPTH = 1 << 16, 24
_MAX_RESTARTS = 16
_MAX_REPAIRS = 2
_LONG_INTEGER = 18

_TAILS = ("true", "false", "null", "-")


class NoAnswer(ValueError):
    """There is no JSON to be had from the reply; the text says why, in words that can be shown to the model."""


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """`repaired`: the text was not JSON as it stood. `partial`: it ends before its JSON does."""

    value: Any
    repaired: bool = False
    partial: bool = False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key comes twice")
    return made


def _integer(digits: str) -> int | str:
    # A long run of digits is an identifier (an access key has 44): as a text it stays exact.
    return int(digits) if len(digits) <= _LONG_INTEGER else digits


def _real(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _strict(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_real, parse_constant=_constant)


def _breaks_off(text: str) -> bool:
    """Whether `text` is JSON as far as it goes, and only its end is missing."""
    body = text.rstrip()
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        tail = body[error.pos :]
        in_text = error.msg.startswith(("Unterminated string", "Invalid \\"))
        return in_text or not tail or any(word.startswith(tail) for word in _TAILS)
    except (ValueError, RecursionError):
        return False
    return False


def _is_prose(text: str) -> bool:
    """Whether the bracket that opens `text` belongs to a sentence ("see [1 and …"), not to JSON however broken."""
    return text[1:64].lstrip()[:1] not in ("{", "[", '"', "'", "")


def _tidy(value: Any) -> Any:
    """What the repair made, without the numbers that JSON does not have; its depth is that of the text at most."""
    if isinstance(value, dict):
        return {str(key): _tidy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tidy(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63:
        return str(value) if value.bit_length() < 10_000 else None
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _repair(text: str, partial: bool) -> ParsedReply:
    if len(text) > _MAX_REPAIRED or depth_of(text) > _MAX_REPAIRED_DEPTH:
        raise NoAnswer("It is not valid JSON, and too long or too deep to be repaired.")
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        value = None
    if not isinstance(value, (dict, list)):
        raise NoAnswer("It is not valid JSON.")
    if partial and not value:
        raise NoAnswer("It ends before its first value.")
    return ParsedReply(_tidy(value), repaired=True, partial=partial)


def _repaired_block(text: str) -> ParsedReply | None:
    try:
        return _repair(text, partial=False)
    except NoAnswer:
        return None


def _best(blocks: list[str], fits: Callable[[Any], bool]) -> ParsedReply | None:
    """The last block that fits, else the last that can be read; only the last few are looked at, and fewer repaired."""
    spare = None
    repairs = 0
    for block in reversed(blocks[-_MAX_RESTARTS:]):
        try:
            read = ParsedReply(_strict(block))
        except (ValueError, RecursionError):
            repairs += 1
            read = _repaired_block(block) if repairs <= _MAX_REPAIRS else None
        if read is None:
            continue
        if fits(read.value):
            return read
        spare = spare or read
    return spare


def parse_reply(text: str, *, cut: bool, fits: Callable[[Any], bool]) -> ParsedReply:
    """The value of the last balanced JSON block of `text` that `fits`, whatever prose or fences stand around it.

    `cut` says that the provider stopped at the token limit. A block that never closes is `partial`, unless its bracket
    was only part of the prose. Raises NoAnswer, and nothing else.
    """
    if len(text) > MAX_CHARS:
        raise NoAnswer(f"It is longer than {MAX_CHARS} characters.")
    text = text.rpartition("</think>")[2]
    if not text.strip():
        raise NoAnswer("It is empty.")
    try:
        return _parse(text, cut, fits)
    except TooDeep:
        raise NoAnswer("It is nested too deeply.") from None


def _parse(text: str, cut: bool, fits: Callable[[Any], bool]) -> ParsedReply:
    blocks = blocks_of(text)
    if blocks.unclosed is None:
        best = _best(blocks.whole, fits)
        if best is None:
            raise NoAnswer("It is not valid JSON." if blocks.whole else "It holds no JSON.")
        return best
    rest = text[blocks.unclosed :]
    if cut or not _is_prose(rest) or _breaks_off(rest):
        return _repair(rest, partial=True)
    start = blocks.unclosed
    for _ in range(_MAX_RESTARTS):
        inner = blocks_of(text, start + 1)
        best = _best(inner.whole, fits)
        if best is not None and not best.repaired and fits(best.value):
            return best
        if inner.unclosed is None:
            break
        start = inner.unclosed
    return _best(blocks.whole, fits) or _repair(rest, partial=True)
