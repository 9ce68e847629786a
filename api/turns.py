"""The turns of a conversation while a body is read: which call a result answers, and results that belong together."""

from collections.abc import Iterable

from api.members import wrong
from providers.types import Image, Message, Part, Role, Text, ToolCall, ToolResult


class Turns:
    """Results of tools that follow each other are one turn, in every dialect."""

    def __init__(self) -> None:
        self._said: list[tuple[Role, list[Part]]] = []
        self._names: dict[str, str] = {}
        self._open: dict[str, str] = {}

    def say(self, role: Role, parts: Iterable[Part]) -> None:
        """An empty turn is a turn without words."""
        listed = list(parts) or [Text("")]
        for part in listed:
            if isinstance(part, ToolCall):
                self._names[part.id] = self._open[part.id] = part.name
        self._said.append((role, listed))

    def go_on(self, role: Role, part: Part) -> None:
        """Adds to the turn of `role` that was said last, or begins one."""
        if self._said and self._said[-1][0] == role:
            self._said[-1][1].append(part)
            if isinstance(part, ToolCall):
                self._names[part.id] = self._open[part.id] = part.name
        else:
            self.say(role, [part])

    def answer(self, call_id: str, content: str, field: str, *, failed: bool = False, images: tuple[Image, ...] = ()) -> None:
        """The result of the call `call_id`. Raises InvalidField when nobody made that call."""
        name = self._names.get(call_id)
        if name is None:
            raise wrong(
                field, "is the id of no call that was made before", "Send the turn with the call before the result, with its id."
            )
        self._open.pop(call_id, None)
        self.go_on("tool", ToolResult(call_id, name, content, failed, images))

    def unanswered(self, name: str | None) -> str | None:
        """The id of the first call without a result, of the tool `name` if any of that name is left."""
        named = [id_ for id_, known in self._open.items() if known == name]
        return next(iter(named or self._open), None)

    def messages(self) -> tuple[Message, ...]:
        return tuple(Message(role, tuple(parts)) for role, parts in self._said)
