"""Characters that nobody sees: they can smuggle orders to a model past the people who read the document.

Zero-width characters, tag characters and variation selectors (which can carry whole sentences), fillers, controls of writing
direction (which make a text read other than it is stored). Unicode 16, property Default_Ignorable_Code_Point and category Cf.
"""

import re

from documents.parsed import Notice

SOFT = "\u00ad\ufeff"  # a place to hyphenate, a byte order mark in the middle: left out without a word
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
HIDDEN = re.compile(f"[{_HIDDEN}]")
# Joiners inside words of the scripts that need them (Arabic, Syriac, Indic …), and what makes one emoji of two.
_SCRIPTS = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u180a\u1810-\u18af"
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
JOINED = re.compile(
    f"(?<=[{_SCRIPTS}])[\u200c\u200d](?=[{_SCRIPTS}])|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
    f"|(?<=[#*0-9\u00a9\u00ae\u203c-\u3299{_EMOJI}])[\ufe0e\ufe0f](?![\ufe00-\ufe0f])"
)


def visible(text: str) -> tuple[str, int]:
    """The text without what cannot be seen, and how many such characters there were (soft hyphens are not counted).

    Joiners stay where a script or an emoji needs them. Linear in the length of the text.
    """
    if text.isascii() or not HIDDEN.search(text):
        return text, 0
    kept = {match.start() for match in JOINED.finditer(text)}
    parts: list[str] = []
    end = count = 0
    for match in HIDDEN.finditer(text):
        if match.start() in kept:
            continue
        parts.append(text[end : match.start()])
        end = match.end()
        count += match.group() not in SOFT
    return "".join((*parts, text[end:])), count


def hidden_characters(count: int, page: int | None = None) -> Notice:
    """What the answer says of characters that `visible` left out."""
    counted = f"{count} characters that nobody sees were" if count > 1 else "One character that nobody sees was"
    return Notice("hidden_text", f"{counted} left out of the text.", page)
