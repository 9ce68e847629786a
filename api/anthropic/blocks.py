"""The content blocks of Anthropic's messages, read and written.

Source: docs.claude.com/en/api/messages. A thought's `signature` is the dialect's own. A text and a call of a tool have none
there: theirs is a member `signature` of the block, which the SDKs keep and send back; in streams the signature of a text
follows it in a block without text.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from api.members import Body, as_mapping, at, flag, mapping, needed_text, refuse, text, wrong
from api.pictures import from_base64, from_url
from api.turns import Turns
from providers.types import Image, Part, Text, Thought, ToolCall

_DOCUMENT = "Upload it to POST /upload, or send its text."


def read_user(message: Body, path: str, turns: Turns) -> None:
    """Results of tools are a turn of their own, before what the user says with them."""
    said: list[Part] = []
    for block, field in _blocks(message, path):
        if block.get("type") == "tool_result":
            _result(block, field, turns)
        else:
            said += _shown(block, field)
    if said or not isinstance(message.get("content"), list):
        turns.say("user", said)


def read_assistant(message: Body, path: str) -> list[Part]:
    parts: list[Part] = []
    for block, field in _blocks(message, path):
        part = _said(block, field)
        last = parts[-1] if parts else None
        if part == Text(""):
            continue
        if isinstance(part, Text) and not part.text and isinstance(last, Text) and last.signature is None:
            parts[-1] = Text(last.text, part.signature)
        else:
            parts.append(part)
    return parts


def read_system(body: Body) -> list[Part]:
    """One text or blocks of it, each a part of its own."""
    said = body.get("system")
    if said is None or said == "":
        return []
    return [_text(block, field) for block, field in _blocks(body, "", "system")]


def _blocks(holder: Body, path: str, name: str = "content") -> list[tuple[Body, str]]:
    content, field = holder.get(name), at(path, name)
    if isinstance(content, str):
        return [({"type": "text", "text": content}, field)]
    if not isinstance(content, list) or not content:
        raise wrong(field, "must be a text or a list of blocks", 'Send "…" or [{"type": "text", "text": "…"}].')
    return [(as_mapping(block, f"{field}.{index}"), f"{field}.{index}") for index, block in enumerate(content)]


def _text(block: Body, path: str) -> Text:
    if block.get("type") != "text":
        raise wrong(at(path, "type"), "is not text, which alone can be said here", 'Send {"type": "text", "text": "…"}.')
    return Text(text(block, "text", path) or "", text(block, "signature", path))


def _shown(block: Body, path: str) -> list[Part]:
    """What users and results of tools can hold."""
    match block.get("type"):
        case "text":
            said = _text(block, path)
            return [said] if said.text else []
        case "image":
            return [_picture(as_mapping(block.get("source"), at(path, "source")), at(path, "source"))]
        case "document":
            return _document(block, path)
        case "search_result":
            refuse(path, "Search results cannot be sent as such, for nobody cites them.", "Send them as text.")
        case "container_upload":
            refuse(path, "There is no container to upload to.", _DOCUMENT)
    raise wrong(at(path, "type"), "is not a type of block for this place", "Send text, image, document or tool_result.")


def _picture(source: Body, path: str) -> Image:
    match source.get("type"):
        case "base64":
            return from_base64(needed_text(source, "data", path), at(path, "data"))
        case "url":
            return from_url(needed_text(source, "url", path), at(path, "url"))
        case "file":
            refuse(at(path, "file_id"), "Files cannot be named by their id: none are kept.", "Send the picture as base64.")
    raise wrong(at(path, "type"), "is not a source of a picture", "Send base64 or url.")


def _document(block: Body, path: str) -> list[Part]:
    """Documents of text, with their title as the first line."""
    citations = mapping(block, "citations", path) or {}
    if flag(citations, "enabled", path=at(path, "citations")):
        refuse(at(path, "citations"), "Documents are not cited here.", "Ask at POST /upload: each value comes with its evidence.")
    field = at(path, "source")
    source = as_mapping(block.get("source"), field)
    head = "\n".join(told for name in ("title", "context") if (told := text(block, name, path)))
    match source.get("type"):
        case "text":
            parts: list[Part] = [Text(needed_text(source, "data", field))]
        case "content":
            parts = [part for inner, place in _blocks(source, field) for part in _shown(inner, place)]
        case _:
            refuse(field, "Only documents of text can be sent with a message here.", _DOCUMENT)
    return [Text(head + "\n"), *parts] if head else parts


def _result(block: Body, path: str, turns: Turns) -> None:
    shown: list[Part] = []
    if block.get("content") is not None and block["content"] != []:
        shown = [part for inner, field in _blocks(block, path) for part in _shown(inner, field)]
    turns.answer(
        needed_text(block, "tool_use_id", path),
        "".join(part.text for part in shown if isinstance(part, Text)),
        at(path, "tool_use_id"),
        failed=flag(block, "is_error", path=path),
        images=tuple(part for part in shown if isinstance(part, Image)),
    )


def _said(block: Body, path: str) -> Part:
    """What an assistant says."""
    match block.get("type"):
        case "text":
            return _text(block, path)
        case "thinking":
            return Thought(text(block, "thinking", path) or "", text(block, "signature", path) or None)
        case "redacted_thinking":
            return Thought(needed_text(block, "data", path), redacted=True)
        case "tool_use":
            arguments = orjson.dumps(mapping(block, "input", path) or {}).decode()
            return ToolCall(
                needed_text(block, "id", path), needed_text(block, "name", path), arguments, text(block, "signature", path)
            )
        case "server_tool_use":
            refuse(path, "Tools that Anthropic runs itself are not here.", "Run them on your side and offer them as tools.")
    raise wrong(at(path, "type"), "is not a type of block that an assistant says", "Send text, thinking or tool_use.")


def blocks_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The content of an answer."""
    return [block_of(part) for part in parts if part != Text("")]


def block_of(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text, **signed(part.signature)}
        case Thought() if part.redacted:
            return {"type": "redacted_thinking", "data": part.text}
        case Thought():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case ToolCall():
            said = {"id": part.id, "name": part.name, "input": part.input}
            return {"type": "tool_use", **said, **signed(part.signature)}
    raise TypeError(f"A model does not say a {type(part).__name__}.")


def signed(signature: str | None) -> dict[str, Any]:
    return {} if signature is None else {"signature": signature}
