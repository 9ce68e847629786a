import asyncio
import re
import subprocess

import pytest
from pydantic import SecretStr

from core.errors import ProviderUnreachable
from core.settings import Settings
from gateway.catalogue import Listing
from operations import banner as room
from operations.banner import banner, models_found
from providers.types import ModelInfo

KEY = "myelin-key-that-nobody-should-see"
DOWN = ProviderUnreachable("Ollama cannot be reached.", hint="Start Ollama (`ollama serve`).")


class Gateway:
    def __init__(self, **answers):
        self._answers = answers
        self.names = tuple(answers)

    def has_key(self, name, api_key):
        return self._answers[name] is not None

    async def models(self, name):
        answer = self._answers[name]
        if isinstance(answer, Exception):
            raise answer
        return await answer() if callable(answer) else answer


def listing(*names, error=None):
    return Listing("ollama", tuple(ModelInfo(name, "ollama") for name in names), "live", error=error)


async def silence():
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (listing("gemma3:1b", "qwen2:0.5b"), "gemma3:1b, qwen2:0.5b"),
        (listing(*"abcdefg"), "a, b, c, d, e and 2 more"),
        (listing(), "no model yet: POST /models/download"),
        (DOWN, "Ollama cannot be reached. Start Ollama (`ollama serve`)."),
        (listing("known-by-heart", error=DOWN), "Ollama cannot be reached. Start Ollama (`ollama serve`)."),
        (None, "no key: set one in .env, or send it with each request"),
        (silence, "no answer within 0.01 s"),
    ],
)
async def test_each_provider_has_a_line(monkeypatch, answer, line):
    monkeypatch.setattr(room, "_SECONDS", 0.01 if answer is silence else 10)
    found = await models_found(Gateway(ollama=answer))
    assert found == {"ollama": line, "builtin": "the built-in field finder needs no model"}


def shown(tmp_path, made=(), **changes):
    settings = Settings(_env_file=None, api_key=SecretStr(KEY), data_dir=tmp_path / "data", **changes)
    return banner(settings, version="1.3.0", made=made, models={"ollama": "gemma3:1b", "builtin": "ready"}, root=tmp_path)


def the_key_that_the_command_sends(text, folder, environment):
    expression = re.search(r'-H "Key: (.*?)" \\', text)[1]
    run = subprocess.run(
        ["bash", "-c", f'printf %s "{expression}"'], cwd=folder, env=environment, capture_output=True, check=True
    )
    return run.stdout.decode()


@pytest.mark.parametrize("file", [".env", "data/keys.env"])
def test_the_command_reads_the_key_where_it_stands(tmp_path, file):
    (tmp_path / "data").mkdir()
    (tmp_path / file).write_text(f"HOST=127.0.0.1\nAPI_KEY={KEY}\nPORT=8000\n")
    text = shown(tmp_path)
    assert f"keys     {file}\n" in text and KEY not in text
    assert the_key_that_the_command_sends(text, tmp_path, {"PATH": "/usr/bin:/bin"}) == KEY


@pytest.mark.parametrize("other", [None, "API_KEY=another\n", f'API_KEY="{KEY}"\n', f"API_KEY={KEY}\r\n"])
def test_a_key_of_the_environment_is_named_and_never_printed(tmp_path, other):
    if other is not None:
        (tmp_path / ".env").write_bytes(other.encode())
    text = shown(tmp_path)
    assert "keys     API_KEY of the environment\n" in text and KEY not in text
    assert the_key_that_the_command_sends(text, tmp_path, {"PATH": "/usr/bin:/bin", "API_KEY": KEY}) == KEY


def test_keys_that_were_made_just_now_are_said_to_be(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/keys.env").write_text(f"API_KEY={KEY}\n")
    assert "data/keys.env (made just now)" in shown(tmp_path, made=["api_key"])


def test_addresses_and_models_are_shown(tmp_path):
    text = shown(tmp_path, host="::1", port=9000)
    assert "http://[::1]:9000/docs" in text and "ollama   gemma3:1b" in text
    assert "http://localhost:8000" in shown(tmp_path, host="0.0.0.0", port=8000)
