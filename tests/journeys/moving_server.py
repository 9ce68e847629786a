"""The routes of operations and agents behind the real gate, over real rooms, for machines that are named on the command line.

python -m tests.journeys.moving_server FOLDER PORT a=http://127.0.0.1:1 b=http://127.0.0.1:2
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI

from api import agents, errors, model_operations
from api.credentials import Credentials
from api.gate import Gate, rules_of
from api.limits import Buckets
from core.clock import Clock
from core.http import HttpClient
from fleet.operations.moving import open_activity, open_moving
from fleet.operations.spool import Spool
from providers.ollama import Ollama
from store.agents import AgentKeys
from store.database import Database
from store.keys import Keys
from tests.fakes.holding import Holding

OPERATOR, MASTER = "operator-key-of-the-journeys-01234567", "master-key-of-the-journeys-0123456789"


async def _told() -> None:
    return None


async def opened(
    folder: Path, machines: Mapping[str, str], stack: AsyncExitStack, free: Callable[[Path], int] = lambda _: 1 << 40
) -> Gate:
    """The gate of a server over `machines`, names and addresses; its rooms are `gate.app.state.house`."""
    clock, database = Clock(), Database(folder / "myelin.db")
    await database.start()
    stack.push_async_callback(database.close)
    http = HttpClient()
    stack.push_async_callback(http.close)
    ports = {name: Holding(Ollama(http, base_url=url)) for name, url in machines.items()}
    keys = AgentKeys(database, clock)
    credentials = Credentials(OPERATOR, MASTER, b"pepper", Keys(database, clock).active, load_agents=keys.all)
    await credentials.reload()
    spool = Spool(folder / "spool", free=free)
    activity = await open_activity(database)
    moving = await open_moving(
        lambda: ports,
        lambda: ports,
        activity,
        spool=spool,
        database=database,
        clock=clock,
        keyed=credentials.has_agent,
        told=_told,
        stack=stack,
    )
    app = FastAPI(openapi_url=None)
    routers = (model_operations.router, agents.router)
    for router in routers:
        app.include_router(router)
    errors.install(app)
    app.state.house = SimpleNamespace(
        **moving._asdict(),
        activity=activity,
        machines=SimpleNamespace(check_files=lambda name: None),  # all are Ollamas
        credentials=credentials,
        settings=SimpleNamespace(api_key_prefix="pbpm-"),
        clock=clock,
    )
    return Gate(
        app,
        rules=rules_of(route for router in routers for route in router.routes),
        credentials=credentials,
        buckets=Buckets(0, lambda: 0.0),
        file_bytes=1 << 20,
        allowed_hosts=("*",),
        trusted_proxies=(),
    )


async def _serve(folder: Path, port: int, machines: Mapping[str, str]) -> None:
    async with AsyncExitStack() as stack:
        gate = await opened(folder, machines, stack)
        await uvicorn.Server(uvicorn.Config(gate, port=port, lifespan="off", log_level="warning")).serve()


if __name__ == "__main__":
    named = dict(machine.split("=", 1) for machine in sys.argv[3:])
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), named))
