"""`/admin/*`: client keys, with the master key only."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from typing_extensions import TypedDict

from api.deps import answer, house
from api.policy import Role, allow
from api.shapes import Time
from api.views import stamp
from core.errors import NotFound
from core.secrets import new_api_key

router = APIRouter(prefix="/admin", tags=["administration"])

_HINT = 12
Name = Annotated[str, Query(min_length=1, max_length=120, description="A text of 1 to 120 characters: whose key it is.")]
Email = Annotated[str, Query(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", description="An e-mail address: the owner of the key.")]
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The `id` of a key as `GET /admin/keys` shows it.")]


class CreatedKey(TypedDict):
    message: str
    api_key: str
    owner: str


class KeyView(TypedDict):
    id: str
    begins_with: str
    name: str
    email: str
    created_at: Time
    revoked_at: Time | None


class KeyList(TypedDict):
    data: list[KeyView]


class RevokedKey(TypedDict):
    id: str
    revoked: bool


@router.post("/create_key", summary="Make a client key; it is shown once", response_model=CreatedKey)
@allow(Role.MASTER)
async def create_key(request: Request, name: Name, email: Email) -> Response:
    rooms = house(request)
    key = new_api_key(rooms.settings.api_key_prefix)
    await rooms.keys.create(uuid.uuid4().hex, rooms.credentials.digest(key), key[:_HINT], name, email)
    await rooms.credentials.reload()
    return answer({"message": "Chave criada com sucesso", "api_key": key, "owner": email})


@router.get("/keys", summary="The client keys, without the keys themselves", response_model=KeyList)
@allow(Role.MASTER)
async def list_keys(request: Request) -> Response:
    rows = await house(request).keys.listing()
    return answer({"data": [_view(row) for row in rows]})


@router.delete("/keys/{key_id}", summary="Revoke a client key at once", response_model=RevokedKey)
@allow(Role.MASTER)
async def revoke_key(request: Request, key_id: KeyId) -> Response:
    rooms = house(request)
    if not await rooms.keys.revoke(key_id):
        raise NotFound("There is no such active key.")
    await rooms.credentials.reload()
    return answer({"id": key_id, "revoked": True})


def _view(row: Any) -> KeyView:
    return {
        "id": row["id"],
        "begins_with": row["hint"],
        "name": row["name"],
        "email": row["email"],
        "created_at": stamp(row["created_at"]),
        "revoked_at": stamp(row["revoked_at"]),
    }
