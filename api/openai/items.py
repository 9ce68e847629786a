"""The items of OpenAI's responses: what a client sends as `input`, read; what a model said as `output`, written.

Source: platform.openai.com/docs/api-reference/responses. A thought is a `reasoning` item with its text as summary; its
signature is the item's `encrypted_content`, and so is a cipher, marked as what it is. Signatures of texts and calls are
`extra_content` of their items, as in chat completions.
"""

from typing import Any

from api.members import Body, as_mapping, at, items, needed_text, refuse, text, wrong
from api.openai.thoughts import read_signature, signed
from api.pictures import from_url
from api.turns import Turns
from providers.types import Image, Message, Part, Text, Thought, ToolCall

#: Before the data of a thought that nobody can read; a signature stands without it.
_CIPHER = "cipher:"
_STORED = "Nothing is stored here: send the items themselves."
_ROLES = ("user", "assistant", "system", "developer")


def read_input(body: Body) -> tuple[Message, ...]:
    """`instructions` come first. Raises InvalidField."""
    turns = Turns()
    if instructions := text(body, "instructions"):
        turns.say("system", [Text(instructions)])
    said = body.get("input")
    if isinstance(said, str) and said:
        turns.say("user", [Text(said)])
        return turns.messages()
    listed = items(body, "input") if not isinstance(said, str) else []
    if not listed:
        raise wrong("input", "is missing", 'Send a text, or a list such as [{"role": "user", "content": "…"}].')
    for index, item in enumerate(listed):
        path = f"input.{index}"
        _read(as_mapping(item, path), path, turns)
    return turns.messages()


def _read(item: Body, path: str, turns: Turns) -> None:
    match item.get("type", "message"):
        case "message":
            _message(item, path, turns)
        case "reasoning":
            turns.go_on("assistant", _thought(item, path))
        case "function_call":
            arguments = text(item, "arguments", path) or "{}"
            name, call_id = needed_text(item, "name", path), needed_text(item, "call_id", path)
            turns.go_on("assistant", ToolCall(call_id, name, arguments, read_signature(item, path)))
        case "function_call_output":
            parts = _content(item, "output", path)
            said = "".join(part.text for part in parts if isinstance(part, Text))
            images = tuple(part for part in parts if isinstance(part, Image))
            turns.answer(needed_text(item, "call_id", path), said, at(path, "call_id"), images=images)
        case "item_reference":
            refuse(path, "Items cannot be named by their id.", _STORED)
        case _:
            refuse(
                at(path, "type"),
                "Items of this type are not known here.",
                "Send messages, reasoning, function calls and outputs.",
            )


def _message(item: Body, path: str, turns: Turns) -> None:
    role = item.get("role")
    if role not in _ROLES:
        raise wrong(at(path, "role"), "is not a role", f"Send one of: {', '.join(_ROLES)}.")
    parts = _content(item, "content", path)
    if role == "user":
        turns.say("user", parts)
        return
    texts = [part for part in parts if isinstance(part, Text)]
    if len(texts) < len(parts):
        raise wrong(at(path, "content"), "has a picture, which only users and tools may show", "Send it as the user.")
    if role != "assistant":
        turns.say("system", texts)
        return
    signature = read_signature(item, path)
    if signature is not None:
        texts = [*texts[:-1], Text(texts[-1].text if texts else "", signature)]
    for part in texts or [Text("")]:
        turns.go_on("assistant", part)


def _thought(item: Body, path: str) -> Thought:
    encrypted = text(item, "encrypted_content", path)
    if encrypted is not None and encrypted.startswith(_CIPHER):
        return Thought(encrypted.removeprefix(_CIPHER), redacted=True)
    told = items(item, "summary", path) or items(item, "content", path)
    said = [text(as_mapping(one, f"{path}.summary"), "text", f"{path}.summary") or "" for one in told]
    return Thought("\n\n".join(said), encrypted)


def _content(item: Body, name: str, path: str) -> list[Part]:
    content, field = item.get(name), at(path, name)
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list):
        raise wrong(field, "must be a text or a list of parts", 'Send "…" or [{"type": "input_text", "text": "…"}].')
    return [_part(as_mapping(part, f"{field}.{index}"), f"{field}.{index}") for index, part in enumerate(content)]


def _part(part: Body, path: str) -> Part:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return Text(text(part, "text", path) or "")
        case "refusal":
            return Text(text(part, "refusal", path) or "")
        case "input_image":
            if part.get("file_id") is not None:
                refuse(at(path, "file_id"), "Files cannot be named by their id.", _STORED)
            return from_url(needed_text(part, "image_url", path), at(path, "image_url"))
        case "input_file":
            refuse(path, "Files cannot be sent with a message here.", "Upload documents to POST /upload, or send their text.")
    raise wrong(at(path, "type"), "is not a type of part", "Send input_text, output_text or input_image.")


def item_of(part: Part, name: str, status: str = "completed") -> dict[str, Any]:
    """A part of an answer as an item; `name` makes its id."""
    match part:
        case Thought():
            return reasoning_item(part, name, status)
        case ToolCall():
            said = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            return {"type": "function_call", "id": f"fc_{name}", "status": status, **said, **signed(part.signature)}
        case Text():
            content = [output_text(part.text)]
            said = {"role": "assistant", "content": content}
            return {"type": "message", "id": f"msg_{name}", "status": status, **said, **signed(part.signature)}
    raise TypeError(f"A model does not say a {type(part).__name__}.")


def output_text(said: str) -> dict[str, Any]:
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def reasoning_item(thought: Thought, name: str, status: str) -> dict[str, Any]:
    summary = [] if thought.redacted or not thought.text else [{"type": "summary_text", "text": thought.text}]
    encrypted = _CIPHER + thought.text if thought.redacted else thought.signature
    kept = {} if encrypted is None else {"encrypted_content": encrypted}
    return {"type": "reasoning", "id": f"rs_{name}", "status": status, "summary": summary, **kept}
