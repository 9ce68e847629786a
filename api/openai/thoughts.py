"""Thoughts and signatures in OpenAI's chat dialect, which has no place of its own for either.

Thoughts are told as `reasoning_content` (DeepSeek, vLLM, LiteLLM; read under the names `reasoning` and `thinking`, too). Where
one is signed or cipher, `reasoning_details` (OpenRouter) says all of them again, whole: `{"type": "reasoning.text", "text",
"signature"}` or `{"type": "reasoning.encrypted", "data"}`. The signature of a text or of a call is
`extra_content.google.thought_signature` beside it (Google's own OpenAI front). A client that sends back the messages that it
got sends the thoughts and signatures with them.
"""

from typing import Any

from api.members import Body, as_mapping, at, items, text
from providers.types import Part, Thought

_NAMES = ("reasoning_content", "reasoning", "thinking")


def read_thoughts(message: Body, path: str) -> list[Part]:
    """The details win over the plain text, which says the same without signatures."""
    details = [detail for detail in items(message, "reasoning_details", path) if isinstance(detail, dict)]
    thoughts = [thought for detail in details if (thought := _thought(detail)) is not None]
    if thoughts:
        return list(thoughts)
    plain = next((said for name in _NAMES if (said := text(message, name, path))), None)
    return [Thought(plain)] if plain else []


def _thought(detail: dict[str, Any]) -> Thought | None:
    said, signature, data = (detail.get(name) for name in ("text", "signature", "data"))
    if detail.get("type") == "reasoning.encrypted" and isinstance(data, str):
        return Thought(data, redacted=True)
    if detail.get("type") != "reasoning.text":
        return None
    return Thought(said if isinstance(said, str) else "", signature if isinstance(signature, str) else None)


def detail_of(thought: Thought, index: int) -> dict[str, Any]:
    if thought.redacted:
        return {"type": "reasoning.encrypted", "data": thought.text, "index": index}
    signed = {"signature": thought.signature} if thought.signature is not None else {}
    return {"type": "reasoning.text", "text": thought.text, **signed, "index": index}


def written_thoughts(thoughts: list[Thought]) -> dict[str, Any]:
    """The members of a message."""
    plain = "".join(thought.text for thought in thoughts if not thought.redacted)
    members: dict[str, Any] = {"reasoning_content": plain} if plain else {}
    if any(thought.redacted or thought.signature is not None for thought in thoughts):
        members["reasoning_details"] = [detail_of(thought, index) for index, thought in enumerate(thoughts)]
    return members


def read_signature(holder: Body, path: str) -> str | None:
    extra = holder.get("extra_content")
    if extra is None:
        return None
    google = as_mapping(extra, at(path, "extra_content")).get("google")
    if google is None:
        return None
    field = at(path, "extra_content.google")
    return text(as_mapping(google, field), "thought_signature", field)


def signed(signature: str | None) -> dict[str, Any]:
    return {} if signature is None else {"extra_content": {"google": {"thought_signature": signature}}}
