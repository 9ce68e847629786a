"""The command line of Myelin: talks HTTP to a running server and shares no code with it.

    python cli.py analyze nota.pdf -p "Qual é o CNPJ do emitente?" -f '{"cnpj": ""}'

Where and who: `--url` and `--key`, else MYELIN_URL and API_KEY of the environment, else HOST, PORT and API_KEY of `.env` (or
the key that the server made for itself in DATA_DIR).
`--json` prints what the server answered, untouched. NO_COLOR is honoured.
Exit codes: 0 done · 1 the job failed or was cancelled · 2 wrong usage · 3 no server · 4 the server refused · 5 not in time ·
130 interrupted.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table
from rich.text import Text

from commands import machines, models
from commands.server import INTERRUPTED, JOB_FAILED, NO_SERVER, NOT_IN_TIME, REFUSED, AsJson, Server, err, out, stop
from commands.top import top

HERE = Path(__file__).resolve().parent
DEMO_ROWS = 9  # of one document; the rest is counted
FINISHED = {"done", "failed", "cancelled"}

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
app.add_typer(models.app, name="models")
app.add_typer(machines.app, name="machines")
app.command("top")(top)

Timeout = Annotated[float, typer.Option(min=0, help="Seconds to wait for the answer.")]
Provider = Annotated[str, typer.Option(help="auto, builtin, ollama, gemini or any configured provider.")]
Model = Annotated[str, typer.Option(help="A model name, or auto.")]


def _dotenv(path: Path) -> dict[str, str]:
    """NAME=value lines; quotes around a value are taken off, `#` lines are comments."""
    if not path.is_file():
        return {}
    pairs = (line.strip().partition("=") for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, sign, value in pairs if sign}


def _settings() -> dict[str, str]:
    """Environment over `.env` over the keys that the server made for itself; what is empty counts as not there."""
    places = _dotenv(HERE / ".env") | {
        name: os.environ[name] for name in ("HOST", "PORT", "API_KEY", "DATA_DIR") if os.environ.get(name)
    }
    made = _dotenv(HERE / (places.get("DATA_DIR") or "data") / "keys.env")
    return made | {name: value for name, value in places.items() if value}


@app.callback()
def connect(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(envvar="MYELIN_URL", help="Address of the server.")] = None,
    key: Annotated[str | None, typer.Option(help="Key to use instead of API_KEY.")] = None,
) -> None:
    known = _settings()
    host = known.get("HOST", "")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    context.obj = Server(url or f"http://{host}:{known.get('PORT') or 8000}", key or known.get("API_KEY", ""))


@app.command()
def analyze(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The document.")],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What to find in it.")],
    format_: Annotated[str, typer.Option("--format", "-f", help="The JSON wanted back, or @FILE.")],
    provider: Provider = "auto",
    model: Model = "auto",
    priority: Annotated[str, typer.Option(help="urgent, normal or batch.")] = "normal",
    example: Annotated[str | None, typer.Option(help="An example of the answer (JSON).")] = None,
    gemini_key: Annotated[str | None, typer.Option(help="Gemini key for this request only.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the answer, or print the id at once.")] = True,
    timeout: Timeout = 900,
    as_json: AsJson = False,
) -> None:
    """Asks one document and prints each value with where it stands."""
    skeleton = Path(format_[1:]).read_text("utf-8") if format_.startswith("@") else format_
    fields = {
        "prompt": prompt, "format_response": skeleton, "ai_provider": provider, "model": model, "priority": priority,
        "example": example, "gemini_api_key": gemini_key,
    }  # fmt: skip
    accepted = _upload(context.obj, file, {name: value for name, value in fields.items() if value is not None})
    if not wait:
        out.print_json(data=accepted) if as_json else out.print(accepted["id"])
        return
    _finish(_follow(context.obj, accepted["id"], timeout), as_json)


@app.command()
def get(context: typer.Context, job: str, wait: Timeout = 0, as_json: AsJson = False) -> None:
    """Shows a job and its answer; `--wait SECONDS` waits for its end."""
    answer = _follow(context.obj, job, wait) if wait else context.obj.call("GET", f"/response/{job}")
    _finish(answer, as_json)


@app.command()
def text(context: typer.Context, job: str, as_json: AsJson = False) -> None:
    """Prints the text that was read from a document."""
    answer = context.obj.call("GET", f"/response/{job}/text")
    if as_json:
        out.print_json(data=answer)
        return
    for page in answer["pages"]:
        err.print(Text(f"— page {page['number']} —", "dim"))
        sys.stdout.write(page["text"] + "\n")


@app.command()
def cancel(context: typer.Context, job: str, as_json: AsJson = False) -> None:
    """Cancels a job if it runs, and erases its file, text and answer."""
    answer = context.obj.call("DELETE", f"/response/{job}")
    out.print_json(data=answer) if as_json else out.print(f"{job} is {answer['status']}")


@app.command()
def queue(context: typer.Context, as_json: AsJson = False) -> None:
    """Shows the three queues and your unfinished jobs."""
    answer = context.obj.call("GET", "/queue")
    if as_json:
        out.print_json(data=answer)
        return
    table = Table("queue", "waiting", "running", "workers", "oldest", title=None)
    for name, row in answer["queues"].items():
        table.add_row(
            name, *(str(row[column]) for column in ("waiting", "running", "workers")), f"{row['oldest_seconds'] or 0:.0f} s"
        )
    out.print(table)
    for row in answer["jobs"]:
        out.print(f"{row['id']}  {row['status']}  position {row.get('queue_position', 0)}")


@app.command()
def health(
    context: typer.Context, quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False, as_json: AsJson = False
) -> None:
    """Says whether the server is ready; exits with 3 or 4 when it is not."""
    server: Server = context.obj
    if quiet:
        try:
            raise typer.Exit(0 if server.http.get("/readyz", timeout=3).is_success else REFUSED)
        except httpx2.HTTPError:
            raise typer.Exit(NO_SERVER) from None
    answer = server.call("GET", "/health")
    if as_json:
        out.print_json(data=answer)
        return
    for name, value in answer.items():
        out.print(
            Text.assemble((f"{name:<12}", "bold"), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        )


@app.command()
def demo(context: typer.Context, provider: Provider = "builtin", model: Model = "auto", timeout: Timeout = 300) -> None:
    """Asks every document of samples/ its question and compares the answers with the true ones."""
    server, began = context.obj, time.monotonic()
    questions = json.loads((HERE / "samples" / "questions.json").read_text("utf-8"))
    jobs = []
    for question in questions:
        fields = {"prompt": question["prompt"], "ai_provider": provider, "model": model}
        fields["format_response"] = json.dumps(question["format_response"], ensure_ascii=False)
        jobs.append(_upload(server, HERE / "samples" / question["file"], fields)["id"])
    tally = {"right": 0, "not found": 0, "different": 0}
    for question, job in zip(questions, jobs, strict=True):
        answer = _follow(server, job, timeout)
        out.print(Text.assemble("\n", (question["file"], "bold cyan"), f"  {question['prompt']}"))
        _print_answer(answer, _leaves(question["answer"]), tally)
    counts = " · ".join(f"{count} {name}" for name, count in tally.items())
    out.print(f"\n{len(jobs)} documents in {time.monotonic() - began:.1f} s by {provider}: {counts}")
    if provider == "builtin":
        out.print(
            Text(
                "The built-in finder never guesses; questions in free words need a model: python cli.py demo --provider ollama",
                "dim",
            )
        )


def _upload(server: Server, file: Path, fields: dict[str, str]) -> dict[str, Any]:
    with file.open("rb") as content:
        return server.call("POST", "/upload", data=fields, files={"file": (file.name, content)})


def _follow(server: Server, job: str, timeout: float) -> dict[str, Any]:
    """Polls until the job has ended, showing stage and pages."""
    deadline = time.monotonic() + timeout
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), console=err, transient=True, disable=not err.is_terminal
    ) as progress:
        task = progress.add_task("queued", total=None)
        while True:
            answer = server.call("GET", f"/response/{job}", params={"wait": 1})
            if answer["status"] in FINISHED:
                return answer
            done = answer.get("progress") or {}
            waiting = f"  position {answer['queue_position']}" if answer.get("queue_position") else ""
            pages = f"  {done['done']}/{done['total']} {done.get('unit', '')}" if done.get("total") else ""
            progress.update(
                task, description=answer["status"] + waiting + pages, total=done.get("total"), completed=done.get("done") or 0
            )
            if time.monotonic() > deadline:
                stop(NOT_IN_TIME, f"{job} is not done after {timeout:g} s; it goes on.", f"python cli.py get {job} --wait 600")


def _finish(answer: dict[str, Any], as_json: bool) -> None:
    out.print_json(data=answer) if as_json else _print_answer(answer)
    if answer["status"] in ("failed", "cancelled"):
        raise typer.Exit(JOB_FAILED)


def _print_answer(answer: dict[str, Any], truth: dict[str, Any] | None = None, tally: dict[str, int] | None = None) -> None:
    if answer["status"] != "done":
        error = answer.get("error") or {}
        out.print(Text.assemble((answer["status"], "red"), f" {error.get('message', '')} {error.get('hint') or ''}".rstrip()))
        if truth and tally:
            tally["not found"] += len(truth)
        return
    names = ["field", "value", "page", "quote", "match", *([] if truth is None else ["expected"])]
    table = Table(*(Column(name, overflow="fold") for name in names))
    evidence, leaves = answer.get("evidence") or {}, _leaves(answer["response"])
    for number, pointer in enumerate(leaves | (truth or {})):
        row = _row(pointer, leaves.get(pointer), evidence.get(pointer) or {})
        if truth is not None:
            verdict = _verdict(leaves.get(pointer), truth.get(pointer))
            tally[verdict] += 1
            row.append(Text("✓", "green") if verdict == "right" else Text(_shown(truth.get(pointer)), "yellow"))
        if truth is None or number < DEMO_ROWS:
            table.add_row(*row)
    out.print(table)
    if truth is not None and len(truth) > DEMO_ROWS:
        out.print(Text(f"… and {len(truth) - DEMO_ROWS} values more", "dim"))
    for warning in answer.get("warnings") or []:
        out.print(Text(f"! {warning['message']}", "yellow"))


def _row(pointer: str, value: Any, found: dict[str, Any]) -> list[Text]:
    match = Text(found.get("match") or "", "green" if found.get("grounded") else "red")
    for name, holds in (found.get("checks") or {}).items():
        match.append(f" {'✓' if holds else '✗'} {name}", "green" if holds else "red")
    shown = Text("not found", "dim") if value is None else Text(_shown(value))
    return [
        Text(pointer, "bold"),
        shown,
        Text(str(found.get("page") or "")),
        Text(" ".join((found.get("quote") or "").split())),
        match,
    ]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _leaves(value: Any, pointer: str = "") -> dict[str, Any]:
    """JSON Pointer → value for everything that is no object and no list."""
    if isinstance(value, dict):
        return {path: leaf for key, member in value.items() for path, leaf in _leaves(member, f"{pointer}/{key}").items()}
    if isinstance(value, list):
        return {path: leaf for index, member in enumerate(value) for path, leaf in _leaves(member, f"{pointer}/{index}").items()}
    return {pointer: value}


def _verdict(value: Any, true: Any) -> str:
    if value is None:
        return "not found"
    if isinstance(true, str) and isinstance(value, str):
        return "right" if "".join(value.split()).casefold() == "".join(true.split()).casefold() else "different"
    return "right" if value == true else "different"


if __name__ == "__main__":
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
