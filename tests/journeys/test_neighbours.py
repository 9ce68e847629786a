"""What another process does to the folder of a server that runs: nothing."""

import os
import subprocess
import sys

import pytest

from store.lock import hold
from tests.journeys.server import ROOT, Server

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def run(folder, *arguments: str, secret: str = SECRET) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "main.py", *arguments], Server(folder, WEBHOOK_SECRET=secret)._environment
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def served(tmp_path):
    """A folder that somebody serves, with a document that is being read and one that is arriving."""
    folder = tmp_path / "data"
    (handle,) = hold(folder)
    for name in ("work/doc-0123456789abcdef", "incoming"):
        (folder / name).mkdir(parents=True)
        (folder / name / "part").write_text("x")
    yield folder
    os.close(handle)


def test_a_second_server_says_so_in_a_line_and_touches_nothing(served):
    ended = run(served, secret="")  # a key that it would make, if the folder were its own
    assert ended.returncode == 1 and "Another Myelin serves" in ended.stderr and "Traceback" not in ended.stderr
    assert (served / "work/doc-0123456789abcdef/part").exists() and (served / "incoming/part").exists()
    assert not (served / "myelin.db").exists() and not (served / "keys.env").exists()


def test_the_doctor_examines_a_folder_that_is_served_and_leaves_it_as_it_is(served):
    before = sorted(served.rglob("*"))
    ended = run(served, "doctor")
    assert "Sandbox" in ended.stdout and "Traceback" not in ended.stderr
    assert sorted(served.rglob("*")) == before


def test_the_doctor_examines_a_folder_that_is_not_there(tmp_path):
    ended = run(tmp_path / "missing", "doctor")
    assert "Sandbox" in ended.stdout and "Traceback" not in ended.stderr
