"""Every reader of this folder, collected by itself: a module with `PARSERS` holds one format or several of a kind."""

import importlib
import pkgutil
from pathlib import Path

import documents.parsers as folder
from core.errors import EmptyDocument, PasswordRequired, UnsupportedType
from documents.parsers.base import Parser
from documents.parsers.sniffing import encrypted_office, name, sniff


def _collect() -> tuple[Parser, ...]:
    names = sorted(info.name for info in pkgutil.iter_modules(folder.__path__) if info.name != "registry")
    modules = (importlib.import_module(f"{folder.__name__}.{name}") for name in names)
    return tuple(parser for module in modules for parser in getattr(module, "PARSERS", ()))


_PARSERS = _collect()  # at import: nothing is loaded after the sandbox has closed the file system


def parsers() -> tuple[Parser, ...]:
    """All readers, ordered by the name of their file."""
    return _PARSERS


def supported() -> str:
    """The formats that can be read, for hints: `CSV, Excel workbook, JPEG …`."""
    return ", ".join(sorted({parser.title for parser in _PARSERS}, key=str.casefold))


def choose(path: Path, filename: str) -> Parser:
    """The reader that claims the content most strongly.

    Raises UnsupportedType (what it looks like, and what can be read), PasswordRequired for an encrypted Office file,
    EmptyDocument for a file of no bytes.
    """
    sniffed = sniff(path, filename)
    if not sniffed.head:
        raise EmptyDocument("The file is empty.")
    if encrypted_office(path, sniffed.head):
        raise PasswordRequired("The Office file is encrypted with a password.")
    scored = [(score, parser) for parser in _PARSERS if (score := parser.accepts(sniffed)) is not None]
    if not scored:
        raise UnsupportedType(f"The file is {name(sniffed)}, which cannot be read.", hint=f"Send one of: {supported()}.")
    return max(scored, key=lambda pair: pair[0])[1]
