"""How many workers each queue gets on this machine, and why, in one sentence a person can check."""

import math
from dataclasses import dataclass

from fleet.hardware import Hardware

_GIB = 1 << 30

# Ollama answers one request a model by default (OLLAMA_NUM_PARALLEL=1); a second one hides the time between two.
LOCAL_QUESTIONS = 2
# Providers on the internet spend our time waiting, so many questions can wait together.
CLOUD_QUESTIONS = 6
_MAX_FORMATTING = 2
_MAX_WORKERS = 64


@dataclass(frozen=True, slots=True)
class Workers:
    """`count` is at least 1; `why` ends with a full stop."""

    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Sizing:
    extraction: Workers
    model: Workers
    formatting: Workers


def size(
    hardware: Hardware,
    *,
    extraction: int | None = None,
    model: int | None = None,
    formatting: int | None = None,
    local: bool = True,
    cloud: bool = False,
    parser_memory: int = _GIB,
) -> Sizing:
    """Workers for the three queues. A number was set by the operator and holds; None is `auto`.

    `local` and `cloud` say which kinds of providers are configured, `parser_memory` the bytes that one reader may take.
    """
    return Sizing(
        _chosen("EXTRACTION_WORKERS", extraction) or _extraction(hardware, parser_memory),
        _chosen("MODEL_WORKERS", model) or _model(hardware, local, cloud),
        _chosen("FORMATTING_WORKERS", formatting) or _formatting(hardware),
    )


def _chosen(setting: str, count: int | None) -> Workers | None:
    return None if count is None else Workers(max(1, count), f"{setting} is set to {count}.")


def _plural(count: float, noun: str) -> str:
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


def _cores(hardware: Hardware) -> int:
    return min(_MAX_WORKERS, max(1, math.floor(hardware.cores.value)))


def _extraction(hardware: Hardware, parser_memory: int) -> Workers:
    cores, available = _cores(hardware), hardware.ram_available.value
    room = int(available // parser_memory)
    count = max(1, min(cores, room))
    reasons = f"{_plural(hardware.cores.value, 'usable core')} ({hardware.cores.source})"
    memory = f"{available / _GIB:.1f} GiB of free RAM ({hardware.ram_available.source})"
    each = f"{parser_memory / _GIB:g} GiB each"
    if room < 1:
        return Workers(1, f"{memory} is less than one reader may take ({each}), so there is the least, 1 extraction worker.")
    limit = "allows" if room >= cores else "allows only"
    return Workers(count, f"{reasons} → {_plural(count, 'extraction worker')}; {memory} {limit} {room} at {each}.")


def _model(hardware: Hardware, local: bool, cloud: bool) -> Workers:
    if not local and not cloud:
        cores = _cores(hardware)
        why = f"No model provider, the built-in finder computes here: {_plural(cores, 'worker')}, one for each usable core."
        return Workers(cores, why)
    parts, count = [], 0
    if local:
        count += LOCAL_QUESTIONS
        parts.append(f"{LOCAL_QUESTIONS} for local models (one is answered, one is ready)")
    if cloud:
        count += CLOUD_QUESTIONS
        parts.append(f"{CLOUD_QUESTIONS} for cloud providers, which only have to be waited for")
    return Workers(count, f"{' and '.join(parts)} → {_plural(count, 'model worker')}.")


def _formatting(hardware: Hardware) -> Workers:
    count = min(_MAX_FORMATTING, _cores(hardware))
    cores = _plural(hardware.cores.value, "usable core")
    return Workers(count, f"{cores} → {_plural(count, 'formatting worker')}; an answer takes milliseconds.")
