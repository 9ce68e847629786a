"""What the presentations of all programs become: a page for each slide."""

from collections.abc import Sequence

from documents.parsed import Notice

LONGEST = 200_000  # characters of a slide; no person reads more, and the wire to the server has a limit
NOTES, COMMENTS = "Notes:", "Comments:"


def slide_page(number: int, lines: Sequence[str], notes: Sequence[str] = (), comments: Sequence[str] = ()) -> tuple[str, str]:
    """Text and label of a slide."""
    parts = [*lines, *((NOTES, *notes) if notes else ()), *((COMMENTS, *comments) if comments else ())]
    return "\n".join(parts)[:LONGEST], f"Slide {number}"


def hidden_slides(numbers: Sequence[int]) -> list[Notice]:
    """A notice for each slide that the show leaves out."""
    return [Notice("hidden_slide", f"Slide {number} is hidden in the show; it was read too.", number) for number in numbers]
