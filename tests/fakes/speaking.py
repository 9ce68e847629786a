"""What the fake models of hosted services say, whatever the words of the service: thoughts, a text, calls of tools."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.answerer import answer
from tests.fakes.events import pieces
from tests.fakes.server import FakeServer, Fault, tokens_of
from tests.fakes.tools import Call, told, wanted


@dataclass(frozen=True, slots=True)
class Asked:
    """A request without the words of its service. `choice` is auto, none, any or the name of a tool."""

    body: dict[str, Any]
    texts: list[str]
    limit: int
    schema: dict[str, Any] | None = None
    tools: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    choice: str = "auto"
    parallel: bool = True
    results: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    thinks: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """`text` are its tokens; `end` is stop, length, sequence or tools."""

    thoughts: str
    text: list[str]
    calls: list[tuple[str, str, dict[str, Any]]]
    end: str
    sequence: str | None = None

    @property
    def written(self) -> int:
        return len(self.text) + sum(1 + len(tokens_of(str(arguments))) for _, _, arguments in self.calls)


class FakeSpeaker(FakeServer):
    """`calls` are what the next answers call instead of what the prompt names; with `call_ids` the same ids come again.

    `thoughts` is shown when thoughts are asked for; `cached`, `stored` and `reasoning` are tokens of these kinds in every answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[Call]] = []
        self.call_ids = False
        self.thoughts = "Let me look for the fields."
        self.cached = self.stored = self.reasoning = 0
        self.characters_per_token = 4.0
        self._called = 0

    def say(self, asked: Asked, fault: Fault | None) -> Said:
        thoughts = self.thoughts if asked.thinks else ""
        if calls := self._calls(asked, fault):
            return Said(thoughts, [], [(self._id(place), *call) for place, call in enumerate(calls)], "tools")
        if asked.results:
            text = self.text_for(fault, asked.body, lambda: told(asked.results))
        else:
            text = self.text_for(fault, asked.body, lambda: answer(asked.texts, asked.schema))
        stop = min((one for one in asked.stops if one in text), key=text.index, default=None)
        *tokens, (_, end) = pieces(text if stop is None else text[: text.index(stop)], asked.limit, fault)
        ended = "sequence" if stop is not None and end == "stop" else str(end)
        return Said(thoughts, [token for token, _ in tokens], [], ended, stop if ended == "sequence" else None)

    def _calls(self, asked: Asked, fault: Fault | None) -> list[Call]:
        if asked.choice == "none" or fault is not None:
            return []
        if self.calls:
            return self.calls.pop(0)
        if asked.results:
            return []
        demanded = [tool for tool in asked.tools if asked.choice in (tool[0], "any")]
        if asked.choice not in ("auto", "any"):
            return wanted([f"{asked.texts[-1]} {asked.choice}"], demanded)
        named = wanted(asked.texts, asked.tools) or wanted(
            [f"{asked.texts[-1]} {name}" for name, _ in demanded[:1]], demanded[:1]
        )
        return named if asked.parallel else named[:1]

    def _id(self, place: int) -> str:
        if self.call_ids:
            return f"toolu_{place}"
        self._called += 1
        return f"toolu_{self._called:08d}"


def fragments(text: str) -> Iterator[str]:
    """Pieces of JSON as they stream, an empty one first."""
    yield ""
    yield from tokens_of(text)
