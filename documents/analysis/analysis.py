"""From the question to the raw answer: choose who answers and what it is shown, and ask; or let the built-in finder answer."""

import asyncio
from dataclasses import replace

from core.errors import ProviderRefused
from documents.analysis.conversation import Line
from documents.analysis.document import Document
from documents.analysis.inquiry import Inquiry, Patience, Progress
from documents.analysis.pictures import Vision, chosen
from documents.analysis.planning import plan
from documents.answers import Question, RawAnswer
from documents.parsed import Page, ranges
from documents.skeleton import AnswerWarning
from gateway.metered import Answering
from gateway.service import BUILTIN, Target
from providers.types import Usage


def _unheard(_done: int, _total: int) -> None:
    """Nobody wants to know how far it is."""


async def _find(question: Question, document: Document, because: str, vision: Vision) -> RawAnswer:
    if vision == "always":
        raise _blind("the built-in finder")
    value, findings = await document.find(question)
    return RawAnswer(value, BUILTIN, BUILTIN, None, because, Usage(), 0, (), findings)


def _blind(who: str) -> ProviderRefused:
    return ProviderRefused(
        f"Vision: always was sent, but {who} cannot see pictures.",
        hint="Choose a model that sees (gemma3:4b, qwen2.5vl, any Gemini), or send Vision: auto.",
    )


async def analyse(
    question: Question,
    document: Document,
    *,
    gateway: Answering,
    provider: str,
    model: str,
    api_key: str | None,
    priority: str,
    vision: Vision = "auto",
    patience: Patience = Patience(),
    on_progress: Progress = _unheard,
) -> RawAnswer:
    """The raw answer of `provider` (a name, `auto` or `builtin`) to `question` about the document.

    A document that does not fit the model is asked in parts, and pages that no part reached are named in a warning: nothing
    is ever cut in silence. Raises DocumentTooLong when the question itself does not fit, InvalidAnswer when no ask gave JSON
    of the wanted shape, ProviderRefused for `vision` "always" with a model that cannot see, and whatever ProviderError the
    gateway raises.
    """
    if provider == BUILTIN:
        return await _find(question, document, "requested", vision)
    target = await gateway.route(provider, model, api_key=api_key, priority=priority)
    if target is None:
        return await _find(question, document, "auto: no model provider can serve", vision)
    line, sees = await _line(gateway, target, api_key)
    if vision == "always" and not sees:
        raise _blind(target.model)
    pages = await document.pages()
    wanted = chosen(vision, pages) if sees else []
    planned = await asyncio.to_thread(plan, question, pages, wanted, line)
    inquiry = Inquiry(question, document, pages, planned, line, patience, on_progress)
    raw = await inquiry.run()
    return replace(raw, warnings=(*raw.warnings, *_not_shown(wanted, raw, pages)))


async def _line(gateway: Answering, target: Target, api_key: str | None) -> tuple[Line, bool]:
    """The way to the model, and whether it sees."""
    info = await gateway.model_info(target, api_key)
    if info is None:
        return Line(gateway, target, api_key, None), False
    return Line(gateway, target, api_key, info.context, info.output_limit), "vision" in info.capabilities


def _not_shown(wanted: list[int], raw: RawAnswer, pages: list[Page]) -> list[AnswerWarning]:
    missing = set(wanted) - set(raw.pictured)
    if not missing:
        return []
    message = f"The model did not see pictures of the pages {ranges(missing)}: they have none, or there was no room for them."
    return [AnswerWarning("pages_not_pictured", "", message)]
