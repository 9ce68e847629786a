"""Values of a given shape that stand nowhere in a document: what a model says that does not know and does not admit it."""

import random
import string

from documents.values import alphanumerics

SYLLABLES = ("bra", "cor", "del", "fin", "gal", "hor", "jun", "lat", "mor", "nel", "pir", "qua", "ros", "sil", "tur", "vex")
LEAST = 5  # letters and digits: a shorter one stands in every document
AMOUNTS = ("valor", "amount", "total")
DATES = ("data", "date", "emissao", "competencia")


def invented(chance: random.Random, key: str, true: str | None, letters: str) -> str:
    """A value like the `true` one of `key`, none of whose readings is among the `letters` of the document."""
    for _ in range(100):
        value = _like(chance, true) if true and len(alphanumerics(true)) >= LEAST else _for(chance, key)
        if alphanumerics(value) not in letters and value != true:
            return value
    raise ValueError(f"no invention for {key}")


def _like(chance: random.Random, true: str) -> str:
    if not any(character.isdigit() for character in true):
        return _name(chance)
    swapped = {True: string.digits, False: string.ascii_uppercase}
    return "".join(chance.choice(swapped[letter.isdigit()]) if letter.isalnum() else letter for letter in true)


def _for(chance: random.Random, key: str) -> str:
    if any(word in key for word in AMOUNTS):
        return f"{chance.randint(1, 9)}.{chance.randint(100, 999)}.{chance.randint(100, 999)},{chance.randint(10, 99)}"
    if any(word in key for word in DATES):
        return f"{chance.randint(10, 28)}/{chance.randint(10, 12)}/{chance.randint(1960, 1985)}"
    if any(word in key for word in ("nome", "company", "issuer", "natureza", "correcao")):
        return _name(chance)
    return "".join(chance.choices(string.digits, k=9))


def _name(chance: random.Random) -> str:
    return " ".join("".join(chance.choices(SYLLABLES, k=3)).title() for _ in range(3))
