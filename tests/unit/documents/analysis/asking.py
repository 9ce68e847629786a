"""A gateway and a document that are what a test wants."""

import json
import re

from documents.analysis import Question, analyse
from documents.analysis.conversation import Line
from documents.parsed import Page
from documents.reasoning import StoredText, run
from documents.skeleton import Skeleton
from gateway.service import Completion, Target
from providers.types import Capabilities, ModelInfo, Text, Usage

PAGES = [Page(1, "CNPJ: 12.345.678/0001-95")]
QUESTION = Question("Qual é o CNPJ?", Skeleton.parse('[{"CNPJ": ""}]'))
GOOD = '[{"CNPJ": "12.345.678/0001-95"}]'
VALUE = [{"CNPJ": "12.345.678/0001-95"}]
TARGET = Target("fake", "small", "requested")
_KEYS = re.compile(r"Forma da resposta \(preencha os valores\): (.*)")


class FakeGateway:
    """Says what it was told to say, in turn, or what `answers(request)` says; remembers what it was asked."""

    def __init__(
        self, *replies, json_schema=True, limit=8192, target=TARGET, answers=None, sees=False, output_limit=None, known=True
    ):
        self.replies, self.json_schema, self.target, self.answers = list(replies), json_schema, target, answers
        capabilities = ("completion", "vision") if sees else ("completion",)
        self.info = ModelInfo("small", "fake", context=limit, output_limit=output_limit, capabilities=capabilities)
        self.requests, self.routed, self.answering, self.known = [], [], None, known

    def capabilities(self, provider):
        assert provider == "fake"
        return Capabilities(json_schema=self.json_schema)

    async def route(self, provider, model, *, api_key, priority="normal"):
        self.routed.append((provider, model, api_key, priority))
        return self.target

    async def model_info(self, target, api_key):
        return self.info if self.known else None

    async def complete(self, target, request):
        self.requests.append(request)
        reply = self.answers(request) if self.answers else self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        text, finish = reply if isinstance(reply, tuple) else (reply, "stop")
        return Completion((Text(text),), finish, Usage(100, 10), "small", "sha256:1", target=self.answering or target)

    @property
    def prompts(self):
        """The last user message of each request."""
        return [request.messages[-1].content for request in self.requests]


class Read:
    """A read document that computes here, finds what a test wants, and draws what `draw` gives."""

    def __init__(self, pages=PAGES, found=None, draw=None):
        async def compute(task, request):
            return run(task, request)

        self._stored = StoredText([page.to_json() for page in pages], compute, draw)
        self._found = found
        self.pages, self.draw, self.weigh, self.amend = (
            self._stored.pages, self._stored.draw, self._stored.weigh, self._stored.amend,
        )  # fmt: skip

    async def find(self, question):
        return self._found


async def ask(gateway, question=QUESTION, provider="fake", found=None, pages=PAGES, draw=None, **more):
    document = Read(pages, found, draw)
    return await analyse(
        question, document, gateway=gateway, provider=provider, model="small", api_key="k", priority="urgent", **more
    )


async def formed(raw, question, pages):
    """(answer, evidence, warnings) as they are shown."""

    async def compute(task, request):
        return run(task, request)

    made = await StoredText([page.to_json() for page in pages], compute, None).form(raw.to_json(), question)
    return json.loads(made.answer), json.loads(made.evidence), json.loads(made.warnings)


def wanted(request):
    """The keys and placeholders that a request asks for."""
    return json.loads(_KEYS.search(request.messages[1].content)[1])


def pages_in(request):
    """The numbers of the pages that a request shows."""
    return [int(number) for number in re.findall(r'<page number="(\d+)"', request.messages[1].content)]


def codes(raw):
    return [warning.code for warning in raw.warnings]


def line(limit=8192, output_limit=None):
    return Line(FakeGateway(), TARGET, None, limit, output_limit)
