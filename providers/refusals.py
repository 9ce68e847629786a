"""What models have refused, so that it is left out for them from then on."""

_MAX_MODELS = 1024
#: Things that one question may have refused, one after the other.
MAX_REFUSED = 6


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
