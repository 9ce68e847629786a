"""`/admin/*`: client keys, with the master key only."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from typing_extensions import TypedDict

from api.deps import answer, house, read_json, refuse_unknown
from api.grants import GrantView, GrantWish, KeyChange, RotationWish, grant_view
from api.openapi import body
from api.policy import Role, allow
from api.shapes import Time
from api.views import stamp
from core.errors import NotFound
from core.secrets import hint_of, new_api_key

router = APIRouter(prefix="/admin", tags=["administration"])

Name = Annotated[str, Query(min_length=1, max_length=120, description="A text of 1 to 120 characters: whose key it is.")]
Email = Annotated[str, Query(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", description="An e-mail address: the owner of the key.")]
Limit = Annotated[int, Query(ge=1, le=200, description="A whole number from 1 to 200: how many keys to give.")]
After = Annotated[
    str | None, Query(pattern=r"^[0-9a-f]{32}$", description="The `next` of an earlier answer: the keys after those.")
]
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The `id` of a key as `GET /admin/keys` shows it.")]


class CreatedKey(TypedDict):
    message: str
    api_key: str
    owner: str


class KeyView(GrantView):
    """`former_until`: until then the key before the last rotation is good, too."""

    id: str
    begins_with: str
    name: str
    email: str
    created_at: Time
    revoked_at: Time | None
    former_until: Time | None


class KeyList(TypedDict):
    data: list[KeyView]
    has_more: bool
    next: str | None


class RevokedKey(TypedDict):
    id: str
    revoked: bool


class RotatedKey(TypedDict):
    """`api_key` is shown once."""

    id: str
    api_key: str
    former_until: Time


@router.post(
    "/create_key",
    summary="Make a client key, with limits if you like; it is shown once",
    response_model=CreatedKey,
    openapi_extra=body(GrantWish, required=False),
)
@allow(Role.MASTER)
async def create_key(request: Request, name: Name, email: Email) -> Response:
    refuse_unknown(request, "Limits are members of a JSON body.")
    rooms = house(request)
    limits = (await read_json(request, GrantWish, optional=True)).columns(rooms.clock.now())
    key = new_api_key(rooms.settings.api_key_prefix)
    await rooms.keys.create(uuid.uuid4().hex, rooms.credentials.digest(key), hint_of(key), name, email, limits)
    await rooms.credentials.reload()
    return answer({"message": "Chave criada com sucesso", "api_key": key, "owner": email})


@router.get("/keys", summary="The client keys, without the keys themselves", response_model=KeyList)
@allow(Role.MASTER)
async def list_keys(request: Request, limit: Limit = 50, after: After = None) -> Response:
    rows = await house(request).keys.listing(limit + 1, after)
    shown, more = rows[:limit], len(rows) > limit
    return answer({"data": [_view(row) for row in shown], "has_more": more, "next": shown[-1]["id"] if more else None})


@router.get("/keys/{key_id}", summary="A client key, without the key itself", response_model=KeyView)
@allow(Role.MASTER)
async def get_key(request: Request, key_id: KeyId) -> Response:
    row = await house(request).keys.get(key_id)
    if row is None:
        raise NotFound("There is no such key.", hint="GET /admin/keys lists them.")
    return answer(_view(row))


@router.patch(
    "/keys/{key_id}",
    summary="Change what a key may do, from the next request on",
    response_model=KeyView,
    openapi_extra=body(KeyChange),
)
@allow(Role.MASTER)
async def change_key(request: Request, key_id: KeyId) -> Response:
    rooms = house(request)
    values = (await read_json(request, KeyChange)).columns(rooms.clock.now())
    if values:
        _found(await rooms.keys.change(key_id, values))
        await rooms.credentials.reload()
    return await get_key(request, key_id)


@router.post(
    "/keys/{key_id}/rotate",
    summary="Put a fresh key in the place of one; it is shown once",
    response_model=RotatedKey,
    openapi_extra=body(RotationWish, required=False),
)
@allow(Role.MASTER)
async def rotate_key(request: Request, key_id: KeyId) -> Response:
    rooms = house(request)
    overlap = (await read_json(request, RotationWish, optional=True)).overlap_seconds
    key, until = new_api_key(rooms.settings.api_key_prefix), rooms.clock.now() + overlap
    _found(await rooms.keys.rotate(key_id, rooms.credentials.digest(key), hint_of(key), until))
    await rooms.credentials.reload()
    return answer({"id": key_id, "api_key": key, "former_until": stamp(until)})


@router.delete("/keys/{key_id}", summary="Revoke a client key at once", response_model=RevokedKey)
@allow(Role.MASTER)
async def revoke_key(request: Request, key_id: KeyId) -> Response:
    rooms = house(request)
    _found(await rooms.keys.revoke(key_id))
    await rooms.credentials.reload()
    return answer({"id": key_id, "revoked": True})


def _found(alive: bool) -> None:
    if not alive:
        raise NotFound("There is no such active key.", hint="GET /admin/keys lists them; a revoked key stays revoked.")


def _view(row: Any) -> KeyView:
    return {
        **grant_view(row),
        "id": row["id"],
        "begins_with": row["hint"],
        "name": row["name"],
        "email": row["email"],
        "created_at": stamp(row["created_at"]),
        "revoked_at": stamp(row["revoked_at"]),
        "former_until": stamp(row["former_until"]),
    }
