"""Rows of client keys as `store.keys` gives them to `Credentials`."""

from typing import Any

from store.keys import LIMITS


def key_row(digest: bytes, key_id: str = "client-id", **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(LIMITS) | {"budget_period": "total", "former_digest": None, "former_until": None}
    return {"id": key_id, "name": "ana", "digest": digest} | empty | values
