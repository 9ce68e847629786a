"""The list of models as OpenAI's API shows it: `GET /v1/models`, `GET /v1/models/{id}`.

Shape: https://platform.openai.com/docs/api-reference/models. `root`, what an alias leads to, is a member of vLLM's lists.
"""

from typing import Any

from gateway.facts import Model
from gateway.names import Allows, Names


def list_models(names: Names, allows: Allows | None = None) -> dict[str, Any]:
    """Every model under its shortest name, and the aliases."""
    return {"object": "list", "data": [_entry(shown, model) for shown, model in names.entries(allows)]}


def one_model(names: Names, name: str, allows: Allows | None = None) -> dict[str, Any]:
    """Under the name by which it was asked for, whatever its spelling. Raises ModelNotFound and ProviderNotConfigured."""
    return _entry(name, names.visible(name, allows))


def _entry(shown: str, model: Model) -> dict[str, Any]:
    changed = model.changed_at
    return {
        "id": shown,
        "object": "model",
        "created": int(changed.timestamp()) if changed else 0,
        "owned_by": model.provider,
        "root": model.name,
    }
