"""Keys that nobody set: made once, kept in DATA_DIR/keys.env (mode 0600), so that the first start needs no configuration."""

import os
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from core.secrets import new_api_key, new_secret_key, new_webhook_secret
from core.settings import Settings
from store.files import sync_folder

_MAKERS = {
    "api_key": lambda: new_api_key("myelin-"),
    "master_api_key": lambda: new_api_key("master-"),
    "secret_key": new_secret_key,
    "webhook_secret": new_webhook_secret,
}


def with_keys(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with every key present, and the names of those that were made just now.

    A key of the environment or of `.env` always wins; `keys.env` only fills what they leave empty.
    """
    path = settings.data_dir / "keys.env"
    stored = dotenv_values(path) if path.exists() else {}
    missing = [name for name in _MAKERS if not getattr(settings, name).get_secret_value()]
    made = {name: _MAKERS[name]() for name in missing if not stored.get(name.upper())}
    if made:
        _store(
            path, {name: value for name, value in stored.items() if value} | {name.upper(): value for name, value in made.items()}
        )
    values = {name: SecretStr(made.get(name) or stored[name.upper()]) for name in missing}
    return settings.model_copy(update=values), sorted(made)


def _store(path: Path, values: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)
