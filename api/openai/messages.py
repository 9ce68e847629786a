"""The messages of OpenAI's chat completions, read.

Source: platform.openai.com/docs/api-reference/chat/create.
"""

from typing import Any

from api.members import Body, as_mapping, at, items, needed_text, refuse, text, wrong
from api.openai.thoughts import read_signature, read_thoughts
from api.pictures import from_url
from api.turns import Turns
from providers.types import Image, Message, Part, Text, ToolCall

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_NO_FILES = "Upload documents to POST /upload, or send their text."


def read_messages(body: Body) -> tuple[Message, ...]:
    """Raises InvalidField."""
    listed = items(body, "messages")
    if not listed:
        raise wrong("messages", "is missing", 'Send at least {"role": "user", "content": "…"}.')
    turns = Turns()
    for index, message in enumerate(listed):
        _read(message, f"messages.{index}", turns)
    return turns.messages()


def _read(message: Any, path: str, turns: Turns) -> None:
    message = as_mapping(message, path)
    match message.get("role"):
        case "user":
            turns.say("user", _content(message, path))
        case "assistant":
            turns.say("assistant", _assistant(message, path))
        case "system" | "developer":
            turns.say("system", _texts(message, path))
        case "tool":
            _result(turns, needed_text(message, "tool_call_id", path), message, path, at(path, "tool_call_id"))
        case "function":
            name = needed_text(message, "name", path)
            _result(turns, turns.unanswered(name) or "", message, path, at(path, "name"))
        case _:
            raise wrong(at(path, "role"), "is not a role", f"Send one of: {', '.join(_ROLES)}.")


def _result(turns: Turns, call_id: str, message: Body, path: str, field: str) -> None:
    parts = _content(message, path)
    said = "".join(part.text for part in parts if isinstance(part, Text))
    turns.answer(call_id, said, field, images=tuple(part for part in parts if isinstance(part, Image)))


def _assistant(message: Body, path: str) -> list[Part]:
    parts = read_thoughts(message, path)
    said = [*_texts(message, path, nullable=True)]
    if refusal := text(message, "refusal", path):
        said.append(Text(refusal))
    signature = read_signature(message, path)
    if signature is not None:
        said = [*said[:-1], Text(said[-1].text if said else "", signature)]
    calls = [_call(call, f"{path}.tool_calls.{index}") for index, call in enumerate(items(message, "tool_calls", path))]
    if message.get("function_call") is not None:  # before there were several calls at once, they had no ids
        field = at(path, "function_call")
        calls.append(_function(as_mapping(message["function_call"], field), field, f"call_{path.rpartition('.')[2]}", None))
    return [*parts, *said, *calls]


def _call(call: Any, path: str) -> ToolCall:
    call = as_mapping(call, path)
    if call.get("type", "function") != "function":
        refuse(at(path, "type"), "Only calls of functions are known here.", 'Send {"type": "function", …}.')
    function = as_mapping(call.get("function"), at(path, "function"))
    return _function(function, at(path, "function"), needed_text(call, "id", path), read_signature(call, path))


def _function(function: Body, path: str, call_id: str, signature: str | None) -> ToolCall:
    return ToolCall(call_id, needed_text(function, "name", path), text(function, "arguments", path) or "{}", signature)


def _texts(message: Body, path: str, nullable: bool = False) -> list[Text]:
    """The content of those who show no pictures: system, developer and assistant."""
    parts = _content(message, path, nullable)
    for index, part in enumerate(parts):
        if not isinstance(part, Text):
            raise wrong(f"{path}.content.{index}", "is a picture, which only users and tools may show", "Send it as the user.")
    return [part for part in parts if isinstance(part, Text)]


def _content(message: Body, path: str, nullable: bool = False) -> list[Text | Image]:
    content = message.get("content")
    if isinstance(content, str):
        return [Text(content)] if content else []
    if content is None and nullable:
        return []
    field = at(path, "content")
    if not isinstance(content, list):
        raise wrong(field, "must be a text or a list of parts", 'Send "…" or [{"type": "text", "text": "…"}].')
    return [_part(part, f"{field}.{index}") for index, part in enumerate(content)]


def _part(part: Any, path: str) -> Text | Image:
    part = as_mapping(part, path)
    match part.get("type"):
        case "text":
            return Text(text(part, "text", path) or "")
        case "refusal":
            return Text(text(part, "refusal", path) or "")
        case "image_url":
            return _picture(part.get("image_url"), at(path, "image_url"))
        case "file":
            refuse(path, "Files cannot be sent with a message here.", _NO_FILES)
        case "input_audio" | "video_url":
            refuse(path, "Sounds and videos cannot be sent here.", "Send texts and pictures.")
    raise wrong(at(path, "type"), "is not a type of part", "Send text or image_url.")


def _picture(value: Any, path: str) -> Image:
    """`detail` is a knob: providers choose it themselves."""
    if isinstance(value, str):
        return from_url(value, path)
    return from_url(needed_text(as_mapping(value, path), "url", path), at(path, "url"))
