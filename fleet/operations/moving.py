"""Everything that models across machines need, opened as one."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

from core.clock import Clock
from fleet.operations.activity import Activity
from fleet.operations.agents import Agents
from fleet.operations.operations import Operations
from fleet.operations.ports import Holders, Ports
from fleet.operations.spool import Spool
from models import operations as operation_rows
from store.agents import AgentKeys
from store.database import Database
from store.deactivated import Deactivated
from store.records import Records


class Moving(NamedTuple):
    """By the names of the house's rooms."""

    operations: Operations
    agents: Agents
    agent_keys: AgentKeys


async def open_activity(database: Database) -> Activity:
    rows = Deactivated(database)
    activity = Activity(rows.load, rows.save)
    await activity.open()
    return activity


async def open_moving(
    ports: Ports,
    holders: Holders,
    activity: Activity,
    *,
    spool: Spool,
    database: Database,
    clock: Clock,
    keyed: Callable[[str], bool],
    told: Callable[[], Awaitable[object]],
    stack: AsyncExitStack,
) -> Moving:
    """Goes on with what a former server has left; `stack` stops it. `keyed`: whether a machine has an agent with a key."""
    rows = Records(database, clock, operation_rows)
    agents = Agents(spool, clock, keyed=keyed)
    operations = Operations(ports, holders, agents, activity, told=told, load=rows.load, save=rows.save, clock=clock)
    await operations.resume()
    stack.push_async_callback(operations.close)
    return Moving(operations, agents, AgentKeys(database, clock))
