"""The proof must go red for every layer that is taken away. Each case sabotages a fresh interpreter, then asks for the proof."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from documents.sandbox import seccomp

HOUSE = Path(__file__).resolve().parents[4]
SCRIPT = """
import os, sys, orjson
from documents.parsers.base import Context
from documents.sandbox import child, confinement, forkserver, kernel, landlock, probe, seccomp
from documents.sandbox.confinement import Confinement
from documents.sandbox.limits import Limits, Plan

def nothing(*args): return 0
{sabotage}
kernel.drop_capabilities()
plan = Plan(-1, os.getpid(), "documents.parsers", sys.argv[1], Limits(cpu_seconds=60), Context())
found = Confinement.discover(plan)
try:
    forkserver.prove(plan, found, None)
    refused = None
except forkserver.Refused as error:
    refused = str(error)
print(orjson.dumps([refused, found.layers()]).decode())
"""
UNVERIFIED = "child.verify = nothing\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")


def prove(sabotage: str, folder: Path) -> tuple[str | None, dict[str, bool | str]]:
    script = SCRIPT.replace("{sabotage}", sabotage)
    done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=HOUSE, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return tuple(orjson.loads(done.stdout))


def require(layers: dict[str, bool | str], *names: str) -> None:
    for name in names:
        if not layers[name]:
            pytest.skip(f"this kernel has no {name}")


def test_the_whole_confinement_holds(tmp_path: Path) -> None:
    refused, layers = prove("", tmp_path)
    assert refused is None
    assert layers["process_group"] and layers["resource_limits"] and layers["no_new_privileges"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "sabotage",
    ["landlock.restrict = nothing", "seccomp.install = nothing", "Confinement._limit = nothing", "os.setpgid = nothing",
     "real = kernel.prctl; kernel.prctl = lambda option, *rest: 0 if option == kernel.PR_SET_NO_NEW_PRIVS else real(option, *rest)",
     "kernel.syscall = nothing; landlock.abi = lambda: 7",
     "def fail(*args): raise OSError(1, 'no')\nlandlock.restrict = fail",
     "def fail(*args): raise OSError(1, 'no')\nseccomp.install = fail"],
)  # fmt: skip
def test_a_child_that_cannot_confine_itself_refuses(sabotage: str, tmp_path: Path) -> None:
    require(prove("", tmp_path)[1], "landlock", "seccomp")
    assert prove(sabotage, tmp_path)[0] == "a child could not confine itself"


@pytest.mark.parametrize(
    ("sabotage", "holes"),
    [
        ("landlock.restrict = nothing", {"list_root", "read_outside", "write_outside", "create_outside", "remove_outside", "parent_environment", "run_own_program"}),
        ("seccomp.install = nothing", {"udp", "ptrace", "process_vm_readv", "memfd_create", "change_mode", "unix_datagram"}),
        ("del seccomp.DENIED['fchmodat'], seccomp.DENIED['chmod']", {"change_mode"}),
        ("del seccomp.DENIED['ptrace']", {"ptrace"}),
        ("seccomp.SOCKET = seccomp.SOCKETPAIR", {"udp", "unix_datagram"}),
        ("seccomp.AF_UNIX = 2", {"must_work:socket_pair"}),
        ("landlock.SCOPED = 0", {"signal_parent"}),
        ("landlock.NETWORK = 0; seccomp.available = lambda: False", {"tcp4"}),
        ("confinement.SYSTEM = ('/',)", {"list_root", "read_outside", "read_passwd"}),
    ],
)  # fmt: skip
def test_the_probes_find_the_hole(sabotage: str, holes: set[str], tmp_path: Path) -> None:
    require(prove("", tmp_path)[1], "landlock", "seccomp")
    refused, _ = prove(UNVERIFIED + sabotage, tmp_path)
    assert refused is not None and holes <= set(refused.removeprefix("the confinement has holes: ").split(", "))


@pytest.mark.parametrize(
    ("lacking", "layers"),
    [
        ("landlock.abi = lambda: 0", {"landlock": False, "seccomp": True, "network_denied": True}),
        ("landlock.abi = lambda: 3", {"landlock": "ABI 3", "seccomp": True, "network_denied": True}),
        ("seccomp.available = lambda: False", {"seccomp": False, "network_denied": True}),
        (
            "landlock.abi = lambda: 1; seccomp.available = lambda: False",
            {"landlock": "ABI 1", "seccomp": False, "network_denied": False},
        ),
        (
            "landlock.abi = lambda: 0; seccomp.available = lambda: False",
            {"landlock": False, "seccomp": False, "network_denied": False},
        ),
    ],
)
def test_an_older_kernel_goes_on_with_fewer_layers_and_says_so(
    lacking: str, layers: dict[str, bool | str], tmp_path: Path
) -> None:
    require(prove("", tmp_path)[1], "landlock", "seccomp")
    refused, found = prove(lacking, tmp_path)
    assert refused is None
    assert found.items() >= layers.items()


def test_filters_of_both_architectures_are_whole() -> None:
    for machine in seccomp.AUDIT:
        for only in (None, 4711):
            code = seccomp.program(machine, only)
            steps = [code[at : at + 8] for at in range(0, len(code), 8)]
            assert 50 < len(steps) < 4096  # BPF_MAXINSNS
            for index, step in enumerate(steps):
                if step[0] in (seccomp.JUMP_EQUAL, seccomp.JUMP_GREATER_EQUAL, seccomp.JUMP_SET):
                    assert index + 1 + max(step[2], step[3]) < len(steps)
            assert steps[-1] == seccomp._allow()


def test_every_call_is_denied_by_its_own_number() -> None:
    for column, machine in enumerate(seccomp.AUDIT):
        numbers = [numbers[column] for numbers in seccomp.DENIED.values() if numbers[column] is not None]
        assert len(numbers) == len(set(numbers)), machine
        allowed = {
            seccomp.CLONE[column],
            seccomp.SOCKET[column],
            seccomp.SOCKETPAIR[column],
            seccomp.PRLIMIT[column],
            seccomp.TGKILL[column],
        }
        assert not allowed & set(numbers)
