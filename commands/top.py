"""`top`: the machines, their memory and everybody who waits, as the server shows them at one moment."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from commands.server import AsJson, Server, out

_BAR = 24
#: (models, other programs, free) of a bar, and the signs of a model in memory, on its way in, on its way out, and awaited.
_UNICODE = ("█▒░", {"resident": "●", "loading": "◐", "leaving": "◌", "awaited": "○"})
_ASCII = ("#x.", {"resident": "*", "loading": "+", "leaving": "-", "awaited": " "})
_COLOURS = {"up": "green", "unknown": "yellow", "draining": "yellow", "down": "red", "disabled": "dim"}


def top(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Shows machines, memory, models and queues live; --json prints one look."""
    server: Server = context.obj
    if as_json:
        out.print_json(data=look(server))
    elif once or not out.is_terminal:
        out.print(screen(look(server), time.time()))
    else:
        with suppress(KeyboardInterrupt), Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(screen(look(server), time.time()), refresh=True)
                time.sleep(every)


def look(server: Server) -> dict[str, Any]:
    """What GET /machines and GET /queue say."""
    return {"machines": server.call("GET", "/machines")["data"], "queue": server.call("GET", "/queue")}


def screen(seen: dict[str, Any], now: float) -> Group:
    """`now` in seconds since 1970."""
    return Group(*(line for machine in seen["machines"] for line in _machine(machine, now)), *_documents(seen["queue"]))


def _machine(machine: dict[str, Any], now: float) -> Iterator[Text]:
    marks, signs = _signs()
    state = machine["state"]
    line = Text.assemble((f"{machine['name']:<16}", "bold"), f" {machine['kind']:<9} ", (f"{state:<9}", _COLOURS.get(state, "")))
    line.append("".join(f" {part}" for part in _memory(machine, marks)))
    line.append(f"  {machine['phase']}, {machine['in_flight']} in flight")
    yield line
    if error := machine["health"]["error"]:
        yield Text(f"    {error}", "red")
    queues = {queue["model"]: queue for queue in machine["queue"]}
    for one in machine["residents"]:
        yield Text(f"  {signs[one['state']]} " + ", ".join(_resident(one, queues.pop(one["name"], None), now)))
    for queue in queues.values():
        yield Text(f"  {signs['awaited']} {queue['model']}, " + ", ".join(_waiting(queue)))


def _memory(machine: dict[str, Any], marks: str) -> Iterator[str]:
    """The bar is of the budget, or of what the cards have where other programs use them, too."""
    used = sum(one["size_vram"] or one["size"] or 0 for one in machine["residents"])
    budget, others = machine["budget"]["bytes"], (machine["cards"] or {"others": 0})["others"]
    if budget:
        whole = max(budget, machine["cards"]["total"]) if others else budget
        ours = min(_BAR, round(_BAR * used / whole))
        theirs = min(_BAR - ours, round(_BAR * others / whole))
        yield f"{marks[0] * ours}{marks[1] * theirs}{marks[2] * (_BAR - ours - theirs)}"
    yield _gib(used) + (f" of {_gib(budget)}" if budget else "") + (f", others {_gib(others)}" if others else "")


def _resident(one: dict[str, Any], queue: dict[str, Any] | None, now: float) -> Iterator[str]:
    yield one["name"]
    since = "" if one["since"] is None else f" for {_seconds(now - datetime.fromisoformat(one['since']).timestamp())}"
    eta = f", there in {_seconds(one['eta_seconds'])}" if one["eta_seconds"] is not None else ""
    yield f"{one['state']}{since}{eta}"
    if size := one["size_vram"] or one["size"]:
        yield _gib(size)
    if one["always_on"]:
        yield "always on"
    if queue:
        yield from _waiting(queue, there=True)


def _waiting(queue: dict[str, Any], *, there: bool = False) -> Iterator[str]:
    if queue["inside"]:
        yield f"{queue['inside']} inside"
    if queue["waiting"]:
        yield f"{queue['waiting']} waiting for {_seconds(queue['oldest_seconds'] or 0)}"
        if queue["eta_seconds"] is not None and not there:
            yield f"in memory in about {_seconds(queue['eta_seconds'])}"


def _documents(queue: dict[str, Any]) -> Iterator[Text]:
    yield Text("documents", "bold")
    for stage, room in queue["queues"].items():
        oldest = f", the first for {_seconds(room['oldest_seconds'])}" if room["waiting"] else ""
        yield Text(f"  {stage:<11} {room['running']} of {room['workers']} at work, {room['waiting']} waiting{oldest}")
    if not queue["accepting"]:
        yield Text("  no uploads are accepted now", "yellow")


def _signs() -> tuple[str, dict[str, str]]:
    return _UNICODE if out.encoding.startswith("utf") else _ASCII


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"


def _seconds(count: float) -> str:
    seconds = max(0, round(count))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
