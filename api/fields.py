"""The fields of an upload: each a header, or a form field of the same name in snake_case, checked before anything is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.addresses import AddressPolicy, read_url
from core.errors import InvalidField, InvalidRequest
from documents.skeleton import Skeleton
from documents.skeleton.strictjson import NotJson, loads
from models import PRIORITIES

BUILTIN, AUTO = "builtin", "auto"
VISIONS = ("auto", "always", "never")
_MAX_PROMPT = 32 << 10
_MAX_EXAMPLE = 64 << 10
_MAX_DEPTH = 20  # as deep as a skeleton
_MAX_KEY = 512
HEADERS = {
    "prompt": "Prompt",
    "format_response": "Format-Response",
    "model": "Model",
    "ai_provider": "AI-Provider",
    "example": "Example",
    "gemini_api_key": "Gemini-API-Key",
    "priority": "Priority",
    "vision": "Vision",
    "idempotency_key": "Idempotency-Key",
    "webhook_url": "Webhook-URL",
}


@dataclass(frozen=True, slots=True)
class UploadFields:
    """All checked. `priority` is the number of `models.PRIORITIES`."""

    prompt: str
    format_response: str
    model: str
    ai_provider: str
    example: str | None
    gemini_api_key: str | None
    priority: int
    vision: str
    idempotency_key: str | None
    webhook_url: str | None


def header_text(value: bytes) -> str:
    """Header bytes are UTF-8 where they can be, else Latin-1: `Extraia o número` arrives whole either way."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def read_fields(
    headers: Sequence[tuple[bytes, bytes]],
    form: Mapping[str, str],
    providers: Sequence[str],
    gemini_key_known: bool,
    hooks: AddressPolicy,
) -> UploadFields:
    """Raises InvalidRequest (400) for a missing or doubled field and InvalidField (422) for one that cannot be used."""
    values = _collect(headers, form)
    provider = values.get("ai_provider", AUTO).strip().lower()
    known = (AUTO, BUILTIN, *providers)
    if provider not in known:
        raise InvalidField(
            f"There is no provider {provider[:64]!r}.", field="AI-Provider", hint=f"Known are: {', '.join(known)}."
        )
    gemini_key = _gemini_key(values)
    if provider == "gemini" and not (gemini_key or gemini_key_known):
        raise InvalidField(
            "Gemini needs a key.", field="Gemini-API-Key", hint="Send the header Gemini-API-Key, or set GEMINI_API_KEY in .env."
        )
    priority = values.get("priority", "normal").strip().lower()
    if priority not in PRIORITIES:
        raise InvalidField(f"There is no priority {priority[:32]!r}.", field="Priority", hint="Known are: urgent, normal, batch.")
    vision = values.get("vision", "auto").strip().lower()
    if vision not in VISIONS:
        raise InvalidField(f"There is no vision {vision[:32]!r}.", field="Vision", hint=f"Known are: {', '.join(VISIONS)}.")
    if vision == "always" and provider == BUILTIN:
        raise InvalidField("The built-in finder cannot see.", field="Vision", hint="Send Vision: auto, or another AI-Provider.")
    text = _required(values, "format_response", 'the JSON that you want back, such as [{"CNPJ": ""}]')
    Skeleton.parse(text)
    hook = values.get("webhook_url", "").strip() or None
    if hook:
        read_url(hook, hooks)
    return UploadFields(
        prompt=_limited(_required(values, "prompt", "your question about the document"), "prompt", _MAX_PROMPT),
        format_response=text,
        model=_limited(values.get("model", "").strip() or AUTO, "model", 256),
        ai_provider=provider,
        example=_example(values.get("example", "")),
        gemini_api_key=gemini_key,
        priority=PRIORITIES[priority],
        vision=vision,
        idempotency_key=_limited(values.get("idempotency_key", ""), "idempotency_key", 255) or None,
        webhook_url=hook,
    )


def read_gemini_key(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The caller's key for Gemini where no form comes with it. Raises as `read_fields` does."""
    return _gemini_key(_collect(headers, {}))


def _gemini_key(values: Mapping[str, str]) -> str | None:
    return _limited(values.get("gemini_api_key", "").strip(), "gemini_api_key", _MAX_KEY) or None


def _example(text: str) -> str | None:
    """Free words, or JSON: what begins as an object or a list must be one."""
    if not text.strip():
        return None
    if text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        try:
            loads(text, max_bytes=_MAX_EXAMPLE, max_depth=_MAX_DEPTH)
        except NotJson as error:
            hint = 'Send JSON such as [{"CNPJ": "XX.XXX.XXX/0001-XX"}], or plain words without a bracket in front.'
            raise InvalidField(f"Example is not usable JSON: {error}.", field="Example", hint=hint) from None
    return _limited(text, "example", _MAX_EXAMPLE)


def _collect(headers: Sequence[tuple[bytes, bytes]], form: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    names = {header.lower().encode(): field for field, header in HEADERS.items()}
    sent = [(names[name], header_text(value)) for name, value in headers if name in names]
    for field, value in [*sent, *((field, form[field]) for field in HEADERS if field in form)]:
        if values.setdefault(field, value) != value:
            raise InvalidRequest(
                f"{HEADERS[field]} was sent twice with different values.",
                field=HEADERS[field],
                hint=f"Send it once, as the header {HEADERS[field]} or as the form field {field}.",
            )
        if "\x00" in value:
            raise InvalidRequest(
                f"{HEADERS[field]} holds a NUL character.", field=HEADERS[field], hint="Send text without control characters."
            )
    return values


def _required(values: Mapping[str, str], field: str, what: str) -> str:
    if not values.get(field, "").strip():
        header = HEADERS[field]
        raise InvalidRequest(
            f"{header} is missing.", field=header, hint=f"Send the header {header} (or the form field {field}) with {what}."
        )
    return values[field]


def _limited(value: str, field: str, size: int) -> str:
    if len(value.encode("utf-8", "replace")) > size:
        raise InvalidField(f"{HEADERS[field]} is longer than {size:,} bytes.", field=HEADERS[field], hint="Shorten it.")
    return value
