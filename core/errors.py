"""Every error that Myelin raises on purpose.

    MyelinError                      500 internal_error
    ├── InvalidRequest               400 invalid_request
    │   ├── TwoCredentials           400 two_credentials
    │   ├── InvalidHost              400 invalid_host
    │   └── InvalidField             422 invalid_field
    │       └── IdempotencyMismatch  422 idempotency_key_reused
    ├── MissingKey                   401 missing_key
    ├── InvalidKey                   401 invalid_key
    │   └── ExpiredKey               401 expired_key
    ├── BudgetSpent                  402 budget_spent            trying again cannot help: no 429, which SDKs repeat
    ├── Forbidden                    403 forbidden
    │   └── ModelNotAllowed          403 model_not_allowed       the key may not use this model or provider
    ├── NotFound                     404 not_found
    │   ├── ModelNotFound            404 model_not_found         no provider lists it; the nearest names are told
    │   └── ProviderNotConfigured    404 provider_not_configured its key or its address is not set
    ├── MethodNotAllowed             405 method_not_allowed
    ├── RequestTimeout               408 request_timeout
    ├── Conflict                     409 conflict
    │   └── AgentMissing             409 agent_missing           nobody beside that machine can hand its files over
    ├── TooLarge                     413 too_large
    ├── UnsupportedType              415 unsupported_type
    ├── RateLimited                  429 rate_limited            Retry-After
    ├── Overloaded                   503 overloaded              Retry-After
    │   ├── MemoryTaken              503 memory_taken            Retry-After
    │   └── PricePending             503 price_pending           Retry-After
    ├── StorageFull                  507 storage_full            Retry-After
    ├── DocumentError                422 unreadable_document     the document cannot be read
    │   ├── PasswordRequired         422 password_required
    │   ├── DamagedDocument          422 damaged_document
    │   ├── EmptyDocument            422 empty_document
    │   ├── DocumentTooComplex       422 document_too_complex    a limit of the sandbox was hit
    │   ├── OcrUnavailable           422 ocr_unavailable         a page is a picture and Tesseract is missing
    │   └── ParserCrashed            422 parser_crashed
    ├── ModelTooLarge                422 model_too_large         larger than all the memory that models may take
    ├── WrongDigest                  502 wrong_digest            what came is not what its digest says
    ├── SandboxUnavailable           503 sandbox_unavailable     parsing is refused, never done unconfined
    └── ProviderError                502 provider_error          a model provider failed
        ├── ProviderUnreachable      502 provider_unreachable
        ├── ProviderTimeout          504 provider_timeout
        ├── ProviderRefused          502 provider_refused        it does not serve us: the account, or what it cannot do
        │   └── QuestionRefused      400 provider_refused        it answered 400: what was asked cannot be asked of it
        │       └── ModelUnable      400 model_unable            the model does not chat, or does not embed
        ├── ProviderAuthFailed       502 provider_auth_failed    401 or 403: the key
        ├── ProviderRateLimited      503 provider_rate_limited   Retry-After
        ├── ModelNotInstalled        404 model_not_installed
        ├── ModelOutOfMemory         502 model_out_of_memory
        ├── DocumentTooLong          422 document_too_long       the prompt does not fit the model's context
        └── InvalidAnswer            502 invalid_answer          no JSON of the wanted shape after the re-asks

A class fixes status, code, title and whether trying again can help; the raise site gives `detail` (one sentence for the
caller, never a path, a stack or a secret), and may give `hint` (the cure), `field` and `retry_after` (seconds).
"""

from collections.abc import Sequence
from typing import ClassVar


class MyelinError(Exception):
    """Base of all errors raised on purpose; `str(error)` is the public detail."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False
    default_hint: ClassVar[str | None] = None
    #: What the answer says beside its body, as (name, value).
    headers: Sequence[tuple[bytes, bytes]] = ()
    #: The name of the machine that it happened on, when it is one of several.
    machine: str | None = None

    def __init__(self, detail: str, *, hint: str | None = None, field: str | None = None, retry_after: float | None = None):
        super().__init__(detail)
        self.detail = detail
        self.hint = hint or self.default_hint
        self.field = field
        self.retry_after = retry_after

    def happened_on(self, machine: str, model: str) -> None:
        """Puts the machine, and the model unless it is named already, in front of the detail; the first who says it is right."""
        if self.machine is None:
            self.machine = machine
            where = f"On {machine}" if model in self.detail else f"On {machine} with {model}"
            self.detail = f"{where}: {self.detail}"
            self.args = (self.detail,)

    @property
    def front_status(self) -> int:
        """The status at the fronts, whose dialects know no 422."""
        return 400 if self.status == 422 else self.status

    def as_job_error(self) -> dict[str, object]:
        """The `error` member of a failed job: {code, message, hint, retryable}."""
        return {"code": self.code, "message": self.detail, "hint": self.hint, "retryable": self.retryable}


class InvalidRequest(MyelinError):
    status, code, title = 400, "invalid_request", "Invalid request"


class TwoCredentials(InvalidRequest):
    code, title = "two_credentials", "More than one credential"


class InvalidHost(InvalidRequest):
    code, title = "invalid_host", "Host not allowed"


class InvalidField(InvalidRequest):
    status, code, title = 422, "invalid_field", "A field cannot be used"


class IdempotencyMismatch(InvalidField):
    code, title = "idempotency_key_reused", "Idempotency-Key was used for another request"


class MissingKey(MyelinError):
    status, code, title = 401, "missing_key", "No key was sent"
    default_hint = "Send the key of your .env file in the header `Key`, `X-API-Key` or `Authorization: Bearer`."


class InvalidKey(MyelinError):
    status, code, title = 401, "invalid_key", "The key is not valid"
    default_hint = "Compare the key with API_KEY in .env, or ask the operator for a new one."


class ExpiredKey(InvalidKey):
    code, title = "expired_key", "The key has expired"
    default_hint = "Ask the operator for a new key."


class BudgetSpent(MyelinError):
    """A key's budget does not hold this request. 402 as Anthropic's `billing_error`: SDKs repeat a 429, which cannot help."""

    status, code, title = 402, "budget_spent", "The budget of this key is spent"


class Forbidden(MyelinError):
    status, code, title = 403, "forbidden", "This key may not do that"


class ModelNotAllowed(Forbidden):
    code, title = "model_not_allowed", "This key may not use this model"


class NotFound(MyelinError):
    status, code, title = 404, "not_found", "Not found"


class ModelNotFound(NotFound):
    """`nearest` are names that exist, the nearest first."""

    code, title = "model_not_found", "There is no such model"

    def __init__(self, detail: str, *, nearest: Sequence[str] = (), hint: str | None = None, field: str = "model"):
        super().__init__(detail, hint=hint, field=field)
        self.nearest = tuple(nearest)


class ProviderNotConfigured(NotFound):
    code, title = "provider_not_configured", "The provider is not configured"


class MethodNotAllowed(MyelinError):
    """`allowed` are the methods that the address knows, comma separated."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"

    def __init__(self, allowed: str):
        super().__init__(f"This address knows {allowed}.")
        self.allowed = allowed


class RequestTimeout(MyelinError):
    status, code, title, retryable = 408, "request_timeout", "The request took too long to arrive", True


class Conflict(MyelinError):
    status, code, title = 409, "conflict", "In conflict with the present state"


class AgentMissing(Conflict):
    code, title = "agent_missing", "No agent works beside this machine"


class TooLarge(MyelinError):
    status, code, title = 413, "too_large", "Too large"


class UnsupportedType(MyelinError):
    status, code, title = 415, "unsupported_type", "This type of document is not supported"


class RateLimited(MyelinError):
    """`headers` tell the limits and what is left of them (`x-ratelimit-*`)."""

    status, code, title, retryable = 429, "rate_limited", "Too many requests", True

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        retry_after: float | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ):
        super().__init__(detail, hint=hint, retry_after=retry_after)
        self.headers = headers


class Overloaded(MyelinError):
    status, code, title, retryable = 503, "overloaded", "No room for more work now", True


class MemoryTaken(Overloaded):
    code, title = "memory_taken", "Other programs have the memory that the model needs"


class PricePending(Overloaded):
    code, title = "price_pending", "The price of the model is being looked up"


class StorageFull(MyelinError):
    status, code, title, retryable = 507, "storage_full", "The disk is full", True
    default_hint = "Free disk space or lower RETENTION_HOURS; nothing that was accepted is lost."


class DocumentError(MyelinError):
    status, code, title = 422, "unreadable_document", "The document cannot be read"


class PasswordRequired(DocumentError):
    code, title = "password_required", "The document is protected by a password"
    default_hint = "Remove the password (for a PDF: print it to a new PDF) and upload it again."


class DamagedDocument(DocumentError):
    code, title = "damaged_document", "The document is damaged"
    default_hint = "Open and save it again in the program that made it, then upload it again."


class EmptyDocument(DocumentError):
    code, title = "empty_document", "The document has no readable text"


class DocumentTooComplex(DocumentError):
    code, title = "document_too_complex", "Reading the document hit a limit"


class OcrUnavailable(DocumentError):
    code, title = "ocr_unavailable", "Scanned pages cannot be read on this machine"
    default_hint = "Install Tesseract with its languages: apt-get install tesseract-ocr tesseract-ocr-por."


class ParserCrashed(DocumentError):
    code, title, retryable = "parser_crashed", "The reader of this document type crashed", True


class ModelTooLarge(MyelinError):
    status, code, title = 422, "model_too_large", "The model is larger than the memory for models"


class WrongDigest(MyelinError):
    status, code, title = 502, "wrong_digest", "The content is not what its digest says"


class SandboxUnavailable(MyelinError):
    status, code, title, retryable = 503, "sandbox_unavailable", "Documents cannot be read safely on this machine", True
    default_hint = "Run ./start.sh doctor: it names the missing sandbox layer."


class ProviderError(MyelinError):
    status, code, title, retryable = 502, "provider_error", "The model provider failed", True


class ProviderUnreachable(ProviderError):
    code, title = "provider_unreachable", "The model provider cannot be reached"


class ProviderTimeout(ProviderError):
    status, code, title = 504, "provider_timeout", "The model provider took too long"


class ProviderRefused(ProviderError):
    code, title, retryable = "provider_refused", "The model provider refused the request", False


class QuestionRefused(ProviderRefused):
    status = 400


class ModelUnable(QuestionRefused):
    code, title = "model_unable", "The model cannot do that"


class ProviderAuthFailed(ProviderError):
    code, title, retryable = "provider_auth_failed", "The model provider refused the key", False


class ProviderRateLimited(ProviderError):
    status, code, title = 503, "provider_rate_limited", "The model provider limits the rate"


class ModelNotInstalled(ProviderError):
    status, code, title, retryable = 404, "model_not_installed", "The model is not installed", False


class ModelOutOfMemory(ProviderError):
    code, title = "model_out_of_memory", "The model does not fit into memory"


class DocumentTooLong(ProviderError):
    status, code, title, retryable = 422, "document_too_long", "The document is longer than the model can read", False


class InvalidAnswer(ProviderError):
    code, title = "invalid_answer", "The model gave no JSON of the wanted shape"
