"""What the analysis needs of a read document."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from documents.answers import Question
from documents.finder.finding import Finding
from documents.parsed import Page
from documents.review import Doubt, Part
from documents.skeleton import AnswerWarning


class Document(Protocol):
    """Its text, its pictures, and the computations over them; `documents.reasoning.StoredText` or a test's double."""

    async def pages(self) -> Sequence[Page]: ...

    async def draw(self, page: int, dpi: int) -> bytes: ...

    async def find(self, question: Question) -> tuple[Any, dict[str, Finding]]: ...

    async def weigh(self, question: Question, parts: Sequence[Part]) -> tuple[Any, list[Doubt]]: ...

    async def amend(self, question: Question, value: Any, answers: Mapping[str, Any]) -> tuple[Any, list[AnswerWarning]]: ...
