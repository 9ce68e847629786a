"""What one ask gave, and the stretches of the document that the model saw for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from documents.parsed import Page


class Stretch(NamedTuple):
    """`text[start:end]` of the page numbered `page`."""

    page: int
    start: int
    end: int

    def of(self, page: Page) -> Page:
        """This stretch as a page of its own, with the words that lie in it."""
        if (self.start, self.end) == (0, len(page.text)):
            return page
        words = tuple(
            word._replace(start=word.start - self.start, end=word.end - self.start)
            for word in page.words
            if self.start <= word.start and word.end <= self.end
        )
        return replace(page, text=page.text[self.start : self.end], words=words)


@dataclass(frozen=True, slots=True)
class Part:
    """`value` is the answer, of about the wanted form, that a model gave over `stretches`; parts are in reading order."""

    stretches: tuple[Stretch, ...]
    value: Any

    def to_json(self) -> list[Any]:
        """As lists and what JSON can hold; `Part.of` is its inverse."""
        return [[list(stretch) for stretch in self.stretches], self.value]

    @classmethod
    def of(cls, members: Sequence[Any]) -> "Part":
        """Raises ValueError or TypeError for what `to_json` cannot have made."""
        stretches, value = members
        return cls(tuple(Stretch(*map(int, stretch)) for stretch in stretches), value)

    def seen(self, pages: Mapping[int, Page]) -> list[Page]:
        """What the model saw, of the document's pages by number."""
        return [stretch.of(pages[stretch.page]) for stretch in self.stretches if stretch.page in pages]
