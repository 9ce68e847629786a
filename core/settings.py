"""Every setting, once: name, default, meaning. `.env.example` and the README table are made from this file.

Order: environment > `.env` > `config.yaml` > defaults. Names in the environment are upper case.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

_ROOT = Path(__file__).resolve().parent.parent


Dollar = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


def _auto(value: object) -> object:
    return None if value in ("", "auto", None) else value


def _names(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _prices(value: object) -> object:
    """A mapping, or JSON of one: pattern of provider/model → {input, output, cache_read, cache_write, reasoning}."""
    value = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
    return tuple(value.items()) if isinstance(value, dict) else value


class Dollars(BaseModel):
    """US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollar
    output: Dollar | None = None
    cache_read: Dollar | None = None
    cache_write: Dollar | None = None
    reasoning: Dollar | None = None


def _plain(prices: tuple[tuple[str, Dollars], ...]) -> tuple[tuple[str, dict[str, float]], ...]:
    return tuple((pattern, dollars.model_dump(exclude_none=True)) for pattern, dollars in prices)


Workers = Annotated[Annotated[int, Field(ge=1, le=64)] | None, BeforeValidator(_auto)]
Prices = Annotated[tuple[tuple[str, Dollars], ...], BeforeValidator(_prices), AfterValidator(_plain)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


def _setting(default: object, section: str, description: str, **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"section": section}, **limits)


class Settings(BaseSettings):
    """Frozen. A room receives the values it needs, never this object as a whole."""

    model_config = SettingsConfigDict(
        env_file=_ROOT / ".env", yaml_file=_ROOT / "config.yaml", extra="ignore", frozen=True, enable_decoding=False
    )

    api_key: SecretStr = _setting(
        SecretStr(""), "Keys", "The operator's key: uploads, all jobs, models, configuration. Made on first start."
    )
    master_api_key: SecretStr = _setting(
        SecretStr(""), "Keys", "Opens /admin/* (client keys) and nothing else. Made on first start."
    )
    secret_key: SecretStr = _setting(
        SecretStr(""), "Keys", "Encrypts secrets in the database: 32 bytes as URL-safe base64. Made on first start; keep a copy."
    )
    api_key_prefix: str = _setting("pbpm-", "Keys", "Client keys begin with this.", pattern=r"^[A-Za-z0-9_-]{0,16}$")

    host: str = _setting("127.0.0.1", "Server", "Address to listen on; 0.0.0.0 for the whole network.")
    port: int = _setting(8000, "Server", "Port to listen on.", ge=1, le=65535)
    allowed_hosts: Names = _setting(("*",), "Server", "Host names that requests may be sent to, comma separated; * for all.")
    trusted_proxies: Names = _setting((), "Server", "Networks (CIDR) of reverse proxies whose X-Forwarded-For is believed.")
    rate_limit_per_minute: int = _setting(
        600, "Server", "Requests a minute for each key and for each address; 0 for no limit.", ge=0
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "Server", "debug, info, warning or error.")

    data_dir: Path = _setting(Path("./data"), "Storage", "Where files and the database live.")
    database_url: str = _setting("", "Storage", "sqlite:///PATH; empty for myelin.db in DATA_DIR.", pattern=r"^(sqlite:///.+)?$")
    retention_hours: float = _setting(
        24, "Storage", "Hours until a finished document, its texts and its answer are erased (1 to 24).", ge=1, le=24
    )
    max_upload_mb: int = _setting(50, "Storage", "Largest file in megabytes.", ge=1, le=2000)
    max_unfinished_jobs: int = _setting(
        20000, "Storage", "Uploads are refused with 503 while this many jobs are not finished.", ge=1
    )
    min_free_disk_mb: int = _setting(256, "Storage", "Uploads are refused with 507 while less than this is free.", ge=0)

    extraction_workers: Workers = _setting(
        None, "Workers", "Documents read at the same time; auto: from the processors and the memory."
    )
    model_workers: Workers = _setting(None, "Workers", "Questions asked at the same time; auto: from the providers.")
    formatting_workers: Workers = _setting(None, "Workers", "Answers formatted at the same time; auto: from the processors.")
    extraction_timeout: float = _setting(900, "Workers", "Seconds to read one document.", gt=0)
    model_timeout: float = _setting(900, "Workers", "Seconds for one question, re-asks included.", gt=0)
    formatting_timeout: float = _setting(120, "Workers", "Seconds to format one answer.", gt=0)
    shutdown_grace: float = _setting(20, "Workers", "Seconds that running work may take to end after SIGTERM.", ge=0)

    ocr_languages: str = _setting("por+eng", "Reading", "Tesseract languages.", pattern=r"^[a-z_]{3,12}(\+[a-z_]{3,12})*$")
    second_ocr_engine: Literal["off", "rapidocr"] = _setting(
        "off", "Reading", "rapidocr: asked for pages that Tesseract reads badly; see requirements-extras.in. Memory of 2 GiB."
    )
    max_pages: int = _setting(500, "Reading", "Pages read of one document; the rest is named in the warnings.", ge=1)
    page_timeout: float = _setting(60, "Reading", "Seconds for one page.", gt=0)
    parser_memory_mb: int = _setting(1024, "Reading", "Memory of the process that reads one document.", ge=256)

    ollama_url: str = _setting("http://localhost:11434", "Ollama", "Where Ollama listens.", pattern=r"^https?://")
    always_on_models: Names = _setting((), "Ollama", "Models kept in memory for good, comma separated.")
    vram_limit_gb: float = _setting(26, "Ollama", "Video memory that models may use together.", gt=0)

    gemini_api_key: SecretStr = _setting(SecretStr(""), "Gemini", "Key for requests that bring none of their own.")
    gemini_base_url: str = _setting(
        "https://generativelanguage.googleapis.com", "Gemini", "Where the Gemini API listens.", pattern=r"^https?://"
    )

    prices: Prices = _setting(
        (),
        "Keys and money",
        "Dollars a million tokens where list prices are unknown or not yours: PATTERN: {input: …, output: …}.",
    )
    audit_days: int = _setting(
        30,
        "Keys and money",
        "Days until the row of a request to a model is erased; sums stay, by hour for 90 days.",
        ge=1,
        le=3660,
    )

    webhook_secret: SecretStr = _setting(
        SecretStr(""), "Webhooks", "Signs webhooks (Standard Webhooks, whsec_…). Made on first start."
    )
    webhook_allowed_targets: Names = _setting(
        (), "Webhooks", "host:port of receivers on private addresses; public addresses need no entry."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, YamlConfigSettingsSource(settings_cls)

    @property
    def parser_memory_bytes(self) -> int:
        """What one process that reads a document may use; the second engine does not fit into less than 2 GiB."""
        return max(self.parser_memory_mb, 2048 if self.second_ocr_engine != "off" else 0) << 20

    @property
    def database_path(self) -> Path:
        return Path(self.database_url.removeprefix("sqlite:///")) if self.database_url else self.data_dir / "myelin.db"

    def secret_values(self) -> list[str]:
        """The live secrets, for the log redactor."""
        return [value.get_secret_value() for _, value in self if isinstance(value, SecretStr) and value.get_secret_value()]


class BadSettings(Exception):
    """What is wrong with the settings, a line for each, with the name that people write."""

    def __init__(self, lines: list[str]):
        super().__init__("\n".join(lines))
        self.lines = lines


def load() -> Settings:
    """The settings of this machine. Raises BadSettings, which never shows the value of a key."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for found in error.errors():
            name = str(found["loc"][0])
            secret = Settings.model_fields[name].annotation is SecretStr
            given = "" if secret else f"={found['input']}"
            lines.append(f"{name.upper()}{given}: {found['msg'][0].lower()}{found['msg'][1:]}")
        raise BadSettings(lines) from None


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return ""
    if value is None:
        return "auto"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def env_example() -> str:
    """The text of `.env.example`: every setting with its meaning and its default, by section."""
    lines = ["# Copy to .env and change what you need; ./start.sh does that and fills the keys in. Everything has a default."]
    section = ""
    for name, field in Settings.model_fields.items():
        if field.json_schema_extra["section"] != section:
            section = field.json_schema_extra["section"]
            lines += ["", f"# --- {section} ---"]
        lines += [f"# {field.description}", f"{name.upper()}={_as_text(field.default)}"]
    return "\n".join(lines) + "\n"
