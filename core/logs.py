"""Logs: dotted event names with key-values, one JSON object a line (coloured text on a terminal).

Never a body, a header, a query string or a file's content. What still slips in is cut by `Redactor`: every live secret
by exact match, and anything that has the form of a provider's key.
"""

import asyncio
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

# structlog takes rich in when it is there: 6 MB for tracebacks in colours, which nobody sees in ours.
_RICH = sys.modules.setdefault("rich", None)
import structlog  # noqa: E402

if _RICH is None:
    del sys.modules["rich"]

_KEY_FORMS = re.compile(r"AIza[0-9A-Za-z_\-]{10,}|sk-[0-9A-Za-z_\-]{10,}|pbpm-[0-9A-Za-z_\-]{10,}|whsec_[0-9A-Za-z+/=]{10,}")
_HIDDEN = "[hidden]"
_AS_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
get_logger = structlog.get_logger
#: `with logged_with(job_id=…):` every line that is logged meanwhile has it.
logged_with = structlog.contextvars.bound_contextvars
#: Of the request that is served; every line that is logged meanwhile has it.
REQUEST_ID: ContextVar[str] = ContextVar("request_id")


class Redactor:
    """A structlog processor that removes secrets from every string of an event, nested ones too."""

    def __init__(self, secrets: Iterable[str]):
        self._secrets = tuple(sorted({secret for secret in secrets if len(secret) >= 8}, key=len, reverse=True))

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _KEY_FORMS.sub(_HIDDEN, text)

    def _walk(self, value: object) -> object:
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {key: self._walk(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(item) for item in value]
        return value

    def __call__(self, _logger: object, _method: str, event: dict[str, object]) -> dict[str, object]:
        return {key: self._walk(value) for key, value in event.items()}


def _with_request(_logger: object, _method: str, event: dict[str, object]) -> dict[str, object]:
    if (request_id := REQUEST_ID.get(None)) is not None:
        event.setdefault("request_id", request_id)
    return event


def configure(level: str, secrets: Iterable[str]) -> None:
    """Sets structlog and the standard library's loggers up to write to standard error through one redactor."""
    shared = [
        structlog.contextvars.merge_contextvars,
        _with_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redactor(secrets),
    ]
    tty = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if tty else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These write whole URLs at INFO, and a URL may carry a key.
    for noisy in ("httpx2", "httpcore2", "google_genai", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class AccessLog:
    """The one line of every request, written past structlog, which takes 30 µs for it, and in batches: a call of the kernel
    for each line would take another 10.

    It holds nothing that a caller chose, so there is nothing to cut out of it. On a terminal structlog writes it, in colour.
    """

    _SECONDS = 0.05

    def __init__(self, level: str):
        self._written = logging.getLevelName(level.upper()) <= logging.INFO
        self._slow = structlog.get_logger() if sys.stderr.isatty() else None
        self._lines: list[bytes] = []

    def __call__(self, **served: object) -> None:
        """`served` are method, route, status, key, request_id and ms."""
        if not self._written:
            return
        if self._slow is not None:
            self._slow.info("request.served", **served)
            return
        line = {**served, "level": "info", "event": "request.served", "timestamp": datetime.now(UTC)}
        if not self._lines:
            asyncio.get_running_loop().call_later(self._SECONDS, self.flush)
        self._lines.append(orjson.dumps(line, option=_AS_LINE))

    def flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stderr.write(b"".join(lines).decode())
