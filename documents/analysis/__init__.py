"""From the question to the raw answer. It speaks to the gateway; what the sandbox needs of an answer is `documents.answers`.

analysis.py      `analyse`: who answers and what it is shown, or the built-in finder
planning.py      at once, or groups of fields (groups.py) over chunks of the document (chunks.py), the likely ones
                 first (retrieval.py); pictures.py chooses and draws what is shown to models that see
inquiry.py       asks all parts, joins them, and asks once more for what is doubtful
conversation.py  one question over one part: ask, judge, ask again
prompts.py       what a model is told; tokens.py how long that is
judgement.py     what one reply is worth; replies.py reads JSON out of it, blocks.py finds where JSON may stand
"""

from documents.analysis.analysis import analyse
from documents.analysis.inquiry import Patience
from documents.analysis.pictures import Vision
from documents.answers import Question, RawAnswer

__all__ = ["Patience", "Question", "RawAnswer", "Vision", "analyse"]
