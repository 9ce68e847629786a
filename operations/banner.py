"""What the terminal shows when the server is ready: where it is, which models it found, a command that works as it stands."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from core.errors import ProviderError
from core.settings import Settings
from gateway.service import BUILTIN, Gateway

_SECONDS = 2.0
_NAMED = 5


async def models_found(gateway: Gateway) -> dict[str, str]:
    """Provider → the models that it has, or what is missing and the cure, in one line."""
    lines = await asyncio.gather(*(_line(gateway, name) for name in gateway.names))
    return {**dict(zip(gateway.names, lines, strict=True)), BUILTIN: "the built-in field finder needs no model"}


async def _line(gateway: Gateway, provider: str) -> str:
    if not gateway.has_key(provider, None):
        return "no key: set one in .env, or send it with each request"
    try:
        async with asyncio.timeout(_SECONDS):
            listing = await gateway.models(provider)
    except TimeoutError:
        return f"no answer within {_SECONDS:g} s"
    except ProviderError as error:
        return _why(error)
    if listing.error:
        return _why(listing.error)
    names = [*dict.fromkeys(model.name for model in listing.models)]
    if not names:
        return "no model yet: POST /models/download"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _why(error: ProviderError) -> str:
    return f"{error.detail} {error.hint or ''}".rstrip()


def banner(settings: Settings, *, version: str, made: Collection[str], models: dict[str, str], root: Path) -> str:
    """`made` names the keys that were made at this start and are kept in DATA_DIR/keys.env; `root` is the folder of `.env`."""
    host = "localhost" if settings.host in ("0.0.0.0", "127.0.0.1", "::") else settings.host
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    file = _key_file(settings, root)
    shown = "API_KEY of the environment" if file is None else f"{file}{' (made just now)' if 'api_key' in made else ''}"
    key = "$API_KEY" if file is None else f"$(grep ^API_KEY= {file} | cut -d= -f2-)"
    width = max(map(len, models))
    found = "\n".join(f"    {name:<{width}}  {line}" for name, line in models.items())
    return f"""
  Myelin {version}
    API      {url}
    docs     {url}/docs
    health   {url}/health
    keys     {shown}

  Models:
{found}

  Try it:
    curl -s "{url}/upload?wait=60" -H "Key: {key}" \\
      -H "AI-Provider: builtin" -H "Prompt: Qual o CNPJ do emitente e o valor total?" \\
      -H 'Format-Response: {{"cnpj_emitente": "", "valor_total": 0.0}}' -F file=@samples/nota.pdf
"""


def _key_file(settings: Settings, root: Path) -> Path | None:
    """The file whose line `API_KEY=…` a shell reads as the key that holds; None when the key came another way."""
    line = f"API_KEY={settings.api_key.get_secret_value()}".encode()
    for file in (root / ".env", settings.data_dir / "keys.env"):
        try:
            # Cut at line feeds only, as `grep` and `cut` do: what they would read wrongly is not offered.
            if line in file.read_bytes().split(b"\n"):
                return file.relative_to(root) if file.is_relative_to(root) else file
        except OSError:
            continue
    return None
