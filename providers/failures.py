"""What a failure of an upstream becomes: a typed error with one clear sentence, free of paths and secrets."""

from core import http
from core.errors import InvalidAnswer, ProviderError, ProviderTimeout, ProviderUnreachable

_LONGEST_WORD = 48
_SENTENCE = 200
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
