"""Everything that has to do with models, opened as one: providers, machines, their lists and their names."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

from core.clock import Clock
from core.http import HttpClient
from core.machines import LOCAL
from core.secrets import Keyring
from core.settings import Settings
from fleet.compute import Compute, Mode, gpu_presence
from fleet.downloads import Downloads
from fleet.machine import Machine
from fleet.machines.fleet import Fleet
from fleet.machines.opening import factories, open_ollamas
from fleet.machines.registry import Machines
from fleet.machines.swapping import swapping
from fleet.machines.tending import held, tended
from fleet.memory.prediction import Habits
from fleet.ollamas import Ollamas
from fleet.operations import moving
from fleet.operations.activity import Activity
from fleet.operations.moving import Moving
from fleet.operations.spool import Spool
from fleet.telemetry import Telemetry
from gateway.catalogue import Catalogue
from gateway.pricelist import PriceList
from gateway.releases import Releases, open_releases
from gateway.service import Gateway
from models import downloads as download_rows
from providers import registry
from providers.registry import Configured
from store.database import Database
from store.machines import MachineRows
from store.outcomes import Outcomes
from store.records import Records
from store.sizes import Sizes
from store.state import State

#: Of an Ollama that was told nothing, for each card; how many cards another machine has nobody knows.
_MOST_LOADED = 3


class Models(NamedTuple):
    """What the house has of models, by the names of its rooms."""

    gateway: Gateway
    catalogue: Catalogue
    compute: Compute
    downloads: Downloads
    machine: Machine
    machines: Machines
    fleet: Fleet
    activity: Activity
    releases: Releases
    outcomes: Outcomes


async def open_models(
    settings: Settings, clock: Clock, database: Database, state: State, telemetry: Telemetry, stack: AsyncExitStack
) -> tuple[Models, PriceList]:
    http = HttpClient(connections=256)
    stack.push_async_callback(http.close)
    mode = await state.get("compute_mode", "auto")
    wanted = registry.configured(settings.by_name())
    (local,) = (one for one in wanted if one.spec.capabilities.pull)
    activity = await moving.open_activity(database)
    switch: Compute | None = None

    def computes() -> Mode:
        """Machines work before the last of them is opened."""
        return mode if switch is None else switch.mode

    fleet, ollamas = await _open_fleet(settings, clock, database, local, http, telemetry, computes, activity)
    machines = fleet.machines
    providers = registry.build(wanted, http) | {local.spec.name: ollamas}
    for provider in providers.values():
        stack.push_async_callback(provider.close)
    machine = tended(machines)[LOCAL]
    switch = Compute(
        machines.local.turns,
        machines.local.machine,
        mode=mode,
        save=lambda chosen: state.put("compute_mode", chosen),
        presence=lambda: (
            gpu_presence(telemetry.hardware, settings.ollama_url),
            ", ".join(gpu.name for gpu in telemetry.hardware.gpus) or "none was found",
        ),
        always_on=lambda: machines.local.always_on,
        now=clock.now,
    )
    prices = PriceList(now=clock.now)
    own_keys = [one.spec.name for one in wanted if one.has_key]
    catalogue = Catalogue(
        providers, clock=clock, own_keys=own_keys, missing=registry.missing(wanted),
        aliases=dict(settings.model_aliases), prices_of=prices,
    )  # fmt: skip
    pull = catalogue.renewing("ollama", machine.pull)
    kept = Records(database, clock, download_rows)
    downloads = Downloads(pull, load=kept.load, save=kept.save, clock=clock)
    await downloads.resume()
    stack.push_async_callback(downloads.close)
    gateway = Gateway(
        providers, catalogue, own_keys=own_keys, first_content=settings.first_content_timeout,
        speaks=lambda target: target.provider != local.spec.name or fleet.passes(target.model),
    )  # fmt: skip
    deployed = await open_releases(database, catalogue, clock)
    return Models(gateway, catalogue, switch, downloads, machine, machines, fleet, activity, *deployed), prices


async def _open_fleet(
    settings: Settings,
    clock: Clock,
    database: Database,
    local: Configured,
    http: HttpClient,
    telemetry: Telemetry,
    mode: Callable[[], Mode],
    activity: Activity,
) -> tuple[Fleet, Ollamas]:
    habits = Habits(
        num_parallel=settings.ollama_num_parallel,
        max_loaded_models=settings.ollama_max_loaded_models or _MOST_LOADED,
        kv_cache_type=settings.ollama_kv_cache_type,
        flash_attention=settings.ollama_flash_attention,
    )
    turns = partial(swapping, sizes=Sizes(database, clock), telemetry=telemetry)

    fleet: Fleet | None = None

    async def grows(machine: str, model: str, num_ctx: int) -> None:
        """What is loaded before the last machine is opened, nobody has asked."""
        if fleet is not None:
            await fleet.machines.get(machine).turns.grow(model, num_ctx)

    make = factories(local, http, lambda: telemetry.hardware, mode, settings.vram_limit_gb, habits, turns, grows, activity.offers)
    rows = MachineRows(database, clock, Keyring(settings.secret_key.get_secret_value()))
    fleet, ollamas = await open_ollamas(local, settings.machines, settings.always_on_models, rows, make, activity.offers, clock)
    return fleet, ollamas


async def open_moving(
    settings: Settings, has_agent: Callable[[str], bool], models: Models, database: Database, clock: Clock, stack: AsyncExitStack
) -> Moving:
    """`has_agent`: whether a machine has an agent with a key."""
    spool = Spool(settings.data_dir / "spool", spare=settings.min_free_disk_mb << 20)
    told = partial(models.catalogue.listing, "ollama", fresh=True)
    return await moving.open_moving(
        partial(tended, models.machines),
        partial(held, models.machines),
        models.activity,
        spool=spool,
        keyed=has_agent,
        told=told,
        database=database,
        clock=clock,
        stack=stack,
    )
