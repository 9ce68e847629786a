"""From the question to the raw answer. It speaks to the gateway; what the sandbox needs of an answer is `documents.answers`.

analysis.py  `analyse`: ask, judge, ask again, or let the built-in finder answer
prompts.py   what a model is told, and how long that is
judgement.py what one reply is worth; replies.py reads JSON out of it, blocks.py finds where JSON may stand
"""

from documents.analysis.analysis import analyse
from documents.answers import Question, RawAnswer

__all__ = ["Question", "RawAnswer", "analyse"]
