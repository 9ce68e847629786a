"""The sizes of a model that decide over its memory, out of what /api/tags and /api/show of Ollama tell.

Every key of `model_info` may be missing: older servers leave some out, and arrays longer than five come back empty. Where a
figure is missing the one that needs more memory is taken. Sources: GGUF keys as llama.cpp reads them (src/llama-hparams,
src/llama-model: `n_swa_pattern`), server/routes.go of Ollama (2026-08).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BLOB = re.compile(r"^FROM[ \t]+\S*?(sha256)[-:]([0-9a-f]{64})[ \t]*$", re.MULTILINE)
#: One layer in so many sees the whole context, the others a window.
_WINDOW_PATTERNS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gptoss": 2, "gpt-oss": 2}
_MOST_LAYERS = 4096
#: Ollama gives these architectures, and whatever can only embed, one slot each (server/sched.go).
_ONE_SLOT = ("mllama", "qwen3vl", "qwen35", "qwen3next", "lfm2", "nemotron_h")


@dataclass(frozen=True, slots=True)
class Layer:
    """`cells` of the cache for each token of context: heads times the lengths of key and value. `window` in tokens, or None."""

    cells: int
    window: int | None = None

    def tokens(self, num_ctx: int) -> int:
        return num_ctx if self.window is None else min(num_ctx, self.window)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """`weights` in bytes, all files of the tag; `blob` the digest of its GGUF (the identity of a runner), or that of the tag;
    `context` the longest in tokens; no `layers` when the server does not tell them; `heads` of a layer, 0 when not told.

    `embeds`: it can do nothing else, and is always loaded with its longest context; `one_slot` whatever the server's setting.
    """

    weights: int
    blob: str
    context: int | None = None
    layers: tuple[Layer, ...] = ()
    heads: int = 0
    sees: bool = False
    embeds: bool = False
    one_slot: bool = False

    @property
    def known(self) -> bool:
        return bool(self.layers)


def read_anatomy(size: int | None, digest: str | None, show: Mapping[str, Any]) -> Anatomy:
    """`size` and `digest` of the tag; `show` the reply of /api/show, `{}` when there is none."""
    info = show.get("model_info")
    info = info if isinstance(info, Mapping) else {}
    can = _list(show.get("capabilities"))
    embeds = "embedding" in can and "completion" not in can
    return Anatomy(
        weights=size or 0,
        blob=_blob(show) or digest or "",
        context=_number(info, "context_length"),
        layers=_layers(info),
        heads=_number(info, "attention.head_count") or 0,
        sees=bool(show.get("projector_info")) or "vision" in can,
        embeds=embeds,
        one_slot=embeds or str(info.get("general.architecture")).startswith(_ONE_SLOT),
    )


def _blob(show: Mapping[str, Any]) -> str | None:
    text = show.get("modelfile")
    found = _BLOB.search(text) if isinstance(text, str) else None
    return f"{found[1]}:{found[2]}" if found else None


def _layers(info: Mapping[str, Any]) -> tuple[Layer, ...]:
    count, heads = _number(info, "block_count"), _number(info, "attention.head_count")
    embedding = _number(info, "embedding_length")
    usual = embedding // heads if embedding and heads else None
    key, value = _number(info, "attention.key_length") or usual, _number(info, "attention.value_length") or usual
    if not count or count > _MOST_LAYERS or not key or not value:
        return ()
    kv_heads = _kv_heads(info, count, heads)
    windows = _windows(info, count)
    return (
        tuple(Layer(number * (key + value), window) for number, window in zip(kv_heads, windows, strict=True)) if kv_heads else ()
    )


def _kv_heads(info: Mapping[str, Any], count: int, heads: int | None) -> list[int]:
    """Of each layer; as many as there are heads when nothing is told."""
    said = _value(info, "attention.head_count_kv")
    if isinstance(said, list) and len(said) == count and all(map(_is_count, said)):
        return said
    one = said if _is_count(said) and said else heads
    return [one] * count if one else []


def _windows(info: Mapping[str, Any], count: int) -> list[int | None]:
    """A window that is not told to hold for some layers only holds for none: the whole context is the safe guess."""
    window, pattern = _number(info, "attention.sliding_window"), _value(info, "attention.sliding_window_pattern")
    if not window:
        return [None] * count
    if isinstance(pattern, list) and len(pattern) == count:
        return [window if slides is True else None for slides in pattern]
    every = pattern if _is_count(pattern) and pattern else _WINDOW_PATTERNS.get(str(info.get("general.architecture")), 1)
    return [None if (number + 1) % every == 0 else window for number in range(count)]


def _value(info: Mapping[str, Any], name: str) -> Any:
    """By the key of the architecture itself: a model that sees has keys of its projector beside it."""
    return info.get(f"{info.get('general.architecture')}.{name}")


def _number(info: Mapping[str, Any], name: str) -> int | None:
    value = _value(info, name)
    return value if _is_count(value) else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
