"""What the operator says of a machine with models, and the checks that every such saying passes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar, get_args

from core.errors import InvalidField
from core.machines import OLLAMA, machine_name, machine_url
from fleet.engines.registry import engine_classes
from fleet.memory.formula import KvType
from fleet.names import read_model_name

T = TypeVar("T")
Device = Literal["auto", "cpu", "gpu"]
#: local: made of OLLAMA_URL, VRAM_LIMIT_GB and ALWAYS_ON_MODELS; settings: named in MACHINES; api: added while running.
Origin = Literal["local", "settings", "api"]

_LABEL = re.compile(r"[a-z0-9][a-z0-9._=-]{0,62}", re.ASCII)
_MOST = 32
#: The largest memory that is believed, in bytes: a petabyte.
_LARGEST = 1 << 50
_LONGEST = 300
_LONGEST_KEY = 1000
_MOST_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Record:
    """`url` as the operator gave it; `kind` is what serves the models there: Ollama, or an engine, which may want a `key`.

    `budget_bytes` is what models may take together (None: nobody said). `labels` are the operator's own notes;
    `always_on` models stay in memory; one that is not `enabled` gets no work. The last four are how its server was started, by
    the names of `fleet.memory.prediction.Habits`; None: as the settings say.
    """

    name: str
    url: str
    kind: str = OLLAMA
    device: Device = "auto"
    budget_bytes: int | None = None
    labels: tuple[str, ...] = ()
    enabled: bool = True
    always_on: tuple[str, ...] = ()
    key: str = field(default="", repr=False)
    num_parallel: int | None = None
    max_loaded_models: int | None = None
    kv_cache_type: KvType | None = None
    flash_attention: bool | None = None


def record_of(row: Mapping[str, Any]) -> Record:
    """From the members of a Record by their names, lists of any kind."""
    values = {one.name: row[one.name] for one in fields(Record)}
    return Record(**values | {name: tuple(values[name]) for name in ("labels", "always_on")})


def kinds() -> list[str]:
    """What may serve the models of a machine."""
    return [OLLAMA, *engine_classes()]


def checked(record: Record) -> Record:
    """`record` with its models' tags written out and its labels in order. Raises InvalidField that names the member."""
    _read("name", machine_name, record.name, "Write it like gpu-2.")
    _read("url", machine_url, record.url, "Write it like http://10.0.0.5:11434.")
    if record.kind not in kinds():
        raise InvalidField("This kind of machine is not known.", field="kind", hint=f"Known are: {', '.join(kinds())}.")
    _check_key(record)
    if record.device not in get_args(Device):
        raise InvalidField("The device is none of auto, cpu and gpu.", field="device", hint="Leave it out for auto.")
    if record.budget_bytes is not None and not 0 < record.budget_bytes <= _LARGEST:
        raise InvalidField("The budget is no number of bytes above 0.", field="budget_bytes", hint="26 GiB are 27917287424.")
    _check_habits(record)
    if len(record.labels) > _MOST or not all(_LABEL.fullmatch(label) for label in record.labels):
        hint = f"At most {_MOST}, each of small letters, digits and . _ = -, such as gpu=a100."
        raise InvalidField("A label cannot be used.", field="labels", hint=hint)
    if len(record.always_on) > _MOST:
        raise InvalidField("These are too many models.", field="always_on", hint=f"At most {_MOST}.")
    names = dict.fromkeys(_model(name, record.kind) for name in record.always_on)
    return replace(record, labels=tuple(sorted(set(record.labels))), always_on=tuple(names))


def _check_key(record: Record) -> None:
    key = record.key
    if key and record.kind == OLLAMA:
        raise InvalidField("An Ollama takes no key.", field="key", hint="Leave it out; a key is for the other kinds.")
    if len(key) > _LONGEST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidField("The key cannot be sent.", field="key", hint="Letters, digits and signs of ASCII, without blanks.")


def _check_habits(record: Record) -> None:
    for name in ("num_parallel", "max_loaded_models"):
        count = getattr(record, name)
        if count is not None and not 0 < count <= _MOST_AT_ONCE:
            hint = "Say what the server there was started with, or leave it out for what the settings say."
            raise InvalidField(f"{name} is not from 1 to {_MOST_AT_ONCE}.", field=name, hint=hint)
    if record.kv_cache_type not in (None, *get_args(KvType)):
        hint = "Say what Ollama was started with there, or leave it out for what the settings say."
        raise InvalidField(f"kv_cache_type is none of {', '.join(get_args(KvType))}.", field="kv_cache_type", hint=hint)
    if record.kind == OLLAMA:
        return
    for name in ("kv_cache_type", "flash_attention"):
        if getattr(record, name) is not None:
            hint = "Leave it out; what models take on such a machine is learned there."
            raise InvalidField(f"{name} is a thing of Ollama.", field=name, hint=hint)
    if engine_classes()[record.kind].spec.holds_one and (record.max_loaded_models or 1) > 1:
        raise InvalidField("Such a server holds one model at a time.", field="max_loaded_models", hint="Leave it out.")


def _read(field: str, read: Callable[[str], T], value: str, hint: str) -> T:
    try:
        return read(value)
    except ValueError as error:
        told = str(error)
        raise InvalidField(f"{told[0].upper()}{told[1:]}.", field=field, hint=hint) from None


def _model(name: str, kind: str) -> str:
    """Engines name their models as they like; Ollama's are written out."""
    if kind != OLLAMA:
        if 0 < len(name) <= _LONGEST and name.isprintable():
            return name
        raise InvalidField("The name of a model cannot be used.", field="always_on", hint="Write it as the machine lists it.")
    try:
        return read_model_name(name)
    except InvalidField as error:
        raise InvalidField(error.detail, field="always_on", hint=error.hint) from None
