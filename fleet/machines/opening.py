"""The machines that the settings name, and how the adapter and the budget of any machine are made."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from functools import partial

from core.clock import Clock
from core.errors import InvalidField
from core.http import HttpClient
from core.machines import LOCAL, OLLAMA, Named, place_of
from fleet.budget import Budget, budget
from fleet.compute import Mode
from fleet.engines.host import engine_host
from fleet.hardware import Hardware
from fleet.machines.engine import Engine, Host, Turns
from fleet.machines.fleet import Fleet
from fleet.machines.health import Health
from fleet.machines.record import Record, checked
from fleet.machines.registry import Factories, Machines, Rows
from fleet.memory.prediction import Habits
from fleet.ollamas import Ollamas
from providers.ollama import Ollama
from providers.registry import Configured


def named(ollama_url: str, machines: Sequence[Named], always_on: Sequence[str] = ()) -> list[Record]:
    """The machine of OLLAMA_URL first, then those of MACHINES. Raises InvalidField for an address that stands there twice, for
    a kind that nobody knows, and for a key where none is taken."""
    others = [Record(**asdict(one) | {"key": one.key.get_secret_value()}) for one in machines]
    for record in others:
        try:
            checked(record)
        except InvalidField as error:
            raise InvalidField(f"MACHINES: {record.name}: {error.detail}", hint=error.hint, field="MACHINES") from None
    records = [Record(LOCAL, ollama_url, always_on=tuple(always_on)), *others]
    seen: dict[tuple[str, int, str], str] = {}
    for record in records:
        if (first := seen.setdefault(place_of(record.url), record.name)) != record.name:
            other = "OLLAMA_URL leads" if first == LOCAL else f"{first} leads"
            raise InvalidField(f"MACHINES: {record.name} leads to where {other}.", hint="Leave one out.", field="MACHINES")
    return records


async def open_ollamas(
    ollama: Configured,
    machines: Sequence[Named],
    always_on: Sequence[str],
    rows: Rows,
    make: Factories,
    offers: Callable[[str, str], bool],
    clock: Clock,
) -> tuple[Fleet, Ollamas]:
    """The machines, and the provider over all of them. `ollama` has what the settings say of the one of OLLAMA_URL."""
    opened = Machines(named(ollama.arguments["base_url"], machines, always_on), rows, make, clock=clock)
    await opened.open()
    fleet = Fleet(opened, offers=offers, clock=clock)
    return fleet, Ollamas(fleet)


def factories(
    ollama: Configured,
    http: HttpClient,
    hardware: Callable[[], Hardware],
    mode: Callable[[], Mode],
    vram_limit: float,
    habits: Habits = Habits(),
    turns: Callable[[Engine], AbstractAsyncContextManager[Turns]] | None = None,
    grows: Callable[[str, str, int], Awaitable[None]] | None = None,
    offers: Callable[[str, str], bool] = lambda model, machine: True,
) -> Factories:
    """`ollama` has what the settings say of the provider, `hardware` what was found here last, `mode` where the local one
    computes, `vram_limit` is in GiB; `habits` are those of an Ollama whose record says nothing; `grows` is told the machine, the
    model and the context that it is going to have there."""

    def computes(record: Record) -> Mode:
        return mode() if record.name == LOCAL else record.device

    def host(record: Record) -> Host:
        if record.kind != OLLAMA:
            return engine_host(record.kind, record.url, record.key, http, Ollama.spec.name)
        own = {"base_url": record.url, "always_on": record.always_on, "mode": partial(computes, record)}
        room = {"grows": partial(grows, record.name)} if grows else {}
        return ollama.cls(http=http, **ollama.arguments | own | room)

    def memory(record: Record, health: Health) -> Budget:
        if record.name == LOCAL:
            return budget(hardware(), mode(), vram_limit, record.url)
        device = "cpu" if record.device == "cpu" else "gpu"
        if record.budget_bytes is not None:
            return Budget(record.budget_bytes, "budget_bytes of the machine", device)
        seen = f", at most {health.seen_bytes} bytes were seen in use" if health.seen_bytes else ""
        return Budget(None, f"nobody set budget_bytes{seen}", device)

    return Factories(host=host, budget=memory, mode=computes, habits=habits, offers=offers, turns=turns)
