"""What models have refused, so that it is left out: of the question under way, and for those models from then on."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from core.errors import ProviderError
from providers.types import ChatDelta

_MAX_MODELS = 1024
#: Things that one question may have refused, one after the other.
_MOST = 6


class Refused(Exception):
    """A question was refused with `error`, for what `word` means if that is known; `lasting`: the model refuses it always."""

    def __init__(self, error: ProviderError, word: str | None, *, lasting: bool = True):
        super().__init__(word)
        self.error, self.word, self.lasting = error, word, lasting


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

    async def answered(
        self, model: str, ask: Callable[[frozenset[str]], AsyncGenerator[ChatDelta, None]]
    ) -> AsyncGenerator[ChatDelta, None]:
        """The pieces that `ask` gives, which leaves out what it is told and raises Refused before the first piece.

        It is asked again without what was refused, at most six times. Raises the error of the last refusal.
        """
        refused = self.of(model)
        for left in reversed(range(_MOST + 1)):
            try:
                async with aclosing(ask(refused)) as deltas:
                    async for delta in deltas:
                        yield delta
                return
            except Refused as refusal:
                if refusal.word is None or refusal.word in refused or not left:
                    raise refusal.error from None
                refused |= {refusal.word}
                if refusal.lasting:
                    self.learn(model, refusal.word)
