"""Every setting, once: name, default, meaning. `.env.example` and the README table are made from this file.

Order: environment > `.env` > `config.yaml` > defaults. Names in the environment are upper case.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from core.aliases import read_aliases
from core.dollars import Dollars, plain, read_prices
from core.hosts import Host, read_hosts
from core.machines import Named, read_machines

_ROOT = Path(__file__).resolve().parent.parent


def _auto(value: object) -> object:
    return None if value in ("", "auto", None) else value


def _names(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _hosts(value: object) -> object:
    return read_hosts(value or (), {**_texts(dotenv_values(_ROOT / ".env")), **os.environ})


def _texts(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


Workers = Annotated[Annotated[int, Field(ge=1, le=64)] | None, BeforeValidator(_auto)]
Prices = Annotated[tuple[tuple[str, Dollars], ...], BeforeValidator(read_prices), AfterValidator(plain)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Aliases = Annotated[tuple[tuple[str, str], ...], BeforeValidator(read_aliases)]
Machines = Annotated[tuple[Named, ...], BeforeValidator(read_machines)]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(_hosts)]
_ADDRESS = r"^(https?://[^\s@]+)?$"


def _setting(default: object, section: str, description: str, **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"section": section}, **limits)


class _Yaml(YamlConfigSettingsSource):
    """`config.yaml` says `aliases:` for what the environment calls MODEL_ALIASES."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        if "aliases" in values:
            values.setdefault("model_aliases", values.pop("aliases"))
        return values


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
    allowed_origins: Names = _setting(
        (), "Server", "Origins of web pages that may ask from a browser (CORS), comma separated; * for all."
    )
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
    max_bodies_mb: int = _setting(
        256, "Storage", "Questions to models are refused with 503 while their bodies take more memory than this.", ge=32, le=65536
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

    ollama_num_parallel: int = _setting(
        1, "Ollama", "Questions that Ollama answers at once for each model, as it was told.", ge=1
    )
    ollama_max_loaded_models: int = _setting(
        0, "Ollama", "Models that Ollama keeps in memory at once, as it was told; 0: its own 3.", ge=0
    )
    ollama_kv_cache_type: Literal["f16", "q8_0", "q4_0"] = _setting(
        "f16", "Ollama", "Cache of keys and values, as Ollama was told."
    )
    ollama_flash_attention: bool = _setting(True, "Ollama", "Whether Ollama uses flash attention, as it was told.")

    machines: Machines = _setting(
        (),
        "Ollama",
        "More machines with models, comma separated: name=url for an Ollama, name=KIND+url or name=KIND+url|KEY for "
        "lmstudio, vllm, llamacpp or textgen; or as JSON with more members. POST /machines adds them while running.",
    )

    gemini_api_key: SecretStr = _setting(SecretStr(""), "Gemini", "Key for requests that bring none of their own.")
    gemini_base_url: str = _setting(
        "https://generativelanguage.googleapis.com", "Gemini", "Where the Gemini API listens.", pattern=r"^https?://"
    )

    model_aliases: Aliases = _setting(
        (), "Gateway", "Other names of models: gpt-4=ollama/llama3.2:3b, comma separated; `aliases:` in config.yaml."
    )

    first_content_timeout: float = _setting(
        300, "Gateway", "Seconds until the first word of a streamed answer, loading of the model included.", gt=0
    )
    answer_timeout: float = _setting(600, "Gateway", "Seconds for the whole of a streamed answer.", gt=0)

    providers: Hosts = _setting(
        (), "Providers", "More hosts, name=url or name=url|KEY, comma separated; or a list in config.yaml (README)."
    )
    openai_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for OpenAI.")
    openai_base_url: str = _setting("", "Providers", "Where OpenAI listens; empty for its own address.", pattern=_ADDRESS)
    anthropic_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for Anthropic.")
    anthropic_base_url: str = _setting("", "Providers", "Where Anthropic listens; empty for its own address.", pattern=_ADDRESS)
    azure_openai_key: SecretStr = _setting(
        SecretStr(""),
        "Providers",
        "Key for Azure OpenAI (AZURE_OPENAI_API_KEY is understood, too).",
        validation_alias=AliasChoices("azure_openai_key", "azure_openai_api_key"),
    )
    azure_openai_endpoint: str = _setting("", "Providers", "Your resource, https://NAME.openai.azure.com.", pattern=_ADDRESS)
    azure_openai_api_version: str = _setting(
        "", "Providers", "Azure's api-version, for addresses with deployments; empty for v1."
    )
    azure_openai_deployments: Names = _setting(
        (), "Providers", "Names of your deployments, comma separated, for lists of models."
    )
    cohere_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for Cohere.")
    cohere_base_url: str = _setting("", "Providers", "Where Cohere listens; empty for its own address.", pattern=_ADDRESS)
    xai_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for Grok (xAI).")
    xai_base_url: str = _setting("", "Providers", "Where Grok (xAI) listens; empty for its own address.", pattern=_ADDRESS)
    aws_bearer_token_bedrock: SecretStr = _setting(SecretStr(""), "Providers", "Key for AWS Bedrock; or the two below.")
    aws_access_key_id: SecretStr = _setting(SecretStr(""), "Providers", "Access key for AWS Bedrock.")
    aws_secret_access_key: SecretStr = _setting(SecretStr(""), "Providers", "Its secret.")
    aws_session_token: SecretStr = _setting(SecretStr(""), "Providers", "Its session, when it is temporary.")
    aws_region: str = _setting("us-east-1", "Providers", "Region of AWS Bedrock.", pattern=r"^[a-z0-9-]{4,32}$")
    bedrock_base_url: str = _setting("", "Providers", "Where AWS Bedrock listens; empty for its own address.", pattern=_ADDRESS)
    hf_token: SecretStr = _setting(SecretStr(""), "Providers", "Key for HuggingFace Inference.")
    huggingface_base_url: str = _setting(
        "", "Providers", "Where HuggingFace Inference listens; empty for its own address.", pattern=_ADDRESS
    )
    mistral_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for Mistral.")
    mistral_base_url: str = _setting("", "Providers", "Where Mistral listens; empty for its own address.", pattern=_ADDRESS)
    deepseek_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for DeepSeek.")
    deepseek_base_url: str = _setting("", "Providers", "Where DeepSeek listens; empty for its own address.", pattern=_ADDRESS)
    openrouter_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for OpenRouter.")
    openrouter_base_url: str = _setting("", "Providers", "Where OpenRouter listens; empty for its own address.", pattern=_ADDRESS)
    lmstudio_base_url: str = _setting(
        "", "Providers", "Where LM Studio listens, such as http://localhost:1234/v1; empty for none.", pattern=_ADDRESS
    )
    lmstudio_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for LM Studio, if it wants one.")
    llamacpp_base_url: str = _setting(
        "", "Providers", "Where llama.cpp listens, such as http://localhost:8080/v1; empty for none.", pattern=_ADDRESS
    )
    llamacpp_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for llama.cpp, if it wants one.")
    vllm_base_url: str = _setting(
        "", "Providers", "Where vLLM listens, such as http://localhost:8001/v1; empty for none.", pattern=_ADDRESS
    )
    vllm_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for vLLM, if it wants one.")
    tgi_base_url: str = _setting(
        "", "Providers", "Where HuggingFace TGI listens, such as http://localhost:3000/v1; empty for none.", pattern=_ADDRESS
    )
    tgi_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for HuggingFace TGI, if it wants one.")
    textgen_base_url: str = _setting(
        "",
        "Providers",
        "Where text-generation-webui listens, such as http://localhost:5000/v1; empty for none.",
        pattern=_ADDRESS,
    )
    textgen_api_key: SecretStr = _setting(SecretStr(""), "Providers", "Key for text-generation-webui, if it wants one.")

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
        return init_settings, env_settings, dotenv_settings, _Yaml(settings_cls)

    @property
    def parser_memory_bytes(self) -> int:
        """What one process that reads a document may use; the second engine does not fit into less than 2 GiB."""
        return max(self.parser_memory_mb, 2048 if self.second_ocr_engine != "off" else 0) << 20

    @property
    def database_path(self) -> Path:
        return Path(self.database_url.removeprefix("sqlite:///")) if self.database_url else self.data_dir / "myelin.db"

    def secret_values(self) -> list[str]:
        """The live secrets, for the log redactor."""
        secrets = [value for _, value in self if isinstance(value, SecretStr)]
        secrets += [host.api_key for host in self.providers] + [machine.key for machine in self.machines]
        return [secret.get_secret_value() for secret in secrets if secret.get_secret_value()]

    def by_name(self) -> dict[str, Any]:
        """The values by their names in upper case, secrets in plain text: from these the providers are configured."""
        return {name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in self}


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
            told = Settings.model_fields.get(name)  # None: it was set by its other name
            secret = told is None or told.annotation is SecretStr or name in ("providers", "machines")
            given = "" if secret else f"={found['input']}"
            lines.append(f"{name.upper()}{given}: {found['msg'][0].lower()}{found['msg'][1:]}")
        raise BadSettings(lines) from None


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return ""
    if value is None:
        return "auto"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


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
