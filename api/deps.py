"""What endpoints need of the house, and how they read and write JSON."""

from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from api.credentials import Credentials
from api.exchange import Pace
from api.limits import Places, Uploads
from api.policy import Principal
from api.words import of_member
from core.addresses import AddressPolicy
from core.clock import Clock
from core.errors import InvalidField, InvalidRequest, NotFound
from core.secrets import Keyring
from core.settings import Settings
from documents.sandbox.client import Sandbox
from fleet.compute import Compute
from fleet.downloads import Downloads
from fleet.machine import Machine
from fleet.machines.fleet import Fleet
from fleet.machines.registry import Machines
from fleet.operations.activity import Activity
from fleet.operations.agents import Agents
from fleet.operations.operations import Operations
from fleet.sizing import Sizing
from fleet.telemetry import Telemetry
from gateway.catalogue import Catalogue
from gateway.ledger import Ledger
from gateway.releases import Releases
from gateway.service import Gateway
from operations.loops import Loops
from store.agents import AgentKeys
from store.calls import Calls
from store.database import Database
from store.files import Files
from store.jobs import Jobs
from store.keys import Keys
from store.outcomes import Outcomes
from workers import Pipeline

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class House:
    """Every room that endpoints may enter."""

    settings: Settings
    uploads: Uploads
    pictures: Places
    hooks: AddressPolicy
    clock: Clock
    database: Database
    jobs: Jobs
    files: Files
    keys: Keys
    keyring: Keyring
    credentials: Credentials
    sandbox: Sandbox
    pipeline: Pipeline
    loops: Loops
    gateway: Gateway
    ledger: Ledger
    calls: Calls
    catalogue: Catalogue
    releases: Releases
    outcomes: Outcomes
    compute: Compute
    downloads: Downloads
    operations: Operations
    activity: Activity
    fleet: Fleet
    agents: Agents
    agent_keys: AgentKeys
    machine: Machine
    machines: Machines
    pace: Pace
    telemetry: Telemetry
    sizing: Sizing


def house(request: Request) -> House:
    return request.app.state.house


def principal(request: Request) -> Principal:
    return request.scope["state"]["principal"]


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status_code=status, headers=headers, media_type="application/json")


def refuse_unknown(request: Request, hint: str = "") -> None:
    """What is misspelled in a query would be left out in silence: a filter, or the limit of a key. Raises InvalidField."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    if unknown := next((name for name in request.query_params if name not in known), None):
        hint = f"Known are: {', '.join(known)}. {hint}".rstrip()
        raise InvalidField(f"There is no parameter {unknown[:64]!r}.", field=unknown[:64], hint=hint)


async def read_json(request: Request, shape: type[Shape], *, optional: bool = False) -> Shape:
    """The body as `shape`, extra members refused; none at all is an empty object where it is `optional`.

    Raises InvalidRequest (400) for no JSON and InvalidField (422).
    """
    body = await request.body()
    if optional and not body:
        return shape()
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest("The body is not JSON.", hint=_wanted(shape)) from None
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part)[:64] for part in first["loc"])
        raise InvalidField(of_member(field, first), field=field or "body", hint=_wanted(shape)) from None


def _wanted(shape: type[BaseModel]) -> str:
    """`Send a JSON object with model, and if you like machine.`"""
    needed = [name for name, field in shape.model_fields.items() if field.is_required()]
    free = [name for name in shape.model_fields if name not in needed]
    if not needed:
        return f"Send a JSON object with any of {', '.join(free)}."
    return f"Send a JSON object with {', '.join(needed)}{', and if you like ' if free else ''}{', '.join(free)}."


async def own_job(request: Request, job_id: str) -> Any:
    """The caller's job; a job of somebody else does not exist."""
    row = await house(request).jobs.get(job_id, principal(request).owner)
    if row is None:
        raise NotFound("There is no such job.", hint="It may have been erased after its time; GET /responses lists yours.")
    return row
