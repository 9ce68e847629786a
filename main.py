"""The roof. The map of the house, from the roof down; arrows point down only (tests/test_architecture.py holds it):

    main                            build → lifespan → routes
    api                             HTTP in, HTTP out: gate, routes, views, errors
    workers | operations            three queues and one loop | the rooms of models, retention, webhooks, doctor
    documents                       sandboxed readers, analysis, finder, evidence
    gateway                         routing, retries, catalogue of models
    fleet                           machines and their turns, hardware, compute mode, downloads
    providers | store               one file a provider | one writer, files
    models                          stages, statuses, tables
    core                            settings, errors, logs, secrets, HTTP
    utils                           pure helpers

`python main.py` serves; `python main.py doctor` checks the machine.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI

from api import available_models, compute, deployments, docs, documents, errors, keys, local_models, models, service, stats
from api.agents import router as agent_routes
from api.anthropic import routes as anthropic_front
from api.credentials import Credentials
from api.deps import House
from api.exchange import Pace
from api.gate import Gate, rules_of
from api.limits import Buckets, Places, Uploads
from api.machines import router as machine_routes
from api.model_operations import router as operation_routes
from api.ollama import routes as ollama_front
from api.openai import routes as openai_front
from api.origins import opened
from api.policy import Role
from api.preload import router as preload_routes
from api.server import Server, server_config
from core import logs
from core.addresses import AddressPolicy
from core.clock import Clock
from core.errors import InvalidField, SandboxUnavailable
from core.http import HttpClient
from core.logs import get_logger
from core.outbound import GuardedClient
from core.secrets import Keyring, derive, read_secret_key
from core.settings import BadSettings, Settings, load
from documents.analysis import Patience
from documents.parsers.base import Context
from documents.sandbox.client import Limits, Sandbox
from fleet.hardware import Hardware, detect
from fleet.machine import Machine
from fleet.machines.opening import factories, named
from fleet.sizing import Sizing, size
from fleet.telemetry import Telemetry
from gateway.usage import open_metering
from operations.banner import banner, models_found
from operations.doctor import Check, Subject, examine, myelin_at, table, worst
from operations.first_start import with_keys
from operations.hosts import answering
from operations.loops import run_loops
from operations.machines import machines_found, subjects
from operations.modelroom import open_models, open_moving
from operations.notifier import Notifier
from operations.retention import Retention
from operations.signatures import Signer
from operations.webhooks import Deliverer
from providers import registry
from stages import Stages
from store.agents import AgentKeys
from store.calls import Calls
from store.database import SQLITE_VERSION, Database
from store.files import Files
from store.jobs import Jobs
from store.keys import Keys
from store.lock import InUse, hold
from store.machines import MachineRows
from store.outbox import Outbox
from store.state import State
from workers import Pipeline, Sizes

ROUTERS = (documents.router, local_models.router, operation_routes, agent_routes, models.router, available_models.router,
           machine_routes, preload_routes, deployments.router, compute.router, keys.router, stats.router, service.router,
           docs.router)  # fmt: skip
FRONTS = (openai_front, anthropic_front, ollama_front)

#: The last part asked for may take longer than any before it, and what was answered must still be weighed.
_ASKING_SHARE = 0.9

log = get_logger()


def create_app(settings: Settings, *, clock: Clock = Clock()) -> Gate:
    """The whole service as one ASGI application; files, ports and processes are opened by its lifespan."""
    database = Database(settings.database_path)
    client_keys = Keys(database, clock)
    pepper = derive(read_secret_key(settings.secret_key.get_secret_value()), "api keys")
    credentials = Credentials(
        settings.api_key.get_secret_value(), settings.master_api_key.get_secret_value(), pepper, client_keys.active, clock.now,
        load_agents=AgentKeys(database, clock).all,
    )  # fmt: skip

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        """Opens from the ground floor up. At the end: uploads refused, running work drained, HTTP closed, database last."""
        async with AsyncExitStack() as stack:
            app.state.house = await build(settings, clock, database, client_keys, credentials, stack)
            yield

    app = FastAPI(title="Myelin", version=service.VERSION, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    # Into the application's own list: an included router is matched again, a third of a millisecond for each request.
    app.router.routes.extend(route for router in ROUTERS for route in router.routes)
    errors.install(app)
    rules = rules_of(route for router in ROUTERS for route in router.routes)
    rules += [rule for front in FRONTS for rule in front.rules()]
    app.state.opened = [rule.template for rule in rules if Role.ANYONE in rule.policy.roles]
    app.state.routes = [f"{method} {rule.template}" for rule in rules for method in sorted(rule.methods)]
    return Gate(
        app,
        rules=rules,
        credentials=credentials,
        buckets=Buckets(settings.rate_limit_per_minute, clock.monotonic),
        file_bytes=settings.max_upload_mb << 20,
        held_bytes=settings.max_bodies_mb << 20,
        allowed_hosts=settings.allowed_hosts,
        trusted_proxies=settings.trusted_proxies,
        access=logs.AccessLog(settings.log_level),
    )


async def build(
    settings: Settings, clock: Clock, database: Database, client_keys: Keys, credentials: Credentials, stack: AsyncExitStack
) -> House:
    """Makes every room, each on the floor below it, and starts what runs by itself."""
    sandbox, hardware = await asyncio.gather(_open_sandbox(settings, stack, settings.data_dir / "work"), detect())
    files, hooks = Files(settings.data_dir, settings.min_free_disk_mb << 20), AddressPolicy.of(settings.webhook_allowed_targets)
    files.prepare()
    await database.start()
    stack.push_async_callback(database.close)
    await credentials.reload()
    jobs, outbox, state = Jobs(database, clock, settings.retention_hours * 3600), Outbox(database, clock), State(database)
    sizing, telemetry = _sizing(settings, hardware), Telemetry(hardware, clock)
    models, prices = await open_models(settings, clock, database, state, telemetry, stack)
    metering, book = await open_metering(Calls(database), models.gateway, clock, settings.prices, prices, stack)
    deliverer = _open_webhooks(settings, clock, outbox, hooks, stack)
    keyring, patience = Keyring(settings.secret_key.get_secret_value()), Patience(settings.model_timeout * _ASKING_SHARE, clock)
    pipeline = Pipeline(
        stages=Stages(jobs, files, sandbox, models.gateway, keyring, patience, metering.ledger, credentials.grant),
        jobs=jobs,
        files=files,
        sizes=_sizes(settings, sizing),
        clock=clock,
        notifier=Notifier(clock, deliverer.wake),
    )
    retention = Retention(database, jobs, files, outbox, metering.calls, clock, audit_days=settings.audit_days)
    loops = run_loops(stack, deliverer.run, retention.run, book.run, models.machines.run, *models.catalogue.followers())
    await pipeline.start()
    stack.push_async_callback(pipeline.drain, settings.shutdown_grace)
    return House(
        settings=settings,
        clock=clock,
        uploads=Uploads(),
        pictures=Places(sizing.extraction.count),
        hooks=hooks,
        database=database,
        jobs=jobs,
        files=files,
        keys=client_keys,
        keyring=keyring,
        credentials=credentials,
        sandbox=sandbox,
        pipeline=pipeline,
        loops=loops,
        **models._asdict(),
        **(await open_moving(settings, credentials.has_agent, models, database, clock, stack))._asdict(),
        pace=Pace(total=settings.answer_timeout),
        **metering._asdict(),
        telemetry=telemetry,
        sizing=sizing,
    )


async def _open_sandbox(settings: Settings, stack: AsyncExitStack, workdir: Path) -> Sandbox:
    """Opened first, so that the readers' server inherits no open file of ours."""
    limits = Limits(
        wall_seconds=settings.extraction_timeout,
        page_seconds=settings.page_timeout,
        memory_bytes=settings.parser_memory_bytes,
    )
    context = Context(
        ocr_languages=settings.ocr_languages,
        second_engine=settings.second_ocr_engine != "off",
        max_pages=settings.max_pages,
    )
    sandbox = Sandbox(limits, context, workdir=workdir)
    await sandbox.start()
    stack.push_async_callback(sandbox.close)
    return sandbox


def _open_webhooks(settings: Settings, clock: Clock, outbox: Outbox, hooks: AddressPolicy, stack: AsyncExitStack) -> Deliverer:
    poster = GuardedClient(hooks)
    stack.push_async_callback(poster.close)
    return Deliverer(outbox, poster, Signer(settings.webhook_secret.get_secret_value()), clock=clock)


def _sizing(settings: Settings, hardware: Hardware) -> Sizing:
    return size(
        hardware,
        extraction=settings.extraction_workers,
        model=settings.model_workers,
        formatting=settings.formatting_workers,
        cloud=any(one.has_key for one in registry.configured(settings.by_name())),
        parser_memory=settings.parser_memory_bytes,
    )


def _sizes(settings: Settings, sizing: Sizing) -> Sizes:
    counts = (sizing.extraction.count, sizing.model.count, sizing.formatting.count)
    return Sizes(*counts, settings.extraction_timeout, settings.model_timeout, settings.formatting_timeout)


def _stop_accepting(app: FastAPI, announcing: Sequence[asyncio.Task[None]]) -> None:
    for task in announcing:
        task.cancel()
    if rooms := getattr(app.state, "house", None):
        rooms.pipeline.stop_accepting()
        rooms.agents.close()
        rooms.downloads.let_go()
        rooms.operations.let_go()


def serve(settings: Settings, made: Collection[str]) -> int:
    """Serves until SIGTERM or Ctrl-C; 0 after a clean stop, 1 when it could not start."""
    logs.configure(settings.log_level, settings.secret_values())
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        print(f"✗ {settings.host}:{settings.port} cannot be used: {error.strerror}.", file=sys.stderr)
        print("  Stop what listens there, or choose another port: PORT=8001 ./start.sh", file=sys.stderr)
        return 1
    gate = create_app(settings)
    # uvicorn raises the signal that ended it once more, for the handlers that stood before: a clean stop is no failure.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)

    async def announce() -> None:
        models = await models_found(gate.app.state.house.gateway)
        shown = banner(settings, version=service.VERSION, made=made, models=models, root=Path(__file__).parent)
        print(shown, file=sys.stderr, flush=True)

    announcing = []  # beside the serving: a provider that does not answer delays nobody
    server = Server(
        server_config(opened(gate, settings.allowed_origins)),
        lambda: announcing.append(asyncio.create_task(announce())),
        lambda: _stop_accepting(gate.app, announcing),
    )
    server.run(sockets=[listening])
    return 0 if server.started else 1


async def check(settings: Settings) -> int:
    """Examines the machine and prints what was found with its cures; 1 when something must be mended."""
    logs.configure("error", settings.secret_values())
    async with AsyncExitStack() as stack:
        layers, refusal = None, ""
        try:
            # A folder of its own: a server that runs has its documents in the usual one.
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="myelin-doctor-")))
            layers = (await _open_sandbox(settings, stack, folder)).layers
        except SandboxUnavailable as error:
            refusal = error.detail
        http = HttpClient()
        stack.push_async_callback(http.close)
        named = ("data_dir", "min_free_disk_mb", "host", "port", "ocr_languages", "second_ocr_engine", "ollama_url")
        secrets = ("api_key", "master_api_key", "secret_key", "gemini_api_key")
        subject = Subject(
            **{name: getattr(settings, name) for name in named},
            **{name: getattr(settings, name).get_secret_value() for name in secrets},
            sqlite_version=SQLITE_VERSION,
            layers=layers,
            refusal=refusal,
        )
        providers = registry.build(registry.configured(settings.by_name()), http)
        for provider in providers.values():
            stack.push_async_callback(provider.close)
        ollama = Machine(providers.pop("ollama"))
        providers.pop("gemini", None)  # it may be without a key: that is told from the settings
        found = await asyncio.gather(
            examine(subject, ollama, partial(myelin_at, http)), _other_machines(settings, http), answering(providers.values())
        )
    checks = [check for part in found for check in part]
    print(table(checks))
    return int(worst(checks) == "fail")


async def _other_machines(settings: Settings, http: HttpClient) -> list[Check]:
    """Those of MACHINES and those that were added: a server may be working on their table."""
    (local,) = (one for one in registry.configured(settings.by_name()) if one.spec.capabilities.pull)
    hardware = await detect()
    make = factories(local, http, lambda: hardware, lambda: "auto", settings.vram_limit_gb)
    keyring = Keyring(settings.secret_key.get_secret_value())
    kept = await asyncio.to_thread(MachineRows.glance, settings.database_path, keyring)
    return await machines_found(subjects(named(settings.ollama_url, settings.machines)[1:], kept, make))


def run(arguments: Sequence[str]) -> int:
    """The command line: nothing serves, `doctor` checks; the exit code."""
    if list(arguments) not in ([], ["doctor"]):
        print("Usage: python main.py           serve\n       python main.py doctor    check the machine", file=sys.stderr)
        return 0 if set(arguments) <= {"-h", "--help", "help"} else 2
    os.umask(0o077)
    try:
        settings = load()
        if not arguments:
            hold(settings.data_dir, settings.database_path)  # before anything is written: it may be another server's
        settings, made = with_keys(settings)
        read_secret_key(settings.secret_key.get_secret_value())
        AddressPolicy.of(settings.webhook_allowed_targets)
        registry.configured(settings.by_name())
        named(settings.ollama_url, settings.machines)
    except (BadSettings, InvalidField) as error:
        lines = error.lines if isinstance(error, BadSettings) else [f"{error.detail} {error.hint or ''}"]
        print(
            *(f"✗ {line}" for line in lines), "  Correct it in .env, config.yaml or the environment.", sep="\n", file=sys.stderr
        )
        return 2
    except InUse as error:
        print(f"✗ {error}", "  Stop it, or choose another place: DATA_DIR=./other ./start.sh", sep="\n", file=sys.stderr)
        return 1
    return asyncio.run(check(settings)) if arguments else serve(settings, made)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
