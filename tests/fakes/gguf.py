"""A model of llama.cpp that knows one word: 150 KB of GGUF with random weights, whose tokens are single bytes.

It begins a call of a tool again and again, and writes what a grammar demands. What a server makes of that is real: grammars,
streams, calls of tools, usage, vectors.
`python -m tests.fakes.gguf tiny.gguf` writes one. Source: github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3).
"""

import random
import sys
from array import array
from pathlib import Path
from struct import pack

CONTEXT = 2048
_WIDTH, _HEADS, _INNER = 32, 4, 64
_ALIGNMENT = 32
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_UNKNOWN, _CONTROL, _BYTE = 2, 3, 6  # kinds of tokens
#: What it says for ever: each of these bytes calls for the next one.
_WORD = b"<do>\n"
_STRENGTH = 2.0
_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
#: In the way of Qwen and Hermes: without a form for calls a server offers no tools.
_TEMPLATE = """\
{%- if tools %}<|im_start|>system
Call these: <tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools><|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
<do>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</do>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def gguf(seed: int = 7) -> bytes:
    """The whole file; the same for the same seed."""
    noise = random.Random(seed)
    weights = {name: _weights(name, shape, noise) for name, shape in _shapes()}
    for byte, following in zip(_WORD, _WORD[1:] + _WORD[:1], strict=True):
        for place in range(_WIDTH):
            heard = weights["token_embd.weight"][_row(byte) + place]
            weights["output.weight"][_row(following) + place] += _STRENGTH * heard
    tensors = [(name, shape, _packed(weights[name])) for name, shape in _shapes()]
    described, placed = b"", 0
    for name, shape, data in tensors:
        dimensions = b"".join(pack("<Q", size) for size in shape)
        described += _text(name) + pack("<I", len(shape)) + dimensions + pack("<IQ", 0, placed)  # 0: float32
        placed += len(data)
    members = _members()
    head = b"GGUF" + pack("<IQQ", 3, len(tensors), len(members)) + b"".join(members) + described
    return head + bytes(-len(head) % _ALIGNMENT) + b"".join(data for _, _, data in tensors)


def _shapes() -> list[tuple[str, tuple[int, ...]]]:
    """In ggml's order: the size of a row first. Each is a multiple of the alignment."""
    square, vocabulary = (_WIDTH, _WIDTH), (_WIDTH, len(_TOKENS))
    block = {
        "attn_norm": (_WIDTH,), "attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square,
        "ffn_norm": (_WIDTH,), "ffn_gate": (_WIDTH, _INNER), "ffn_up": (_WIDTH, _INNER), "ffn_down": (_INNER, _WIDTH),
    }  # fmt: skip
    ends = [("token_embd.weight", vocabulary), ("output_norm.weight", (_WIDTH,)), ("output.weight", vocabulary)]
    return ends + [(f"blk.{layer}.{name}.weight", shape) for layer in range(2) for name, shape in block.items()]


def _row(byte: int) -> int:
    """Where the weights of a byte's token begin: behind those of the three that are no bytes."""
    return (byte + 3) * _WIDTH


def _weights(name: str, shape: tuple[int, ...], noise: random.Random) -> "array[float]":
    """Blocks whisper, so that a byte alone decides what follows it."""
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    loud = 1.0 if name == "token_embd.weight" else 0.05
    return array("f", [1.0] * count if "norm" in name else (noise.gauss(0, loud) for _ in range(count)))


def _packed(weights: "array[float]") -> bytes:
    told = array("f", weights)
    if sys.byteorder == "big":
        told.byteswap()
    return told.tobytes()


def _members() -> list[bytes]:
    kinds = [_UNKNOWN, _CONTROL, _CONTROL] + [_BYTE] * 256
    numbers = {
        "llama.context_length": CONTEXT, "llama.embedding_length": _WIDTH, "llama.block_count": 2,
        "llama.feed_forward_length": _INNER, "llama.attention.head_count": _HEADS, "llama.attention.head_count_kv": _HEADS,
        "llama.rope.dimension_count": _WIDTH // _HEADS, "llama.vocab_size": len(_TOKENS), "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
    }  # fmt: skip
    texts = {
        "general.architecture": "llama", "general.name": "tiny", "tokenizer.ggml.model": "llama",
        "tokenizer.chat_template": _TEMPLATE,
    }  # fmt: skip
    return [
        *(_member(name, _STRING, _text(value)) for name, value in texts.items()),
        *(_member(name, _UINT32, pack("<I", value)) for name, value in numbers.items()),
        _member("llama.attention.layer_norm_rms_epsilon", _FLOAT32, pack("<f", 1e-5)),
        _member("tokenizer.ggml.add_space_prefix", _BOOL, b"\0"),
        _list("tokenizer.ggml.tokens", _STRING, [_text(token) for token in _TOKENS]),
        _list("tokenizer.ggml.scores", _FLOAT32, [pack("<f", 0.0)] * len(_TOKENS)),
        _list("tokenizer.ggml.token_type", _INT32, [pack("<i", kind) for kind in kinds]),
    ]


def _member(name: str, kind: int, value: bytes) -> bytes:
    return _text(name) + pack("<I", kind) + value


def _list(name: str, kind: int, values: list[bytes]) -> bytes:
    return _member(name, _ARRAY, pack("<IQ", kind, len(values)) + b"".join(values))


def _text(value: str) -> bytes:
    return pack("<Q", len(value.encode())) + value.encode()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(gguf())
