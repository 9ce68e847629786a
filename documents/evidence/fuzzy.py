"""Loose comparison of texts: for letters that OCR or a model got wrong, never for digits."""

from typing import NamedTuple

from rapidfuzz import fuzz, process

from documents.values import digits

#: A shorter text must be 85 % alike, a longer one 75 % (a clause is copied with small changes more often than a name).
_SHORT, _SHORT_CUTOFF, _LONG_CUTOFF = 20, 85.0, 75.0
#: How alike two words must be to be the same word misread.
_WORD_CUTOFF = 67.0
_MIN_LETTERS, _MAX_LENGTH = 4, 5000
#: A longer value is found by its two ends: comparing it with every window of a page would not be linear.
_WHOLE, _END = 128, 64


class Loose(NamedTuple):
    """`text[start:end]` is `score` percent like what was wanted."""

    score: float
    start: int
    end: int


def can_be_loose(wanted: str) -> bool:
    """Whether a difference of a letter can be forgiven: in words, not in an address, a code or a number."""
    if not _MIN_LETTERS <= len(wanted) <= _MAX_LENGTH or "@" in wanted or sum(map(str.isalpha, wanted)) < _MIN_LETTERS:
        return False
    return " " in wanted or not any(map(str.isdigit, wanted))


def find_loose(wanted: str, text: str) -> Loose | None:
    """The stretch of whole words of `text` that is most like `wanted` (both normalised); None below the cutoff, or when
    its digits are not those of `wanted`."""
    cutoff = _SHORT_CUTOFF if len(wanted) < _SHORT else _LONG_CUTOFF
    if len(text) < len(wanted) // 2:
        return None
    first = fuzz.partial_ratio_alignment(wanted if len(wanted) <= _WHOLE else wanted[:_END], text, score_cutoff=cutoff)
    if first is None:
        return None
    start, end = first.dest_start, first.dest_end
    if len(wanted) > _WHOLE:
        near = max(start + len(wanted) * 3 // 4 - _END, start)
        far = start + len(wanted) * 5 // 4 + _END
        last = fuzz.partial_ratio_alignment(wanted[-_END:], text[near:far], score_cutoff=cutoff)
        if last is None:
            return None
        end = near + last.dest_end
    start, end = _whole_words(text, start, end)
    stretch = text[start:end]
    score = fuzz.ratio(wanted, stretch, score_cutoff=cutoff)
    if score < cutoff or digits(stretch) != digits(wanted) or not _words_agree(wanted, stretch):
        return None
    return Loose(score, start, end)


def _words_agree(wanted: str, stretch: str) -> bool:
    """Whether nine of ten words of `wanted` (of a short text all) have a word like them: a name with one word exchanged
    is another name."""
    words = [word for word in wanted.split() if len(word) >= _MIN_LETTERS or len(wanted) < _SHORT]
    printed = set(stretch.split())
    unknown = [word for word in words if word not in printed]
    strange = sum(process.extractOne(word, printed, scorer=fuzz.ratio, score_cutoff=_WORD_CUTOFF) is None for word in unknown)
    return strange <= len(words) // 10


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without blanks at its ends, widened to the words it cuts."""
    while start < end and text[start] == " ":
        start += 1
    while end > start and text[end - 1] == " ":
        end -= 1
    blank = text.find(" ", end)
    return text.rfind(" ", 0, start) + 1, len(text) if blank < 0 else blank
