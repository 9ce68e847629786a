"""The wanted form of an answer: read from the Format-Response, and any value brought into it.

skeleton.py   `Skeleton`: an example or a JSON Schema, read; `shape` brings a value into its form
nodes.py      what a form is made of, and JSON Pointers into it
schema.py     a JSON Schema as a form
shaping.py    a value into a form, with a warning for each loss; coercion.py changes a scalar's type where nothing is lost
strictjson.py JSON without what RFC 8259 leaves open: double keys, NaN, lone surrogates
"""

from documents.skeleton.nodes import AnswerWarning, Free, Leaf, ListOf, Node, Record, Scalar, leaves_of, node_at, pointer
from documents.skeleton.shaping import LOSSES
from documents.skeleton.skeleton import Skeleton

__all__ = [
    "LOSSES",
    "AnswerWarning",
    "Free",
    "Leaf",
    "ListOf",
    "Node",
    "Record",
    "Scalar",
    "Skeleton",
    "leaves_of",
    "node_at",
    "pointer",
]
