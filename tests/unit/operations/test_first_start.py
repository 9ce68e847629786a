import os

from pydantic import SecretStr

from core.secrets import Keyring
from core.settings import Settings
from operations.first_start import with_keys


def settings(tmp_path, **values) -> Settings:
    empty = {name: SecretStr("") for name in ("api_key", "master_api_key", "secret_key", "webhook_secret")}
    return Settings(_env_file=None, data_dir=tmp_path / "data", **(empty | values))


def test_the_first_start_makes_every_key_and_later_ones_keep_them(tmp_path):
    first, made = with_keys(settings(tmp_path))
    assert made == ["api_key", "master_api_key", "secret_key", "webhook_secret"]
    values = [getattr(first, name).get_secret_value() for name in made]
    assert all(len(value) > 30 for value in values) and len(set(values)) == 4
    Keyring(first.secret_key.get_secret_value())
    again, made_again = with_keys(settings(tmp_path))
    assert made_again == [] and again == first


def test_the_keys_are_private(tmp_path):
    with_keys(settings(tmp_path))
    assert (tmp_path / "data" / "keys.env").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_the_keys_survive_a_power_cut_right_after_they_were_made(tmp_path, monkeypatch):
    synced, real = [], os.fsync

    def fsync(handle):
        path = os.readlink(f"/proc/self/fd/{handle}")
        synced.append((path, os.path.isdir(path) and "keys.env" in os.listdir(path)))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with_keys(settings(tmp_path))
    assert synced == [(str(tmp_path / "data" / "keys.part"), False), (str(tmp_path / "data"), True)]


def test_what_the_operator_set_wins_and_is_not_copied(tmp_path):
    filled, made = with_keys(settings(tmp_path, api_key=SecretStr("my-own-key-my-own-key")))
    assert filled.api_key.get_secret_value() == "my-own-key-my-own-key"
    assert "api_key" not in made
    assert "my-own-key" not in (tmp_path / "data" / "keys.env").read_text()
