"""What the commands share: one connection to one server, how its refusals end the program, and the consoles."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import httpx2
import typer
from rich.console import Console
from rich.text import Text

JOB_FAILED, NO_SERVER, REFUSED, NOT_IN_TIME, INTERRUPTED = 1, 3, 4, 5, 130

out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140, highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print the server's JSON.")]


class Server:
    """One connection to one server; every refusal ends the program with a sentence and an exit code."""

    def __init__(self, url: str, key: str):
        self.url = url.rstrip("/")
        headers = {"Key": key} if key else {}
        self.http = httpx2.Client(base_url=self.url, headers=headers, timeout=httpx2.Timeout(150, connect=5), trust_env=False)

    def call(self, method: str, path: str, **options: Any) -> Any:
        with self._guarded():
            answer = self.http.request(method, path, **options)
        self._check(answer)
        return answer.json() if answer.content else {}

    def lines(self, method: str, path: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The NDJSON lines of an answer as they come."""
        with self._guarded(), self.http.stream(method, path, **options) as answer:
            if answer.is_error:
                answer.read()
            self._check(answer)
            yield from (json.loads(line) for line in answer.iter_lines() if line.strip())

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError:
            stop(NO_SERVER, f"No server answers at {self.url}.", "Start one with ./start.sh, or name another with --url.")
        except httpx2.TimeoutException:
            stop(NOT_IN_TIME, f"{self.url} took too long to answer.")
        except httpx2.HTTPError as error:
            stop(NO_SERVER, f"The connection to {self.url} broke: {error}.")

    def _check(self, answer: httpx2.Response) -> None:
        if not answer.is_error:
            return
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        stop(REFUSED, problem.get("detail") or f"The server answered {answer.status_code}.", problem.get("hint"))


def stop(code: int, message: str, hint: str | None = None) -> NoReturn:
    """Ends the program with a sentence, and the cure where there is one."""
    err.print(Text.assemble(("✗ ", "red"), message))
    if hint:
        err.print(Text(f"  {hint}", "dim"))
    raise typer.Exit(code)
