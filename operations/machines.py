"""What the doctor says of each machine with models: whether it answers, what serves there, what it has, and what it may take."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from core.errors import MyelinError, ProviderUnreachable
from fleet.budget import Budget
from fleet.engines.host import EngineHost
from fleet.machines.engine import Host
from fleet.machines.health import Health
from fleet.machines.record import Record, record_of
from fleet.machines.registry import Factories
from operations.doctor import OLLAMA_FLOOR, Check, version_of
from providers.types import ModelInfo

_SECONDS = 5.0
_MOST_NAMED = 5
_OLLAMA = "Ollama"


class Served(Protocol):
    """Raises a MyelinError when it gives no answer."""

    async def version(self) -> str | None: ...

    async def list_models(self) -> Sequence[ModelInfo]: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A machine to be asked. `where` is where its record can be mended; `fixed` why its models stay where they are, when it has
    been asked."""

    name: str
    title: str
    where: str
    enabled: bool
    budget: Budget
    host: Served

    @property
    def fixed(self) -> str:
        return getattr(self.host, "fixed", "")


def subjects(named: Sequence[Record], rows: Iterable[Mapping[str, Any]], make: Factories) -> list[Subject]:
    """`named` are the machines of the settings, `rows` those that were kept (`store.machines.MachineRows`)."""
    kept = {row["name"]: row for row in rows}
    fixed = [(replace(one, enabled=bool(kept.get(one.name, {}).get("enabled", True))), "MACHINES") for one in named]
    names = {one.name for one in named}
    added = [record_of(row) for row in kept.values() if not row["fixed"] and row["name"] not in names]
    return [
        Subject(record.name, _title(host), where, record.enabled, make.budget(record, Health()), host)
        for record, where in [*fixed, *((one, f"PATCH /machines/{one.name}") for one in added)]
        for host in [make.host(record)]
    ]


def _title(host: Host) -> str:
    return host.title if isinstance(host, EngineHost) else host.spec.title


async def machines_found(subjects: Iterable[Subject]) -> list[Check]:
    """One check each, all asked at the same time; nothing is loaded."""
    return list(await asyncio.gather(*(_check(subject) for subject in subjects)))


async def _check(subject: Subject) -> Check:
    name = f"Machine {subject.name}"
    if not subject.enabled:
        return Check(name, "ok", f"{subject.title}, switched off")
    try:
        async with asyncio.timeout(_SECONDS):
            version, models = await subject.host.version(), await subject.host.list_models()
    except TimeoutError:
        return Check(name, "warn", f"silent for {_SECONDS:g} s", _cure(subject))
    except ProviderUnreachable as error:
        return Check(name, "warn", error.detail.rstrip("."), _cure(subject))
    except MyelinError as error:
        return Check(name, "warn", error.detail.rstrip("."), error.hint or _cure(subject))
    return _answered(name, subject, version, [model.name for model in models])


def _answered(name: str, subject: Subject, version: str | None, models: Sequence[str]) -> Check:
    shown = f"{subject.title} {version}" if version else subject.title
    if subject.title == _OLLAMA and version_of(version or "") < OLLAMA_FLOOR:
        floor = ".".join(map(str, OLLAMA_FLOOR))
        danger = f"{shown} lets strangers read its memory (CVE-2026-7482)"
        return Check(name, "warn", danger, f"Update Ollama there to {floor} or newer.")
    if not models:
        pull = f"python cli.py models pull gemma3:1b --machine {subject.name}"
        cure = pull if subject.title == _OLLAMA else f"Give {subject.title} a model there."
        return Check(name, "warn", f"{shown}, no model", cure)
    more = f" and {len(models) - _MOST_NAMED} more" if len(models) > _MOST_NAMED else ""
    room = f"{subject.budget.bytes / (1 << 30):.1f} GiB" if subject.budget.bytes else "one model at a time"
    detail = f"{shown}, models {', '.join(models[:_MOST_NAMED])}{more}; memory: {room} ({subject.budget.why})"
    return Check(name, "ok", f"{detail}. {subject.fixed}".rstrip(". "))


def _cure(subject: Subject) -> str:
    return f"Start {subject.title} there, and check the address in {subject.where}."
