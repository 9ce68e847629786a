"""Which pages of a long document most likely hold what is asked: BM25 (Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75)
over the words of the question and its keys, and over the kinds of values that they name."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from documents.answers import Question
from documents.checks import kind_of_key
from documents.finder.vocabulary import STOPWORDS
from documents.finder.wanted import split_words
from documents.parsed import Page
from documents.values import fold

_K1, _B = 1.2, 0.75
_WORD = re.compile(r"[^\W_]{2,40}")
_STEM = 6  # letters: `vencimento` and `vencimentos`, `pagamento` and `pagar` … are the same enough
_KINDS = {
    "cnpj": re.compile(r"[0-9a-z]{2}\.[0-9a-z]{3}\.[0-9a-z]{3}/[0-9a-z]{4}-\d\d"),
    "cpf": re.compile(r"\d{3}\.\d{3}\.\d{3}-\d\d"),
    "date": re.compile(r"\d\d?/\d\d?/\d{2,4}|\d{4}-\d\d-\d\d"),
    "email": re.compile(r"[\w.-]{1,64}@[\w-]{1,63}\."),
    "iban": re.compile(r"\b[a-z]{2}\d\d(?: ?[0-9a-z]{4}){3}"),
    "payment_line": re.compile(r"\d{5}\.\d{5} \d{5}\.\d{6}"),
    "access_key": re.compile(r"(?:\d{4} ?){5}"),
}
_KINDS["cpf_cnpj"] = re.compile(f"{_KINDS['cpf'].pattern}|{_KINDS['cnpj'].pattern}")


def words_of(text: str) -> Iterable[str]:
    """The stems of a text's words that say something."""
    return (word[:_STEM] for word in _WORD.findall(fold(text)) if word not in STOPWORDS)


def terms_of(question: Question) -> frozenset[str]:
    """What to look for: the words of the question, its keys and hints, and the kinds (`#cnpj`) that the keys name."""
    leaves = question.skeleton.leaves()
    keys = " ".join(" ".join(split_words(" ".join((*leaf.keys_above, leaf.key, leaf.hint or "")))) for leaf in leaves)
    kinds = {f"#{kind}" for leaf in leaves if (kind := kind_of_key(leaf.key)) in _KINDS}
    return frozenset((*words_of(f"{question.prompt} {keys}"), *kinds))


def likely(pages: Sequence[Page], terms: frozenset[str]) -> dict[int, float]:
    """A score for each page by its number: 0 for one that has none of the terms."""
    counts = [_counted(page.text, terms) for page in pages]
    lengths = [max(len(page.text), 1) for page in pages]
    average = sum(lengths) / max(len(lengths), 1)
    holding = Counter(term for found in counts for term in found)
    weights = {term: math.log(1 + (len(pages) - count + 0.5) / (count + 0.5)) for term, count in holding.items()}
    return {
        page.number: sum(
            weights[term] * count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length / average)) for term, count in found.items()
        )
        for page, found, length in zip(pages, counts, lengths, strict=True)
    }


def _counted(text: str, terms: frozenset[str]) -> Counter[str]:
    found = Counter(word for word in words_of(text) if word in terms)
    folded = fold(text)
    for kind, pattern in _KINDS.items():
        if f"#{kind}" in terms and (count := sum(1 for _ in pattern.finditer(folded))):
            found[f"#{kind}"] = count
    return found
