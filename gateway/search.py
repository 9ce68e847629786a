"""Which models have what is asked for: by what is known of them, for what is unknown fits no wish."""

from dataclasses import dataclass

from gateway.facts import Model
from gateway.names import Allows, Names


@dataclass(frozen=True, slots=True)
class Wanted:
    """`supports` are fields of `Supports` with what they must be, `max_price` USD per million tokens of the dearer kind,
    `words` in lower case; all of them must be met."""

    provider: str | None = None
    supports: tuple[tuple[str, bool], ...] = ()
    max_price: float | None = None
    min_context: int | None = None
    words: tuple[str, ...] = ()

    def among(self, names: Names, allows: Allows | None = None) -> list[Model]:
        """Of the models that `allows` lets through, in the order of the configuration and of the providers' own lists."""
        return [model for model in names.allowed(allows) if self._is_met(model) and self._is_named(model, names)]

    def _is_met(self, model: Model) -> bool:
        return (
            self.provider in (None, model.provider)
            and all(getattr(model.supports, name) is value for name, value in self.supports)
            and (self.max_price is None or (model.price is not None and model.price.dearest <= self.max_price))
            and (self.min_context is None or (model.info.context or 0) >= self.min_context)
        )

    def _is_named(self, model: Model, names: Names) -> bool:
        if not self.words:
            return True
        text = " ".join((model.id, model.info.description or "", *names.aliases_of(model))).lower()
        return all(word in text for word in self.words)
