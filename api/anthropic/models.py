"""The list of models as Anthropic's API shows it, to clients that send `anthropic-version`.

Shape: https://docs.claude.com/en/api/models-list. `created_at` of a model whose age nobody says is the epoch, as there.
"""

from collections.abc import Mapping
from typing import Any

from core.errors import InvalidField
from gateway.facts import Model
from gateway.names import Allows, Names

_DEFAULT_LIMIT, _MAX_LIMIT = 20, 1000
_UNKNOWN = "1970-01-01T00:00:00Z"


def list_models(names: Names, query: Mapping[str, str], allows: Allows | None = None) -> dict[str, Any]:
    """One page: `limit` (1 to 1000, default 20) after `after_id` or before `before_id`. Raises InvalidField for other values."""
    entries = [_entry(shown, model) for shown, model in names.entries(allows)]
    ids = [entry["id"] for entry in entries]
    limit = _limit(query.get("limit"))
    if (before := query.get("before_id")) is not None:
        end = _position(ids, before, "before_id")
        start = max(0, end - limit)
        more = start > 0
    else:
        after = query.get("after_id")
        start = 0 if after is None else _position(ids, after, "after_id") + 1
        end = start + limit
        more = end < len(ids)
    page = entries[start:end]
    return {
        "data": page,
        "has_more": more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def one_model(names: Names, name: str, allows: Allows | None = None) -> dict[str, Any]:
    """Raises ModelNotFound and ProviderNotConfigured."""
    return _entry(name, names.visible(name, allows))


def _entry(shown: str, model: Model) -> dict[str, Any]:
    changed = model.changed_at
    return {
        "type": "model",
        "id": shown,
        "display_name": model.name,
        "created_at": changed.isoformat() if changed else _UNKNOWN,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _MAX_LIMIT:
        return int(text)
    raise InvalidField(f"limit must be a whole number from 1 to {_MAX_LIMIT}.", field="limit")


def _position(ids: list[str], wanted: str, field: str) -> int:
    if wanted not in ids:
        raise InvalidField(f"{field} is not the id of a model in this list.", field=field)
    return ids.index(wanted)
