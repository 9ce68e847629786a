"""Answers held against the document: what several asks found becomes one answer, and what is doubtful is named.

Pure, and hungry for the processor: it runs in the confined process (`documents.reasoning`).

parts.py       what one ask gave, over which stretches of the pages
merging.py     the parts of a long document as one answer
grounds.py     how well each value of an answer stands in the document
doubts.py      what should be asked again, and what the answer to that mends
completeness.py  lists with fewer rows than the document seems to have
"""

from documents.review.completeness import incomplete
from documents.review.doubts import Doubt, amended, doubts
from documents.review.merging import merged
from documents.review.parts import Part, Stretch

__all__ = ["Doubt", "Part", "Stretch", "amended", "doubts", "incomplete", "merged"]
