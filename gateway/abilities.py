"""A model asked for what it cannot do: refused where that is known, and always with the names of models that can."""

from typing import Literal

from core.errors import ModelNotInstalled, ModelUnable, ProviderError
from gateway.names import Allows, Names
from gateway.routing import Target

#: Fields of `gateway.facts.Supports` that a question needs.
Ability = Literal["chat", "embeddings"]
_DO: dict[Ability, str] = {"chat": "chat", "embeddings": "make embeddings"}
_DOES: dict[Ability, str] = {"chat": "chats", "embeddings": "makes embeddings"}


def refused(names: Names, target: Target, ability: Ability) -> ModelUnable:
    """For a target that `names` know to be unable."""
    supports = names.at(target).supports
    able = "".join(f", it {does}" for other, does in _DOES.items() if getattr(supports, other))
    return ModelUnable(f"{target.model[:120]} does not {_DO[ability]}{able}.")


def cured(
    names: Names, target: Target, error: ProviderError, ability: Ability, *, local: bool, allows: Allows | None
) -> ProviderError:
    """`error` with the names of other models, where its cause is the choice of the model. A cloud's model that is in its list
    does not do what was asked of it when it is not found: Gemini says 404 to that, too."""
    whole = f"{target.provider}/{target.model}"
    if isinstance(error, ModelNotInstalled) and (local or not names.find(whole)):
        nearest = names.nearest(whole, allows)
        return ModelNotInstalled(error.detail, hint=f"Near are: {', '.join(nearest)}.", field="model") if nearest else error
    if isinstance(error, ModelNotInstalled):
        error = ModelUnable(f"{target.model[:120]} does not {_DO[ability]} there.")
    able = names.able(ability, allows, target.provider)
    hint = f"Some that {_DO[ability]}: {', '.join(able)}." if able else f"No model that is known here {_DOES[ability]}."
    return ModelUnable(error.detail, hint=hint, field="model")
