"""Where each value of an answer stands in the document, and what can be verified about it.

evidence.py    `locate`: one entry a value, each value at a place of its own
matching.py    every place where a value is printed, from exact to loose; fuzzy.py tolerates what OCR misreads
pageindex.py   a page's text made comparable, with the way back to the original characters
crosschecks.py values of one answer that must agree with each other
"""

from documents.evidence.crosschecks import crosschecks
from documents.evidence.evidence import AnswerLeaf, leaves_in, locate
from documents.evidence.pageindex import edges_are_whole, normalise

__all__ = ["AnswerLeaf", "crosschecks", "edges_are_whole", "leaves_in", "locate", "normalise"]
