"""The models of all providers as an Ollama would show them: `/api/tags`, `/api/show`, `/api/ps`, `/api/version`.

Shapes: https://docs.ollama.com/api. Clients depend on more than is written there: the `ollama` program cuts each digest at
twelve letters, Copilot reads every part of the version as a number, wants capabilities and takes the context from
`model_info["<architecture>.context_length"]`.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from core.machines import OLLAMA
from fleet.machines.standing import Occupant
from gateway.facts import Model
from gateway.names import Allows, Names
from gateway.routing import Target
from providers.types import ModelInfo

#: The Ollama whose dialect is spoken here, as a bare version.
VERSION = "0.12.6"
#: The zero of Go's clock: `ollama list` shows it as "Never".
_NEVER = "0001-01-01T00:00:00Z"
#: What Ollama says of a model that is kept for good; `ollama ps` shows it as "Forever".
_FOREVER = "2318-01-01T00:00:00Z"


def version() -> dict[str, str]:
    return {"version": VERSION}


def tags(names: Names, allows: Allows | None = None) -> dict[str, Any]:
    return {"models": [_entry(shown, model) for shown, model in names.entries(allows)]}


def ps(names: Names, residents: Iterable[tuple[str, Occupant]], allows: Allows | None = None) -> dict[str, Any]:
    """What is in the memory of the machines, by (machine, occupant): each model once, under no alias."""
    shown: dict[str, dict[str, Any]] = {}
    for machine, occupant in residents:
        model = names.at(Target(OLLAMA, occupant.model, ""))
        copy = next((one for one in model.copies if one.machine == machine), None)
        if copy is not None and occupant.state != "loading" and (allows is None or allows(model.provider, model.name)):
            shown.setdefault(model.id, _resident(names.shown(model), model, copy, occupant))
    return {"models": [*shown.values()]}


def show(names: Names, name: str, allows: Allows | None = None) -> dict[str, Any]:
    """Raises ModelNotFound and ProviderNotConfigured."""
    model = names.visible(name, allows)
    architecture = _architecture(model)
    facts: dict[str, Any] = {"general.architecture": architecture, "general.basename": model.name}
    if model.info.context:
        facts[f"{architecture}.context_length"] = model.info.context
    return {
        "license": "",
        "modelfile": f"FROM {model.name}\n",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": _details(model),
        "model_info": facts,
        "capabilities": _capabilities(model),
        "modified_at": model.info.modified_at or _NEVER,
    }


def _entry(shown: str, model: Model) -> dict[str, Any]:
    return {
        "name": shown,
        "model": shown,
        "modified_at": model.info.modified_at or _NEVER,
        "size": model.info.size or 0,
        "digest": _digest(model),
        "details": _details(model),
        "capabilities": _capabilities(model),
    }


def _resident(shown: str, model: Model, copy: ModelInfo, occupant: Occupant) -> dict[str, Any]:
    """Until when is left to Myelin for models that stay; Ollama's own word is that of its last list."""
    return {
        "name": shown,
        "model": shown,
        "size": occupant.size or copy.size or 0,
        "digest": _digest(model),
        "details": _details(model),
        "expires_at": copy.expires_at or _FOREVER,
        "size_vram": occupant.size_vram or 0,
        "context_length": copy.loaded_context or copy.context or 0,
    }


def _details(model: Model) -> dict[str, Any]:
    """No member is null: clients that were written for Ollama do not expect that."""
    family = _architecture(model)
    details: dict[str, Any] = {
        "parent_model": "",
        "format": "gguf" if model.local else "",
        "family": family,
        "families": [family],
        "parameter_size": model.info.parameters or "",
        "quantization_level": model.info.quantization or "",
    }
    return details | ({"context_length": model.info.context} if model.info.context else {})


def _architecture(model: Model) -> str:
    """The provider's own word, else the beginning of the model's name: `gpt` of gpt-4o, `llama` of meta/Llama-3-8B."""
    plain = model.name.rpartition("/")[2].lower()
    found = re.search("[a-z]+", plain)
    return model.info.family or (found[0] if found else model.provider)


def _capabilities(model: Model) -> list[str]:
    """In Ollama's words: those that are known. A model of which nothing is known is one that completes."""
    supports = model.supports
    named = {"completion": supports.chat, "tools": supports.tools, "vision": supports.vision}
    named |= {"thinking": supports.thinking, "embedding": supports.embeddings, "insert": "insert" in model.info.capabilities}
    known = [word for word, value in named.items() if value]
    return known or (["completion"] if supports.chat is None else [])


def _digest(model: Model) -> str:
    """64 hexadecimal digits; of a model without weights here they are those of its name."""
    own = (model.info.digest or "").removeprefix("sha256:")
    return own if len(own) == 64 else hashlib.sha256(model.id.encode()).hexdigest()
