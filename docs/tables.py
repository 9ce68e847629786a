"""Writes what can be generated: the README's tables of providers, formats and settings, and `.env.example`.

python -m docs.tables           write them
python -m docs.tables --check   exit 1 when something is out of date
"""

import re
import sys
from pathlib import Path

from pydantic import SecretStr

from core.settings import Settings, env_example
from documents.parsers.registry import parsers
from providers.registry import needed, provider_classes

ROOT = Path(__file__).resolve().parent.parent


def providers() -> str:
    """The table of providers from their specs."""
    rows = ["| `AI-Provider` | provedor | configuração | local | documentação |", "|---|---|---|---|---|"]
    for spec in (cls.spec for cls in provider_classes()):
        local = "sim" if spec.capabilities.local else "não"
        settings = ", ".join(f"`{name}`" for name in needed(spec)) + (
            " ou por requisição" if spec.capabilities.key_per_request else ""
        )
        rows.append(f"| `{spec.name}` | {spec.title} | {settings} | {local} | <{spec.docs}> |")
    rows.append("| `builtin` | localizador de campos embutido | nenhuma | sim | – |")
    return "\n".join(rows)


def formats() -> str:
    """The table of formats from the readers."""
    rows = ["| format | extensions | type |", "|---|---|---|"]
    for parser in sorted(parsers(), key=lambda parser: parser.title):
        rows.append(f"| {parser.title} | {', '.join(f'`{one}`' for one in parser.extensions)} | `{parser.content_type}` |")
    return "\n".join(rows)


def settings() -> str:
    """The table of settings from their fields."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        text = "" if isinstance(default, SecretStr) or default in ((), "") else "auto" if default is None else default
        text = ",".join(text) if isinstance(text, tuple) else text
        meaning = str(field.description).replace("|", r"\|")
        rows.append(f"| `{name.upper()}` | {f'`{text}`' if text != '' else ''} | {meaning} |")
    return "\n".join(rows)


def filled(readme: str, tables: dict[str, str]) -> str:
    """`readme` with the text between `<!-- name -->` and `<!-- /name -->` replaced. Raises ValueError for a missing mark."""
    for name, text in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(readme):
            raise ValueError(f"README.md has no marks for {name}")
        readme = pattern.sub(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", readme)
    return readme


def generated() -> dict[Path, str]:
    readme = ROOT / "README.md"
    tables = {"providers": providers(), "formats": formats(), "settings": settings()}
    return {readme: filled(readme.read_text("utf-8"), tables), ROOT / ".env.example": env_example()}


def main() -> int:
    stale = [path for path, text in generated().items() if path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        print("\n".join(f"{path.name} is out of date: python -m docs.tables" for path in stale))
        return bool(stale)
    for path, text in generated().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
