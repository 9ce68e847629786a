"""Other gateways over the same provider, if they are installed: what they take for the same answers.

LiteLLM's proxy is the one that most people run in Python; nginx, which only forwards, is the limit of what can be had.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2

from tests.journeys.server import free_port

KEY = "sk-bench-key-0123456789"
_READY_SECONDS = 120.0
_LITELLM = """
model_list:
  - model_name: m
    litellm_params: {{model: openai/m, api_base: "{provider}/v1", api_key: bench}}
general_settings: {{master_key: {key}}}
"""
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 100000000;
  upstream provider {{ server {address}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


class Running(NamedTuple):
    """A gateway that serves: its address, and the process that its workers descend from."""

    name: str
    url: str
    pid: int

    def seconds_of_processor(self) -> float:
        """Of all its processes so far."""
        return sum(_seconds(pid) for pid in _family(self.pid))

    def megabytes(self) -> float:
        """Of the largest of its processes, the one that serves."""
        return max(_megabytes(pid) for pid in _family(self.pid))


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextmanager
def litellm(program: Path, folder: Path, provider: str) -> Iterator[Running]:
    """LiteLLM's proxy as its documentation starts it, with a key."""
    port, config = free_port(), folder / "litellm.yaml"
    config.write_text(_LITELLM.format(provider=provider, key=KEY))
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with _started(command, environment, f"http://127.0.0.1:{port}", "/health/liveliness") as (url, pid):
        yield Running("LiteLLM", url, pid)


@contextmanager
def nginx(program: Path, folder: Path, provider: str) -> Iterator[Running]:
    """nginx with one worker and kept connections, which only forwards."""
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, address=provider.removeprefix("http://"), port=port))
    command = [str(program), "-c", str(config), "-p", str(folder)]
    with _started(command, dict(os.environ), f"http://127.0.0.1:{port}", "/v1/models") as (url, pid):
        yield Running("nginx", url, pid)


@contextmanager
def _started(command: list[str], environment: dict[str, str], url: str, path: str) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, url + path)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    ends_at = time.monotonic() + _READY_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            if httpx2.get(address, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"{process.args[0]} did not start")


KINDS = {"litellm": litellm, "nginx": nginx}
