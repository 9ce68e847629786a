"""Agents: small programs beside an Ollama on another machine, that hand its files over.

`/machines/{name}/agent` makes their keys, `/agent/*` is what they call.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect
from typing_extensions import TypedDict

from api.credentials import AGENT
from api.deps import House, answer, house, principal, read_json
from api.openapi import body
from api.policy import Role, allow
from api.shapes import Time
from api.views import stamp
from core.errors import NotFound
from core.secrets import hint_of, new_api_key
from fleet.operations.agents import Reason, What
from fleet.operations.looking import port_of

router = APIRouter(tags=["machines"])

CHUNK_BYTES = 64 << 20
MachineName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$", description="The name of a machine.")]
TaskId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="The id of work, as `GET /agent/work` gave it.")]
Seconds = Annotated[float, Query(ge=0, le=60, description="Seconds from 0 to 60 to wait for work.")]
Offset = Annotated[int, Query(ge=0, le=1 << 43, description="A whole number: the place of the first byte in the file.")]
Total = Annotated[int, Query(ge=0, le=1 << 43, description="A whole number: the bytes of the whole file.")]


class CreatedAgent(TypedDict):
    """`api_key` is shown once; `command` starts the agent on that machine."""

    machine: str
    api_key: str
    command: str


class AgentView(TypedDict):
    machine: str
    begins_with: str
    created_at: Time
    seen_at: Time | None


class RevokedAgent(TypedDict):
    machine: str
    revoked: bool


class Wanted(TypedDict):
    """A file of a model, wanted from `offset` on. `most`: the bytes that it has, for a manifest those that it may have."""

    id: str
    what: What
    model: str
    digest: str
    offset: int
    most: int


class Work(TypedDict):
    work: Wanted | None


class Taken(TypedDict):
    """How many bytes of the file are there now: the next ones begin there."""

    offset: int
    whole: bool


class Failure(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason


class Noted(TypedDict):
    noted: Literal[True]


@router.post(
    "/machines/{name}/agent",
    status_code=201,
    summary="Make the key of a machine's agent, in the place of a former one; it is shown once",
    response_model=CreatedAgent,
)
@allow(Role.OPERATOR)
async def create_agent(request: Request, name: MachineName) -> Response:
    rooms = house(request)
    port_of(rooms.operations.ports(), name)
    key = new_api_key(rooms.settings.api_key_prefix)
    await rooms.agent_keys.put(name, rooms.credentials.digest(key), hint_of(key))
    await rooms.credentials.reload()
    rooms.agents.revoke(name)
    command = f"python -m fleet.agent --server {request.base_url} --key-file FILE --models ~/.ollama/models"
    return answer({"machine": name, "api_key": key, "command": command}, 201)


@router.get("/machines/{name}/agent", summary="The agent of a machine", response_model=AgentView)
@allow(Role.OPERATOR)
async def show_agent(request: Request, name: MachineName) -> Response:
    rooms = house(request)
    row = await rooms.agent_keys.get(name)
    if row is None:
        raise _no_agent(name)
    seen = stamp(rooms.agents.seen_at(name))
    created = stamp(row["created_at"])
    return answer({"machine": name, "begins_with": row["hint"], "created_at": created, "seen_at": seen})


@router.delete("/machines/{name}/agent", summary="Revoke the key of a machine's agent at once", response_model=RevokedAgent)
@allow(Role.OPERATOR)
async def revoke_agent(request: Request, name: MachineName) -> Response:
    if not await revoked(house(request), name):
        raise _no_agent(name)
    return answer({"machine": name, "revoked": True})


@router.get("/agent/work", summary="For agents: the file that is wanted now, or null after the wait", response_model=Work)
@allow(Role.AGENT, body=0)
async def next_work(request: Request, wait: Seconds = 0) -> Response:
    task = await house(request).agents.next(_machine(request), wait)
    if task is None:
        return answer({"work": None})
    named = {name: getattr(task, name) for name in Wanted.__annotations__}
    return answer({"work": named})


@router.put("/agent/work/{task_id}", summary="For agents: bytes of the file that is wanted", response_model=Taken)
@allow(Role.AGENT, body=CHUNK_BYTES)
async def send_bytes(request: Request, task_id: TaskId, offset: Offset, total: Total) -> Response:
    try:
        taken, whole = await house(request).agents.receive(_machine(request), task_id, offset, total, request.stream())
    except ClientDisconnect:
        return answer({"offset": offset, "whole": False})  # nobody reads it; what came is kept
    return answer({"offset": taken, "whole": whole})


@router.post(
    "/agent/work/{task_id}/failure",
    summary="For agents: the file that is wanted cannot be given",
    response_model=Noted,
    openapi_extra=body(Failure),
)
@allow(Role.AGENT, body=1 << 10)
async def fail(request: Request, task_id: TaskId) -> Response:
    failure = await read_json(request, Failure)
    house(request).agents.fail(_machine(request), task_id, failure.reason)
    return answer({"noted": True})


async def revoked(rooms: House, machine: str) -> bool:
    """The key of the machine's agent is dead from now on, and its work over; False when there was none."""
    if not await rooms.agent_keys.revoke(machine):
        return False
    await rooms.credentials.reload()
    rooms.agents.revoke(machine)
    return True


def _machine(request: Request) -> str:
    return principal(request).key_id.removeprefix(AGENT)


def _no_agent(name: str) -> NotFound:
    return NotFound(f"The machine {name} has no agent.", hint=f"POST /machines/{name}/agent makes its key.")
