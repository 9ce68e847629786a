"""Is this text, or what is left of it when a font does not say which letters it draws?"""

import math
import re
from collections import Counter

SPOILT = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x01\x03-\x08\x0b\x0c\x0e-\x1f]|\(cid:\d{1,6}\)|/[Gg]\d{1,4}(?=/|\s|$)")
LATIN_SHARE = 0.6  # of all letters: less is another script, of which the letters a to z tell nothing
LETTERS = 80  # fewer tell nothing
ENOUGH = 1500  # characters, taken evenly from a longer text, tell as much as all
# Real pages in seven languages, price lists and forms among them, lie between -3.9 and -4.6; letters shifted along the
# alphabet at -4.95 and below for most shifts.
UNLIKELY = -4.75
# Letters a mille, the mean of Portuguese, English, Spanish, French and German.
FREQUENCY = {
    "a": 105, "b": 13, "c": 35, "d": 43, "e": 140, "f": 14, "g": 16, "h": 25, "i": 70, "j": 4, "k": 5, "l": 45, "m": 33,
    "n": 68, "o": 76, "p": 25, "q": 7, "r": 66, "s": 72, "t": 64, "u": 40, "v": 13, "w": 7, "x": 3, "y": 7, "z": 4,
}  # fmt: skip
LIKELIHOOD = {letter: math.log2(count / sum(FREQUENCY.values())) for letter, count in FREQUENCY.items()}


def spoilt(text: str) -> int:
    """How many characters stand for letters that nobody knows: U+FFFD, private use, controls, `(cid:12)`, `/G12`."""
    return sum(len(match.group()) for match in SPOILT.finditer(text))


def unlikely(text: str) -> bool:
    """True for Latin letters that occur as in no language: the codes of a font taken for letters.

    Measured by the mean likelihood of a letter in bits; short texts and other scripts are never unlikely.
    """
    counts = Counter(text[:: 1 + len(text) // ENOUGH].lower())
    latin = sum(counts[letter] for letter in LIKELIHOOD)
    if latin < LETTERS or latin < LATIN_SHARE * sum(count for letter, count in counts.items() if letter.isalpha()):
        return False
    return sum(LIKELIHOOD[letter] * counts[letter] for letter in LIKELIHOOD) / latin < UNLIKELY
