"""`/models/deployments`: names that lead to several models by weight, their versions and stages, and how each arm has done."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from api.deps import answer, house, principal, read_json
from api.figures import ArmFigures, figures
from api.openapi import body
from api.policy import CLIENTS, Role, allow
from api.shapes import Time
from api.stats import Range, since_of
from api.views import stamp
from gateway.deployments import STAGING, Allows, Deployment, Stage, Sticky, Version

router = APIRouter(prefix="/models/deployments", tags=["deployments"])

_MOST_MOVES = 100
Alias = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$",
        description="A name of 1 to 100 letters, digits, dots, colons, hyphens and underscores, the first a letter or digit.",
    ),
]


class TargetWish(BaseModel):
    """`model` is a name as clients send it: `provider/model`, or the bare name."""

    model_config = ConfigDict(extra="forbid")
    model: Annotated[str, Field(min_length=1, max_length=200)]
    weight: Annotated[float, Field(strict=True, ge=0, le=1_000_000, allow_inf_nan=False)] = 1


class DeploymentWish(BaseModel):
    """`sticky` key: a client key is always led to the same model; request: each request is led anew. The seed or the user that a
    request tells goes before both."""

    model_config = ConfigDict(extra="forbid")
    targets: Annotated[list[TargetWish], Field(min_length=1, max_length=16)]
    stage: Stage = "production"
    sticky: Sticky = "key"
    note: Annotated[str, Field(max_length=500)] = ""


class VersionWish(BaseModel):
    """`version`: of promote the one that must be in staging, of rollback any that production had."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[int, Field(strict=True, ge=1)] | None = None


class TargetView(TypedDict):
    """`share` from 0 to 1: how many of all that ask."""

    model: str
    weight: float
    share: float


class VersionView(TypedDict):
    """`name` is what leads to it."""

    version: int
    name: str
    targets: list[TargetView]
    sticky: Sticky
    note: str
    created_at: Time
    created_by: str


class DeploymentView(TypedDict):
    """`earlier` are versions that were in production before, the last first; `later` those that it was led back from."""

    alias: str
    production: VersionView | None
    staging: VersionView | None
    earlier: list[int]
    later: list[int]


class DeploymentList(TypedDict):
    data: list[DeploymentView]


class Weighed(TypedDict):
    model: str
    weight: float


class MoveView(TypedDict):
    """`version`, its `targets` and its `note` are what stands in `stage` since then; null after the end."""

    at: Time
    by: str
    move: Literal["put", "promote", "rollback", "delete"]
    stage: Stage
    version: int | None
    targets: list[Weighed] | None
    note: str | None


class DeploymentReport(DeploymentView):
    """`figures` since `since`, a client's of its own calls; `history` the last 100 moves, for the operator, else null."""

    since: Time
    until: Time
    figures: list[ArmFigures]
    history: list[MoveView] | None


class DeletedDeployment(TypedDict):
    alias: str
    deleted: bool


@router.get("", summary="The names that lead to several models", response_model=DeploymentList)
@allow(*CLIENTS)
async def list_deployments(request: Request) -> Response:
    allows = principal(request).allows
    return answer({"data": [_view(one, allows) for one in house(request).releases.all(allows)]})


@router.get(
    "/{alias}", summary="Versions and stages of a name, and how each of its models has done", response_model=DeploymentReport
)
@allow(*CLIENTS)
async def get_deployment(request: Request, alias: Alias, range: Range = "7d") -> Response:
    rooms, caller = house(request), principal(request)
    deployment = rooms.releases.get(alias, caller.allows)
    now = rooms.clock.now()
    since = since_of(range, now)
    moves = await rooms.releases.moves(alias, _MOST_MOVES) if caller.role is Role.OPERATOR else None
    return answer(
        {
            **_view(deployment, caller.allows),
            "since": stamp(since),
            "until": stamp(now),
            "figures": await figures(rooms.outcomes, deployment, since, caller),
            "history": moves and [_move(row) for row in moves],
        }
    )


@router.put(
    "/{alias}", summary="Lead a name to models by weight: a version of its own", response_model=DeploymentView,
    openapi_extra=body(DeploymentWish),
)  # fmt: skip
@allow(Role.OPERATOR)
async def put_deployment(request: Request, alias: Alias) -> Response:
    """The same once more changes nothing."""
    wish = await read_json(request, DeploymentWish)
    arms = [(target.model, target.weight) for target in wish.targets]
    by = principal(request).key_id
    deployment = await house(request).releases.put(alias, arms, stage=wish.stage, sticky=wish.sticky, note=wish.note, by=by)
    return answer(_view(deployment))


@router.post(
    "/{alias}/promote", summary="Put the version in staging into production", response_model=DeploymentView,
    openapi_extra=body(VersionWish, required=False),
)  # fmt: skip
@allow(Role.OPERATOR)
async def promote(request: Request, alias: Alias) -> Response:
    wish = await read_json(request, VersionWish, optional=True)
    return answer(_view(await house(request).releases.promote(alias, wish.version, principal(request).key_id)))


@router.post(
    "/{alias}/rollback", summary="Lead production to the version before, or to any that it had",
    response_model=DeploymentView,
    openapi_extra=body(VersionWish, required=False),
)  # fmt: skip
@allow(Role.OPERATOR)
async def roll_back(request: Request, alias: Alias) -> Response:
    wish = await read_json(request, VersionWish, optional=True)
    return answer(_view(await house(request).releases.roll_back(alias, wish.version, principal(request).key_id)))


@router.delete("/{alias}", summary="Take a name away; its history stays", response_model=DeletedDeployment)
@allow(Role.OPERATOR)
async def delete_deployment(request: Request, alias: Alias) -> Response:
    await house(request).releases.delete(alias, principal(request).key_id)
    return answer({"alias": alias, "deleted": True})


def _view(deployment: Deployment, allows: Allows | None = None) -> DeploymentView:
    return {
        "alias": deployment.alias,
        "production": deployment.live and _version(deployment.live, deployment.alias, allows),
        "staging": deployment.staged and _version(deployment.staged, deployment.alias + STAGING, allows),
        "earlier": list(dict.fromkeys(version.number for version in reversed(deployment.released[:-1]))),
        "later": [version.number for version in deployment.later],
    }


def _version(version: Version, name: str, allows: Allows | None) -> VersionView:
    shares = version.shares()
    seen = [arm for arm in version.arms if allows is None or allows(*arm.model.split("/", 1))]
    return {
        "version": version.number,
        "name": name,
        "targets": [{"model": arm.model, "weight": arm.weight, "share": round(shares[arm.model], 6)} for arm in seen],
        "sticky": version.sticky,
        "note": version.note,
        "created_at": stamp(version.at),
        "created_by": version.by,
    }


def _move(row: Mapping[str, Any]) -> MoveView:
    plain = {name: row[name] for name in ("by", "move", "stage", "version")}
    stood = orjson.loads(row["record"]) if row["record"] else None
    return {"at": stamp(row["at"]), **plain, "targets": stood and stood["arms"], "note": stood and stood["note"]}
