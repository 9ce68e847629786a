"""An agent works for the server that gave it its key, and for as long as it has it."""

import subprocess
import sys

import pytest

from tests.journeys.server import ROOT


@pytest.mark.parametrize("revoked", [True, False])
def test_a_key_that_was_revoked_or_is_another_servers_ends_the_agent(stage, tmp_path, revoked):
    key, models = tmp_path / "agent.key", tmp_path / "models"
    (models / "manifests").mkdir(parents=True)
    (models / "blobs").mkdir()
    key.write_text(stage.one.post("/machines/box/agent").json()["api_key"])
    server = stage.servers[0 if revoked else 1]
    if revoked:
        assert stage.one.delete("/machines/box/agent").json() == {"machine": "box", "revoked": True}
    command = [sys.executable, "-m", "fleet.agent", "--server", server.url, "--key-file", str(key), "--models", str(models)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2 and "refuses the key" in ended.stdout + ended.stderr
