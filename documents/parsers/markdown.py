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
RULE = (frozenset("|:- \t"), frozenset("- "), frozenset("* "), frozenset("_ "))  # lines of nothing else
LEAST_RULE = 3
BAR = re.compile(r"(?<!\\)\|")
STRONG = re.compile(
    r"(?<![*\w\\])(\*{1,3})(?=[^\s*])([^*\n]{1,500}?)(?<=[^\s*])\1(?![*\w])"
    r"|(?<![_\w\\])(_{1,3})(?=[^\s_])([^_\n]{1,500}?)(?<=[^\s_])\3(?![_\w])"
)
CODE = re.compile(r"`{1,2}([^`\n]{1,500})`{1,2}")
LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\(([^\s()]{1,1000})(?:\s{1,9}\"[^\"\n]{0,200}\")?\)")
HEADING = re.compile(r"#{1,6}\s")


class MarkdownParser:
    title = "Markdown"
    content_type = "text/markdown"
    extensions = EXTENSIONS

    def accepts(self, sniffed: Sniffed) -> int | None:
        named = sniffed.filename.lower().endswith(EXTENSIONS)
        return 20 if named and looks_like_text(sniffed.head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        text, notices = decode(path.read_bytes())
        shown, hidden = _without_comments(clean(text))
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
        elif not _is_rule(line):
            yield _plain(line)


def _without_comments(text: str) -> tuple[str, int]:
    parts: list[str] = []
    end = 0
    while (start := text.find("<!--", end)) >= 0 and (close := text.find("-->", start)) >= 0:
        parts.append(text[end:start])
        end = close + len("-->")
    return "".join((*parts, text[end:])), len(parts)


def _is_rule(line: str) -> bool:
    signs = set(line.strip())
    return len(line.strip()) >= LEAST_RULE and any(signs <= rule for rule in RULE)


def _plain(line: str) -> str:
    bare = line.strip()
    if bare.startswith("|") and bare.endswith("|"):
        line = " | ".join(cell.strip() for cell in BAR.split(bare.strip("|")))
    elif HEADING.match(bare):
        line = bare.strip("#").strip()
    line = STRONG.sub(lambda match: match[2] or match[4], STRONG.sub(lambda match: match[2] or match[4], line))
    return LINK.sub(lambda match: match[1] if match[1] == match[2] else f"{match[1]} ({match[2]})", CODE.sub(r"\1", line))


PARSERS = (MarkdownParser(),)
