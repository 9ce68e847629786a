"""What a failure of an upstream becomes: a typed error with one clear sentence, free of paths and secrets."""

from core import http
from core.errors import (
    DocumentTooLong,
    InvalidAnswer,
    ModelNotInstalled,
    ModelUnable,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    QuestionRefused,
)  # fmt: skip
from core.retryafter import retry_seconds

_LONGEST_WORD = 48
_SENTENCE = 200
#: Of a model that was asked to embed and chats, or the other way round: OpenAI (403), Azure, Cohere, vLLM (400), llama.cpp (501).
_UNABLE = (
    "to generate embeddings from this model", "to sample from this model", "not a chat model",
    "operation does not work with the specified model", "supported by the embed api", "supported by the chat api",
    "support embeddings", "support chat completions", "support completions",
)  # fmt: skip
_PHASES = {
    "headers": "did not begin to answer",
    "idle": "stopped in the middle of its answer",
    "total": "did not finish its answer",
}


def reason(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The upstream's own words, fit to be shown: one line, at most 200 characters, no path, no address, no long token."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    words = [word if len(word) <= _LONGEST_WORD and "/" not in word and "\\" not in word else "…" for word in text[:2000].split()]
    line = "".join(letter for letter in " ".join(words) if letter.isprintable())
    return line if len(line) <= _SENTENCE else line[: _SENTENCE - 1].rstrip() + "…"


def says(words: str, known: tuple[str, ...]) -> bool:
    """Whether one of the `known` words, which are in lower case, stands in the words of a host."""
    words = words.lower()
    return any(word in words for word in known)


def from_status(
    status: int,
    said: str,
    *,
    title: str,
    key_hint: str,
    model: str | None = None,
    retry_after: str | None = None,
    secrets: tuple[str, ...] = (),
    too_long: bool = False,
    no_quota: bool = False,
) -> ProviderError:
    """The typed error for a status of HTTP and what the host `said` with it; `title` is its name as people know it.

    `too_long` and `no_quota` are what its words tell whatever the status: hosts have no status of their own for these.
    """
    name = model or "the model"
    shown = (reason(said, secrets) or f"status {status}").rstrip(".")
    if status in (400, 403, 404, 422, 501) and says(said, _UNABLE):
        return ModelUnable(f"{title} refused the request: {shown}.")
    if status == 404:
        return ModelNotInstalled(f"{title} does not have {name}.", hint="GET /v1/models and GET /models/list show what there is.")
    if status in (401, 403):
        return ProviderAuthFailed(f"{title} refused the API key.", hint=key_hint)
    if too_long or status == 413:
        return DocumentTooLong(f"The prompt is longer than the context of {name}.", hint="Send fewer pages.")
    if no_quota or status == 402:
        return ProviderRefused(f"{title} refused: {shown}.", hint="The account has no credit left.")
    if status in (429, 503, 529):  # 529: Anthropic's own for an overload
        wait = retry_seconds(retry_after)
        return ProviderRateLimited(f"{title} has no room for more requests now.", hint="Ask again later.", retry_after=wait)
    if status in (408, 504):
        return ProviderTimeout(f"{title} did not answer in time.", hint="Ask again.")
    if 400 <= status < 500 and status != 424:  # 424: what the host itself asks has failed
        return QuestionRefused(f"{title} refused the request: {shown}.", hint="Try another model.")
    return ProviderError(f"{title} failed: {shown}.", hint="Ask again, or use another provider.")


def from_http(failure: http.HttpFailure, title: str, *, unreachable_hint: str, slow_hint: str) -> ProviderError:
    """The typed error for a failure below HTTP; `title` is the provider's name as people know it."""
    match failure:
        case http.Unreachable():
            return ProviderUnreachable(f"{title} cannot be reached.", hint=unreachable_hint)
        case http.DeadlinePassed(phase=phase):
            return ProviderTimeout(f"{title} {_PHASES.get(phase, 'did not answer')} in time.", hint=slow_hint)
        case http.BodyTooLarge():
            return InvalidAnswer(f"{title} sent more than an answer can be.")
    return ProviderUnreachable(f"{title} closed the connection before its answer was complete.", hint=unreachable_hint)
