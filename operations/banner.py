"""What the terminal shows when the server is ready: where it is, and a command that works as it stands."""

from collections.abc import Collection

from core.settings import Settings


def banner(settings: Settings, *, version: str, made: Collection[str]) -> str:
    """`made` names the keys that were made at this start and are kept in DATA_DIR/keys.env."""
    host = "localhost" if settings.host in ("0.0.0.0", "127.0.0.1", "::") else settings.host
    url = f"http://{host}:{settings.port}"
    key_file = settings.data_dir / "keys.env" if "api_key" in made else ".env"
    return f"""
  Myelin {version}
    API      {url}
    docs     {url}/docs
    health   {url}/health
    keys     {key_file}

  Try it:
    curl -s "{url}/upload?wait=60" -H "Key: $(grep ^API_KEY= {key_file} | cut -d= -f2-)" \\
      -H "AI-Provider: builtin" -H "Prompt: Qual o CNPJ do emitente e o valor total?" \\
      -H 'Format-Response: {{"cnpj_emitente": "", "valor_total": 0.0}}' -F file=@samples/nota.pdf
"""
