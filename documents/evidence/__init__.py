"""Where each value of an answer stands in the document, and what can be verified about it.

evidence.py    `locate`: one entry a value, with its quote, its box and its checks
assignment.py  each value at a place of its own, the values of a row together
matching.py    every place where a value is printed, from exact to loose; wrapping.py joins what a box breaks into two
               lines, fuzzy.py tolerates what OCR misreads
pageindex.py   a page's text made comparable, with the way back to the original characters
crosschecks.py values of one answer that must agree with each other
"""

from documents.evidence.assignment import AnswerLeaf, Assignment, can_be_grounded, leaves_in
from documents.evidence.crosschecks import Disagreement, crosschecks, disagreements
from documents.evidence.evidence import checks_of, locate
from documents.evidence.pageindex import edges_are_whole, normalise

__all__ = [
    "AnswerLeaf",
    "Assignment",
    "Disagreement",
    "can_be_grounded",
    "checks_of",
    "crosschecks",
    "disagreements",
    "edges_are_whole",
    "leaves_in",
    "locate",
    "normalise",
]
