"""Where a job stands in its queue and how long it will take, from the measured time of each stage."""

from collections.abc import Mapping
from typing import Any

from models import ENTRY, STAGE_OF, TERMINAL, JobStatus, Stage
from workers import Room

Rooms = Mapping[Stage, Room]
Row = Mapping[str, Any]

_LONGEST = 300


def position(rooms: Rooms, row: Row) -> int:
    """Place in the queue of the present stage, 1 for the next one, 0 when the job is not waiting."""
    stage = STAGE_OF.get(JobStatus(row["status"]))
    if stage is None or row["status"] != ENTRY[stage]:
        return 0
    return rooms[stage].line.position(row["priority"], row["seq"])


def eta_seconds(rooms: Rooms, row: Row) -> int:
    """Estimated seconds until the job ends: what waits before it and its own work, in this stage and the later ones."""
    status = JobStatus(row["status"])
    if status in TERMINAL:
        return 0
    order = list(Stage)
    first = order.index(STAGE_OF[status])
    ahead = max(position(rooms, row) - 1, 0)
    seconds = (ahead / rooms[order[first]].workers + 1) * rooms[order[first]].seconds
    for stage in order[first + 1 :]:
        seconds += (len(rooms[stage].line) / rooms[stage].workers + 1) * rooms[stage].seconds
    return max(round(seconds), 1)


def backlog_seconds(rooms: Rooms) -> int:
    """How long what waits will last: the `Retry-After` of a closed door."""
    waiting = sum(len(room.line) / room.workers * room.seconds for room in rooms.values())
    return max(1, min(_LONGEST, round(waiting)))
