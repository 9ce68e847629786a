"""What models have refused, so that it is left out: of the question under way, and for those models from then on."""

from core.errors import ProviderError

_MAX_MODELS = 1024
#: Things that one question may have refused, one after the other.
_MOST = 6


class Refusals:
    """Words for what is refused, by model; forgotten when there are too many models."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}

    def of(self, model: str) -> frozenset[str]:
        return self._known.get(model, frozenset())

    def learn(self, model: str, word: str) -> None:
        if len(self._known) >= _MAX_MODELS:
            self._known.clear()
        self._known[model] = self.of(model) | {word}

    def question(self, model: str) -> "Question":
        return Question(self, model)


class Question:
    """A question to a model; `without` are the words for what it leaves out."""

    __slots__ = ("_left", "_model", "_refusals", "without")

    def __init__(self, refusals: Refusals, model: str):
        self._refusals, self._model, self._left = refusals, model, _MOST
        self.without = refusals.of(model)

    def refused(self, error: ProviderError, word: str | None, *, lasting: bool = True) -> None:
        """It was refused with `error`, for what `word` means if that is known, and is to be asked again without that; `lasting`:
        the model refuses it always. Raises `error` when asking again cannot help, and the seventh time."""
        if word is None or word in self.without or not self._left:
            raise error
        self._left -= 1
        self.without |= {word}
        if lasting:
            self._refusals.learn(self._model, word)
