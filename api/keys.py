"""`/admin/*`: client keys, with the master key only."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.deps import answer, house
from api.openapi import PROBLEM
from api.policy import Role, allow
from api.views import stamp
from core.errors import NotFound
from core.secrets import new_api_key

router = APIRouter(prefix="/admin", tags=["administration"], responses=PROBLEM)

_HINT = 12
Name = Annotated[str, Query(min_length=1, max_length=120)]
Email = Annotated[str, Query(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.post("/create_key", summary="Make a client key; it is shown once")
@allow(Role.MASTER)
async def create_key(request: Request, name: Name, email: Email) -> Response:
    rooms = house(request)
    key = new_api_key(rooms.settings.api_key_prefix)
    await rooms.keys.create(uuid.uuid4().hex, rooms.credentials.digest(key), key[:_HINT], name, email)
    await rooms.credentials.reload()
    return answer({"message": "Chave criada com sucesso", "api_key": key, "owner": email})


@router.get("/keys", summary="The client keys, without the keys themselves")
@allow(Role.MASTER)
async def list_keys(request: Request) -> Response:
    rows = await house(request).keys.listing()
    return answer({"data": [_view(row) for row in rows]})


@router.delete("/keys/{key_id}", summary="Revoke a client key at once")
@allow(Role.MASTER)
async def revoke_key(request: Request, key_id: KeyId) -> Response:
    rooms = house(request)
    if not await rooms.keys.revoke(key_id):
        raise NotFound("There is no such active key.")
    await rooms.credentials.reload()
    return answer({"id": key_id, "revoked": True})


def _view(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "begins_with": row["hint"],
        "name": row["name"],
        "email": row["email"],
        "created_at": stamp(row["created_at"]),
        "revoked_at": stamp(row["revoked_at"]),
    }
