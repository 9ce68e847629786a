"""Long text without pages, cut into stretches at the ends of lines."""

import re
from collections.abc import Iterable, Iterator

from documents.parsed import Notice, Page, Total
from documents.parsers.hidden import hidden_characters, visible

PAGE_CHARACTERS = 4_000
# Everything that is no text: controls but tab and newline, halves of surrogate pairs, non-characters.
NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """Line ends as newline, and no control characters."""
    return NOT_TEXT.sub("", LINE_ENDS.sub("\n", text))


def stretches(lines: Iterable[str], size: int = PAGE_CHARACTERS) -> Iterator[str]:
    """Lines joined to texts of at most `size` characters; a longer line is cut, at a space where there is one."""
    held: list[str] = []
    length = 0
    for line in lines:
        while len(line) > size:
            if held:
                yield "\n".join(held)
                held, length = [], 0
            cut = line.rfind(" ", size // 2, size) + 1 or size
            yield line[:cut].rstrip(" ")
            line = line[cut:]
        if held and length + len(line) + 1 > size:
            yield "\n".join(held)
            held, length = [], 0
        held.append(line)
        length += len(line) + 1
    if any(line.strip() for line in held):
        yield "\n".join(held)


def pages(texts: list[tuple[str, str | None]], max_pages: int, notices: Iterable[Notice] = ()) -> Iterator[Page | Notice | Total]:
    """(text, label) as pages counted from 1, after their `Total`; what exceeds `max_pages` or is hidden is told, never silent."""
    yield Total(len(texts))
    yield from notices
    if len(texts) > max_pages:
        yield Notice("too_many_pages", f"The document has {len(texts)} pages; the first {max_pages} were read.")
    hidden = 0
    for number, (text, label) in enumerate(texts[:max_pages], 1):
        shown, count = visible(text)
        hidden += count
        yield Page(number, shown, label=label)
    if hidden:
        yield hidden_characters(hidden)
