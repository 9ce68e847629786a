"""The nouns: stages, statuses and the moves between them, and the rows of the database.

A job moves like this; every arrow is one compare-and-set in the database:

    queued ─► extracting ─► extracted ─► analyzing ─► analyzed ─► formatting ─► done
       └──────────┴─────────────┴────────────┴────────────┴───────────┴─────► failed | cancelled
    a busy status falls back to the one before it when the server stops or dies; failed ─► where its artefacts end (retry)
"""

from enum import StrEnum

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text


class Stage(StrEnum):
    EXTRACTION = "extraction"
    MODEL = "model"
    FORMATTING = "formatting"


class JobStatus(StrEnum):
    QUEUED = "queued"
    EXTRACTING = "extracting"
    EXTRACTED = "extracted"
    ANALYZING = "analyzing"
    ANALYZED = "analyzed"
    FORMATTING = "formatting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED})
ACTIVE = frozenset(JobStatus) - TERMINAL

ENTRY: dict[Stage, JobStatus] = {
    Stage.EXTRACTION: JobStatus.QUEUED,
    Stage.MODEL: JobStatus.EXTRACTED,
    Stage.FORMATTING: JobStatus.ANALYZED,
}
BUSY: dict[Stage, JobStatus] = {
    Stage.EXTRACTION: JobStatus.EXTRACTING,
    Stage.MODEL: JobStatus.ANALYZING,
    Stage.FORMATTING: JobStatus.FORMATTING,
}
SUCCESS: dict[Stage, JobStatus] = {
    Stage.EXTRACTION: JobStatus.EXTRACTED,
    Stage.MODEL: JobStatus.ANALYZED,
    Stage.FORMATTING: JobStatus.DONE,
}

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.EXTRACTING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.EXTRACTING: frozenset({JobStatus.EXTRACTED, JobStatus.QUEUED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.EXTRACTED: frozenset({JobStatus.ANALYZING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.ANALYZING: frozenset({JobStatus.ANALYZED, JobStatus.EXTRACTED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.ANALYZED: frozenset({JobStatus.FORMATTING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.FORMATTING: frozenset({JobStatus.DONE, JobStatus.ANALYZED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.DONE: frozenset(),
    JobStatus.FAILED: frozenset(ENTRY.values()),
    JobStatus.CANCELLED: frozenset(),
}

# What clients see: a job that waits for a stage is shown in it, `queue_position` says that it waits.
PUBLIC_STATUS: dict[JobStatus, str] = {status: status.value for status in JobStatus} | {
    JobStatus.EXTRACTED: JobStatus.ANALYZING.value,
    JobStatus.ANALYZED: JobStatus.FORMATTING.value,
}

STAGE_OF: dict[JobStatus, Stage] = {
    **{status: stage for table in (ENTRY, BUSY) for stage, status in table.items()},
    JobStatus.DONE: Stage.FORMATTING,
}

PRIORITIES: dict[str, int] = {"urgent": 0, "normal": 1, "batch": 2}
PRIORITY_NAMES: dict[int, str] = {number: name for name, number in PRIORITIES.items()}
OPERATOR = "operator"

metadata = MetaData()

# Times are seconds since 1970, durations milliseconds, JSON is text: what is read needs no conversion.
jobs = Table(
    "jobs",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("deaths", Integer, nullable=False, default=0),
    Column("boot_id", String(32)),
    Column("filename", Text, nullable=False),
    Column("content_type", Text),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("pages", Integer),
    Column("pages_read", Integer),
    Column("text_source", String(8)),
    Column("language", String(8)),
    Column("notices", Text),
    Column("reader", String(16)),  # what read it: the same reader makes the same of the same bytes
    Column("prompt", Text, nullable=False),
    Column("format_response", Text, nullable=False),
    Column("example", Text),
    Column("ai_provider", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("vision", String(8), nullable=False, server_default="auto"),
    Column("gemini_api_key", LargeBinary),
    Column("model_version", Text),
    Column("webhook_url", Text),
    Column("served", Text),
    Column("reply", Text),
    Column("answer", Text),
    Column("evidence", Text),
    Column("values_sought", Integer),  # values of the answer that can stand in a document, and those of them that do
    Column("values_grounded", Integer),
    Column("warnings", Text),
    Column("error", Text),
    Column("queued_ms", Float, nullable=False, default=0),
    Column("extraction_ms", Float),
    Column("model_ms", Float),
    Column("formatting_ms", Float),
    Column("created_at", Float, nullable=False),
    Column("entered_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("expires_at", Float),
    Index("jobs_by_status", "status", "priority", "seq"),
    Index("jobs_by_owner", "owner", "seq"),
    Index("jobs_by_expiry", "expires_at"),
    Index("jobs_by_content", "sha256"),
    sqlite_autoincrement=True,
)

_JOB = {"ondelete": "CASCADE"}

pages = Table(
    "pages",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", **_JOB), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("job_id", String(32), nullable=False),  # no foreign key: the mark holds though the job is erased
    Column("created_at", Float, nullable=False, index=True),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("job_id", String(32), nullable=False, index=True),
    Column("owner", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", Float),
    Column("state", String(12), nullable=False, default="pending"),
    Column("created_at", Float, nullable=False),
    Index("outbox_due", "state", "next_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("outbox_id", String(40), ForeignKey("outbox.id", **_JOB), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("status", Integer),
    Column("ms", Float, nullable=False),
    Column("error", Text),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("hint", String(24), nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("models", Text),  # JSON lists of patterns; null for all
    Column("providers", Text),
    Column("rpm", Integer),
    Column("tpm", Integer),
    Column("max_parallel", Integer),
    Column("budget_usd", Float),
    Column("budget_period", String(8), nullable=False, server_default="total"),
    Column("expires_at", Float),
    Column("former_digest", LargeBinary(32)),  # the key before the last rotation, good until `former_until`
    Column("former_until", Float),
)

# One row a question to a model, whatever became of it. Money is in billionths of a US dollar, `cost` null where nobody knows
# the price.
calls = Table(
    "calls",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("created_at", Float, nullable=False),  # when it was over: the moment that its sums are booked under
    Column("request_id", String(64), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("front", String(16), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", Text, nullable=False),  # as it was asked for
    Column("served", Text, nullable=False),  # as it was asked of the provider
    Column("status", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("finish_reason", String(16)),
    Column("stream", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("input_uncached", Integer, nullable=False),
    Column("cache_read", Integer, nullable=False),
    Column("cache_write", Integer, nullable=False),
    Column("output_text", Integer, nullable=False),
    Column("output_reasoning", Integer, nullable=False),
    Column("estimated", Integer, nullable=False),
    Column("cost", Integer),
    Column("ttft_ms", Float),
    Column("ms", Float, nullable=False),
    Index("calls_by_time", "created_at"),
    Index("calls_by_name", "model", "created_at"),
    sqlite_autoincrement=True,
)


def _sums(name: str) -> Table:
    """Sums of calls over a stretch of time that began at `start` (seconds since 1970, UTC): all of them, also those whose
    rows were not kept (`unlisted`)."""
    whole = ("calls", "unlisted", "ok", "error", "client_closed", "input_uncached", "cache_read", "cache_write", "output_text",
             "output_reasoning", "estimated", "cost", "unpriced", "first_calls")  # fmt: skip
    return Table(
        name,
        metadata,
        Column("start", Integer, primary_key=True),
        Column("key_id", String(64), primary_key=True),
        Column("provider", String(64), primary_key=True),
        Column("model", Text, primary_key=True),
        *(Column(one, Integer, nullable=False) for one in whole),
        Column("ttft_ms", Float, nullable=False),  # of `first_calls`, those that told something
        Column("ms", Float, nullable=False),
        Index(f"{name}_by_key", "key_id", "start"),
        sqlite_with_rowid=False,
    )


hourly = _sums("calls_hourly")
daily = _sums("calls_daily")

# What became of a document, without a word of it: kept as long as the rows of calls, to compare models by.
verdicts = Table(
    "verdicts",
    metadata,
    Column("job_id", String(32), primary_key=True),  # no foreign key: the verdict outlives its job
    Column("at", Float, nullable=False, index=True),
    Column("valid", Integer, nullable=False),  # 0: the model gave no JSON of the wanted shape
    Column("sought", Integer, nullable=False),
    Column("grounded", Integer, nullable=False),
    sqlite_with_rowid=False,
)

deployments = Table(
    "deployments",
    metadata,
    Column("alias", String(128), primary_key=True),
    Column("record", Text, nullable=False),
)

# Who led which name where, and when; also of names that are no more.
deployment_moves = Table(
    "deployment_moves",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("alias", String(128), nullable=False),
    Column("at", Float, nullable=False),
    Column("by", String(64), nullable=False),
    Column("move", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("version", Integer),
    Column("record", Text),
    Index("moves_by_alias", "alias", "seq"),
    sqlite_autoincrement=True,
)


def records_table(name: str) -> Table:
    """Long work as JSON; what stands in it is the affair of who does the work."""
    return Table(
        name,
        metadata,
        Column("id", String(32), primary_key=True),
        Column("record", Text, nullable=False),
        Column("updated_at", Float, nullable=False),
    )


downloads = records_table("downloads")
operations = records_table("operations")

# Models that are installed and not served; machine "" is every machine.
deactivated = Table(
    "deactivated",
    metadata,
    Column("model", Text, primary_key=True),
    Column("machine", String(32), primary_key=True),
    sqlite_with_rowid=False,
)

agent_keys = Table(
    "agent_keys",
    metadata,
    Column("machine", String(32), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("hint", String(24), nullable=False),
    Column("created_at", Float, nullable=False),
)

state = Table(
    "state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

model_sizes = Table(
    "model_sizes",
    metadata,
    Column("blob", String(80), primary_key=True),
    Column("num_ctx", Integer, primary_key=True),
    Column("parallel", Integer, primary_key=True),
    Column("kv_type", String(8), primary_key=True),
    Column("device", String(8), primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("seen_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

machines = Table(
    "machines",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("url", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("device", String(8), nullable=False),
    Column("budget_bytes", Integer),
    Column("labels", Text, nullable=False),  # JSON lists
    Column("always_on", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("draining", Integer, nullable=False),  # removed, as soon as its last request has ended
    Column("fixed", Integer, nullable=False),  # the settings name it: only `enabled` is ours
    Column("key", LargeBinary),  # sealed; what the server of the machine wants
    Column("num_parallel", Integer),  # how that server was started; null: as the settings say
    Column("max_loaded_models", Integer),
    Column("kv_cache_type", String(8)),
    Column("flash_attention", Integer),
    Column("created_at", Float, nullable=False),
)
