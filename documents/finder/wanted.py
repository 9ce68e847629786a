"""What a key of the skeleton asks for: the field, the kind of value, the party, and the labels to look for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from documents.finder.fields import FIELDS, Field
from documents.finder.printed import FILLERS, LABEL_TAILS
from documents.finder.vocabulary import GENERIC_KEYS, KEY_PARTIES, STOPWORDS, SYNONYMS, TITLE_WORDS
from documents.skeleton import Leaf
from documents.values import fold

Phrase = tuple[str, ...]
_CAMEL = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ]{2})")
_WORD = re.compile(r"[a-z]+|\d+|#")
#: Kinds whose values belong to somebody: the party of the key or of the question counts.
PARTY_KINDS = frozenset({"cnpj", "cpf", "cpf_cnpj", "name", "email", "phone", "cep", "state", "url"})
_PARTY_FIELDS = frozenset(
    {"address", "district", "city", "country", "state_registration", "city_registration", "iban", "account"}
)
_TAXES = frozenset({"tax", "iss", "icms", "icms_base", "ipi"})
_KIND_WORDS = frozenset({"valor", "numero", "data", "nome", "codigo", "texto", "cpf", "cnpj"})
_KIND_OF_WORD = {
    "valor": "amount",
    "preco": "amount",
    "data": "date",
    "numero": "code",
    "codigo": "code",
    "nome": "name",
    "aliquota": "percent",
    "percentual": "percent",
    "vencimento": "date",
    "emissao": "date",
    "quantidade": "amount",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`field` is None for a key outside the vocabulary: then `phrases` are its own words.

    `party` is the word that named the party and `side` its group (`strict`: only that word will do, not its group); `phrases`
    go from the best label to the vaguest.
    """

    kind: str
    phrases: tuple[Phrase, ...]
    field: Field | None = None
    party: str | None = None
    side: str | None = None
    with_time: bool = False
    strict: bool = False

    @property
    def last(self) -> bool:
        return self.field is not None and self.field.last

    @property
    def is_tax(self) -> bool:
        return self.field is not None and self.field.name in _TAXES


def split_words(key: str) -> list[str]:
    """The folded words of a key in any style: `cnpjEmitente`, `data_emissao`, `CNPJ do emitente`, `e-mail`."""
    return _WORD.findall(fold(_CAMEL.sub(" ", key)))


def canonical(words: Sequence[str]) -> list[str]:
    """Words in the vocabulary's form, without those that say nothing."""
    found: list[str] = []
    for word in words:
        if word in SYNONYMS:
            found += SYNONYMS[word].split()
        elif word not in STOPWORDS:
            found.append(SYNONYMS.get(word[:-1], word[:-1]) if word.endswith("s") and _known(word[:-1]) else word)
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _aliases() -> tuple[tuple[frozenset[str], Field], ...]:
    return tuple((frozenset(alias.split()), field) for field in FIELDS for alias in field.keys)


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    return frozenset(word for alias, _ in _aliases() for word in alias) | KEY_PARTIES.keys()


def _known(word: str) -> bool:
    return word in _known_words() or word in SYNONYMS


@lru_cache(maxsize=1024)
def phrase_of(label: str) -> Phrase:
    """A label as the words that are compared: folded, fillers left out."""
    return tuple(word for word in _WORD.findall(fold(label)) if word not in FILLERS)


@lru_cache(maxsize=256)
def _labels(field: Field) -> tuple[Phrase, ...]:
    return tuple(dict.fromkeys(phrase_of(label) for label in field.labels))


@lru_cache(maxsize=1024)
def _best_field(present: frozenset[str]) -> tuple[Field | None, frozenset[str]]:
    """The field whose alias uses most of the words."""
    best, used = None, frozenset[str]()
    for alias, field in _aliases():
        if len(alias) > len(used) and alias <= present:
            best, used = field, alias
    return best, used


def _party(words: Sequence[str]) -> str | None:
    """The last party word: `nome do responsável do emitente` is the issuer's."""
    named = [word for word in words if word in KEY_PARTIES]
    return named[-1] if named else None


def _free_phrases(words: Sequence[str], said: Sequence[str]) -> tuple[Phrase, ...]:
    """Labels made of a key's own words: as said, in canonical form, and without the word that only names the kind."""
    forms = [[word for word in said if word not in FILLERS], list(words)]
    forms += [[word for word in form if word not in _KIND_WORDS] for form in forms]
    return tuple(dict.fromkeys(tuple(form) for form in forms if form and not all(word in LABEL_TAILS for word in form)))


def _time_wanted(said: Sequence[str]) -> bool:
    return "hora" in said or "time" in said or "datetime" in said or "timestamp" in said


def _from_words(said: Sequence[str], numeric: bool) -> Wanted | None:
    """What words of a key ask for, without the question; None when they are empty or ask for nothing in particular."""
    words = canonical(said)
    field, used = _best_field(frozenset(words))
    party = _party([word for word in words if word not in used])
    rest = [
        word
        for word in words
        if word not in used and word != party and word not in TITLE_WORDS and word not in {"hora", "timestamp", "datetime"}
    ]
    side = KEY_PARTIES.get(party) if party else None
    if field is None and party is not None and not rest:
        field = next(one for one in FIELDS if one.name == "name")
    if field is not None and not rest:
        return Wanted(field.kind, _labels(field), field, party, side, _time_wanted(said))
    asked = [word for word in words if word != party] or words
    phrases = _free_phrases(asked, [word for word in said if word != party and word not in STOPWORDS])
    if not phrases:
        return None
    kind = field.kind if field is not None else next((_KIND_OF_WORD[word] for word in words if word in _KIND_OF_WORD), "text")
    return Wanted("amount" if numeric and kind in ("text", "name") else kind, phrases, None, party, side, _time_wanted(said))


def _from_question(question: str, numeric: bool) -> Wanted | None:
    """What one question asks for: the field with the most words in it, and the party beside them."""
    said = split_words(question)
    words = canonical(said)
    if not words:
        return None
    field, used = _best_field(frozenset(words))
    if field is None:
        return _from_words(said, numeric) if len(words) <= 5 else None
    behind = _qualifier(words, used)
    if behind is not None:
        return _from_words([*used, behind], numeric)
    party = _party_beside(words, used)
    return Wanted(field.kind, _labels(field), field, party, KEY_PARTIES.get(party) if party else None, _time_wanted(said))


def _qualifier(words: Sequence[str], used: frozenset[str]) -> str | None:
    """The word behind a field that only says the kind: `número da apólice` is no invoice number."""
    if len(used) != 1 or not used <= _KIND_WORDS:
        return None
    place = words.index(next(iter(used))) + 1
    following = words[place] if place < len(words) else None
    return None if following is None or following in TITLE_WORDS or following in KEY_PARTIES else following


def _party_beside(words: Sequence[str], used: frozenset[str]) -> str | None:
    """The party that a question names for the fields `used`.

    `CNPJ e nome do emitente`: the party follows the run of fields that are its own; a question that begins with a party
    (`supplier CNPJ and customer name`) puts it first throughout. One that belongs to other fields is not borrowed.
    """
    parties = [place for place, word in enumerate(words) if word in KEY_PARTIES and word not in used]
    fields = [
        place
        for place, word in enumerate(words)
        if word in _known_words() and word not in KEY_PARTIES and word not in TITLE_WORDS
    ]
    if not parties:
        return None
    step = 1 if fields and parties[0] < fields[0] else -1
    owned = False
    for party in parties:
        place = party + step
        while 0 <= place < len(words) and (words[place] in KEY_PARTIES or words[place] in TITLE_WORDS):
            place += step
        while place in fields:
            if words[place] in used:
                return words[party]
            owned = True
            place += step
    return words[parties[0]] if not owned and len({KEY_PARTIES[words[place]] for place in parties}) == 1 else None


def resolve(leaf: Leaf, question: str, alone: bool) -> Wanted | None:
    """What `leaf` wants; `alone` says that it is the only one of the skeleton. None when nothing tells.

    The key decides; a generic key (`resposta`, and `valor` or `data` when alone) leaves it to its hint and to the question,
    and a key without a party takes the one that the question names beside it.
    """
    numeric = leaf.type in ("number", "integer")
    said = split_words(leaf.key)
    asked = leaf.hint if leaf.hint and not leaf.choices and len(leaf.hint) <= 120 else question
    if not said or (all(word in GENERIC_KEYS for word in said) and (alone or not _known_words() & set(canonical(said)))):
        wanted = (
            _from_question(asked, numeric) or _from_question(question, numeric) or (_from_words(said, numeric) if said else None)
        )
    else:
        wanted = _from_words(said, numeric)
    if wanted is None or wanted.party is not None:
        return wanted
    if wanted.kind not in PARTY_KINDS and (wanted.field is None or wanted.field.name not in _PARTY_FIELDS):
        return wanted
    above = next((word for key in reversed(leaf.keys_above) if (word := _party(canonical(split_words(key))))), None)
    party = above or _party_beside(canonical(split_words(asked)), frozenset(canonical(said)))
    return (
        wanted
        if party is None
        else Wanted(wanted.kind, wanted.phrases, wanted.field, party, KEY_PARTIES[party], wanted.with_time)
    )
