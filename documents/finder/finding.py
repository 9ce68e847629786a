"""A value found in the text of a page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`value` as it goes into the answer; it stands at `text[start:end]` of the page numbered `page`."""

    value: str | int | float
    page: int
    start: int
    end: int
