"""Words of labels that recognition misspelt by a letter: `ATA DA EMISSÃO`, `CODICO`."""

from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from documents.finder.printed import LABEL_WORDS

#: Shorter words with another letter are other words: `nove` is not `nome`.
_LONG = 5
_KNOWN = tuple(sorted(word for word in LABEL_WORDS if word.isalpha() and len(word) > 3))


@lru_cache(4096)
def respelled(word: str) -> str:
    """The one word of labels that is a letter away from the folded `word`; the word itself when there is none or several.

    >>> respelled("codico"), respelled("ata"), respelled("nove"), respelled("total")
    ('codigo', 'data', 'nove', 'total')
    """
    if not word.isalpha() or len(word) < 3 or word in LABEL_WORDS:
        return word
    near = [
        known
        for known in _KNOWN
        if (len(word) >= _LONG or len(known) > len(word)) and Levenshtein.distance(word, known, score_cutoff=1) == 1
    ]
    return near[0] if len(near) == 1 else word
