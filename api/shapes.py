"""What the document routes answer, as types: views build these, and /openapi.json describes them from here."""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic reads that of the standard library from Python 3.12 on only

from documents.evidence.matching import MatchKind
from documents.parsed import TextSource
from models import PUBLIC_STATUS, Stage

Status = Annotated[str, Field(json_schema_extra={"enum": list(dict.fromkeys(PUBLIC_STATUS.values()))})]
Time = Annotated[str, Field(description="ISO 8601 in UTC.", json_schema_extra={"format": "date-time"})]
Box = Annotated[
    list[float], Field(min_length=4, max_length=4, description="x0, y0, x1, y1 in points from the top left of the page as shown.")
]
Size = Annotated[list[float], Field(min_length=2, max_length=2, description="Width and height in points.")]


class Links(TypedDict):
    response: str
    events: str
    text: str
    queue: str


class Accepted(TypedDict):
    """An upload that is stored durably and queued."""

    id: str
    status: Status
    queue_position: int
    eta_seconds: int
    links: Links


class Progress(TypedDict):
    done: int
    total: int
    unit: Literal["pages"]


class Summary(TypedDict):
    """State and progress: what changes while a job runs."""

    id: str
    status: Status
    stage: Stage
    progress: Progress
    queue_position: Annotated[int, Field(description="1 for the next one, 0 for a job that does not wait.")]
    eta_seconds: int


class JobError(TypedDict):
    """Why a job failed; `retryable` says that `POST /response/{id}/retry` may help."""

    code: str
    message: str
    hint: str | None
    retryable: bool


class ModelWork(TypedDict):
    """Long work on a model. Bytes, bytes a second, seconds."""

    id: str
    model: str
    detail: str
    completed: int
    total: int | None
    speed: float | None
    eta_seconds: float | None
    attempts: int
    error: JobError | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None


class Evidence(TypedDict):
    """Where a value stands. `grounded` is null where there is nothing to look up: a null or a boolean."""

    value: Any
    page: int | None
    quote: str | None
    box: Box | None
    page_size: Size | None
    match: MatchKind
    ocr_confidence: Annotated[float | None, Field(ge=0, le=1)]
    checks: Annotated[dict[str, bool], Field(description="Check digits and forms by name, and whether they hold.")]
    grounded: bool | None


class Warned(TypedDict):
    """What the reader of the answer should know; `path` is a JSON Pointer into it, or `/pages/{number}`, or empty."""

    code: str
    path: str
    message: str


class Document(TypedDict):
    filename: str
    content_type: str | None
    bytes: int
    sha256: str
    pages: int | None
    pages_read: int | None
    text_source: TextSource | Literal["mixed"] | None
    language: str | None


class Usage(TypedDict):
    """Tokens; `cost_usd` is null when the price is unknown, `estimated` says that the provider did not count."""

    input_tokens: int
    output_tokens: int
    estimated: bool
    cost_usd: float | None
    cache: Literal["miss"]


class Timings(TypedDict):
    """Milliseconds; null for a stage that has not ended."""

    queued: float
    extraction: float | None
    model: float | None
    formatting: float | None


class Job(Summary):
    """A document, its answer and the evidence of each value."""

    response: Annotated[Any, Field(description="Exactly the keys of the skeleton; null until the job is done.")]
    evidence: Annotated[dict[str, Evidence], Field(description="By JSON Pointer into `response`, such as /0/cnpj.")]
    warnings: list[Warned]
    document: Document
    ai_provider: str
    model: str
    model_version: str | None
    routed_because: str | None
    usage: Usage | None
    timings_ms: Timings
    attempts: int
    error: JobError | None
    created_at: Time
    finished_at: Time | None
    expires_at: Time | None


class Waiting(Summary):
    """An unfinished job in `GET /queue`."""

    filename: str
    created_at: Time
    finished_at: Time | None
    expires_at: Time | None


class Listed(Waiting):
    """A job in `GET /responses`."""

    ai_provider: str
    model: str
    error: JobError | None


class Listing(TypedDict):
    """Jobs, the newest first; pass `next` as `after` for those before them."""

    data: list[Listed]
    has_more: bool
    next: str | None


class ReadWord(TypedDict):
    text: str
    box: Box
    confidence: Annotated[float | None, Field(ge=0, le=1, description="Of OCR; null for text that the document holds.")]


class _ReadPage(TypedDict):
    number: int
    label: str | None
    source: TextSource
    width: Annotated[float, Field(description="In points; 0 for a document without pages, such as CSV.")]
    height: float
    text: str


class ReadTable(TypedDict):
    """A table as rows of texts, its titles first, and as Markdown."""

    cells: list[list[str]]
    markdown: str


class ReadPage(_ReadPage, total=False):
    """What was read of a page; `words` only with `words=1`, `tables` only with `tables=1`."""

    words: list[ReadWord]
    tables: list[ReadTable]


class ReadText(TypedDict):
    id: str
    pages: list[ReadPage]


class Erased(TypedDict):
    """`cancelled`: it was running, its content is erased and it stays listed; `erased`: it is gone."""

    id: str
    status: Literal["cancelled", "erased"]


class Room(TypedDict):
    waiting: int
    running: int
    workers: int
    oldest_seconds: float


class Rooms(TypedDict):
    extraction: Room
    model: Room
    formatting: Room


class TurnsOfModel(TypedDict):
    """Requests for one model: those that wait for their turn, and those inside of its server. `oldest_seconds` of the first
    that waits; `eta_seconds` until the model is in memory."""

    model: str
    waiting: int
    inside: int
    oldest_seconds: float | None
    eta_seconds: float | None


class Turn(TurnsOfModel):
    machine: str


class Queue(TypedDict):
    """`limit` is the number of unfinished jobs from which on uploads are refused; `turns` are those of models on the machines."""

    queues: Rooms
    accepting: bool
    limit: int
    turns: list[Turn]
    jobs: list[Waiting]


class FieldError(TypedDict):
    field: str
    message: str


class _Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(description="Stable; programs decide by it.")]
    hint: Annotated[str | None, Field(description="The cure.")]
    request_id: str


class Problem(_Problem, total=False):
    """RFC 9457 problem details."""

    errors: list[FieldError]
