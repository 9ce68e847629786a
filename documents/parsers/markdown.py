"""Markdown: the text with its structure, without the signs that only make it bold or slanted."""

import re
from collections.abc import Iterator
from pathlib import Path

from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.charsets import decode
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.text import looks_like_text

EXTENSIONS = (".md", ".markdown", ".mdown", ".mkd")
FENCE = re.compile(r"\s{0,3}(?:`{3,}|~{3,})")
RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*\Z|\s{0,3}(?:[-*_]\s*){3,}\Z")
ROW = re.compile(r"\s*\|.*\|\s*\Z")
CELL_END = re.compile(r"\s*(?<!\\)\|\s*")
STRONG = re.compile(
    r"(?<![*\w\\])(\*{1,3})(?=[^\s*])([^*\n]{1,500}?)(?<=[^\s*])\1(?![*\w])|(?<![_\w\\])(_{1,3})(?=[^\s_])([^_\n]{1,500}?)(?<=[^\s_])\3(?![_\w])"
)
CODE = re.compile(r"`{1,2}([^`\n]{1,500})`{1,2}")
LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\((\S{1,1000}?)(?:\s{1,9}\"[^\"\n]{0,200}\")?\)")
HEADING = re.compile(r"\s{0,3}#{1,6}\s+|\s+#+\s*\Z")
COMMENT = re.compile(r"<!--.{0,100000}?-->", re.DOTALL)


class MarkdownParser:
    title = "Markdown"
    content_type = "text/markdown"
    extensions = EXTENSIONS

    def accepts(self, sniffed: Sniffed) -> int | None:
        named = sniffed.filename.lower().endswith(EXTENSIONS)
        return 20 if named and looks_like_text(sniffed.head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        text, notices = decode(path.read_bytes())
        shown, hidden = COMMENT.subn("", clean(text))
        if hidden:
            notices.append(Notice("hidden_text", f"Comments that nobody sees and that were left out: {hidden}."))
        yield from pages([(part, None) for part in stretches(lines(shown))], context.max_pages, notices)


def lines(text: str) -> Iterator[str]:
    """The lines of a text: tables as `cell | cell`, links with their address, code as it stands."""
    fenced = False
    for line in text.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
        elif fenced:
            yield line
        elif not RULE.match(line):
            yield _plain(line)


def _plain(line: str) -> str:
    if ROW.match(line):
        line = " | ".join(CELL_END.split(line.strip().strip("|").strip()))
    line = HEADING.sub("", line)
    line = STRONG.sub(lambda match: match[2] or match[4], STRONG.sub(lambda match: match[2] or match[4], line))
    return LINK.sub(lambda match: match[1] if match[1] == match[2] else f"{match[1]} ({match[2]})", CODE.sub(r"\1", line))


PARSERS = (MarkdownParser(),)
