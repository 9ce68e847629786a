"""The bounds of one document and the plan that the fork server works by; both cross to it as JSON, once, at its start."""

from dataclasses import asdict, dataclass
from typing import Self

import orjson

from documents.parsers.base import Context


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one document may cost.

    `wall_seconds` in all; `page_seconds` of silence between two frames; `cpu_seconds` and `memory_bytes` (address space)
    of each process, `memory_bytes` also resident for the whole group; `file_bytes` of each file written and of the private
    folder; `frame_bytes` of one page on its way to the server, `image_bytes` of one picture and `result_bytes` of everything;
    `processes` at a time. (A page is decoded on the interpreter lock: 4 MiB of words hold the event loop up for 50 ms.)
    """

    wall_seconds: float = 600
    page_seconds: float = 60
    cpu_seconds: int = 600
    memory_bytes: int = 1 << 30
    file_bytes: int = 256 << 20
    frame_bytes: int = 4 << 20
    image_bytes: int = 32 << 20
    result_bytes: int = 128 << 20
    processes: int = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What the fork server is told: its control socket and parent, the reader package, limits, context and work folder."""

    control: int
    parent: int
    package: str
    workdir: str
    limits: Limits
    context: Context

    def to_json(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = orjson.loads(text)
        return cls(**{**values, "limits": Limits(**values["limits"]), "context": Context(**values["context"])})
