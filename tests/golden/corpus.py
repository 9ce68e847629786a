"""The golden corpus: one conversation for each feature, and exactly how each dialect says it.

Each file beside this one is an object: `request` and `reply` in the one vocabulary (a part is `{"Text": {…}}`, bytes are base64),
`deltas` the reply in pieces, `requests`, `replies` and `streams` the same in each dialect ("openai", "responses", "anthropic",
"ollama"), `differs` the members of the request that a dialect cannot say, by dialect. `error.json` has an error for streams.
"""

import base64
import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import core.errors
from core.errors import MyelinError
from providers import types
from providers.types import ChatDelta, ChatReply, ChatRequest

DIALECTS = ("openai", "responses", "anthropic", "ollama")
_FOLDER = Path(__file__).parent
_PARTS = (
    "Text",
    "Image",
    "Thought",
    "ToolCall",
    "ToolResult",
    "Message",
    "Tool",
    "ToolChoice",
    "Thinking",
    "Usage",
    "ToolCallDelta",
)


class Case:
    def __init__(self, name: str):
        self.name = name
        self._told: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))

    def asked(self, dialect: str) -> ChatRequest:
        """What the request of this dialect must become."""
        request = ChatRequest(**{"temperature": None} | _decoded(self._told["request"]))
        return replace(request, **_decoded(self._told.get("differs", {}).get(dialect, {})))

    def body(self, dialect: str) -> dict[str, Any]:
        return self._told["requests"][dialect]

    @property
    def reply(self) -> ChatReply:
        return ChatReply(model="m", **_decoded(self._told["reply"]))

    @property
    def deltas(self) -> list[ChatDelta]:
        return [ChatDelta(**_decoded(delta)) for delta in self._told["deltas"]]

    @property
    def error(self) -> MyelinError | None:
        """What breaks the stream instead of its end."""
        told = self._told.get("error")
        return getattr(core.errors, told["class"])(told["detail"], hint=told["hint"]) if told else None

    def written(self, dialect: str) -> dict[str, Any]:
        return self._told["replies"][dialect]

    def streamed(self, dialect: str) -> str:
        return "".join(f"{line}\n" for line in self._told["streams"][dialect])


def names() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def _decoded(value: Any) -> Any:
    """Lists as tuples, tagged objects as what they are; the rest of the objects are JSON of the request itself."""
    if isinstance(value, list):
        return tuple(_decoded(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    (tag, members), *more = value.items() or [("", None)]
    if more or tag not in _PARTS:
        return {name: inner if name in ("schema", "parameters") else _decoded(inner) for name, inner in value.items()}
    if tag == "Image" and "data" in members:
        members = members | {"data": base64.b64decode(members["data"])}
    kind = getattr(types, tag)
    assert is_dataclass(kind) and members.keys() <= {one.name for one in fields(kind)}
    return kind(**_decoded(members))
