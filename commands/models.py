"""`models`: what is installed where, and getting it there, away, and out of use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from commands.server import INTERRUPTED, JOB_FAILED, AsJson, err, out, stop

app = typer.Typer(no_args_is_help=True, help="Models: what is installed where, and getting it there and away.")

Model = Annotated[str, typer.Argument(help="Its name, such as gemma3:1b or hf.co/user/repository:Q4_K_M.")]
Machine = Annotated[str, typer.Option(help="The machine, as `machines ls` names it.")]
Anywhere = Annotated[str | None, typer.Option(help="The machine, as `machines ls` names it; all of them without it.")]
Source = Annotated[str, typer.Option("--from", help="The machine that has it.")]
Target = Annotated[str, typer.Option("--to", help="The machine that shall have it.")]
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


@app.command("ls")
def models_ls(
    context: typer.Context,
    gemini: Annotated[bool, typer.Option("--gemini", help="Those of Gemini instead of the local ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists models."""
    answer = context.obj.call("GET", "/models/gemini" if gemini else "/models/list")
    if as_json:
        out.print_json(data=answer)
        return
    table = Table("model", "machine", "size", "parameters", "context", "resident")
    for row in answer["models"]:
        resident = {True: "yes", False: "no"}.get(row.get("resident"), "")
        texts = (
            row["name"],
            row.get("machine"),
            _gigabytes(row.get("size")),
            row.get("parameters"),
            row.get("context"),
            resident,
        )
        table.add_row(*(escape(str(text or "")) for text in texts))
    out.print(table)
    for row in answer.get("deactivated") or ():
        out.print(f"deactivated: {escape(row['model'])} on {row['machine'] or 'all machines'}")


@app.command("ps")
def models_ps(context: typer.Context, as_json: AsJson = False) -> None:
    """Lists the models that are in memory."""
    rows = [row for row in context.obj.call("GET", "/models/list")["models"] if row.get("resident")]
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("model", "machine", "on the GPU", "category")
    for row in rows:
        texts = (row["name"], row.get("machine"), _gigabytes(row.get("size_vram")), row.get("category"))
        table.add_row(*(escape(str(text or "")) for text in texts))
    out.print(table)


@app.command("pull")
def models_pull(context: typer.Context, model: Model, machine: Anywhere = None, as_json: AsJson = False) -> None:
    """Installs a model, from Ollama's library or HuggingFace; without --machine on the one of OLLAMA_URL."""
    if machine is None:
        _follow(context, "/models/download", {"model": model}, f"{model} is installed", as_json)
    else:
        _follow(context, "/models/install", {"model": model, "machine": machine}, f"{model} is installed on {machine}", as_json)


@app.command("rm")
def models_rm(context: typer.Context, model: Model, machine: Machine = "local", as_json: AsJson = False) -> None:
    """Deletes a model from a machine."""
    _follow(context, "/models/delete", {"model": model, "machine": machine}, f"{model} is deleted from {machine}", as_json)


@app.command("cp")
def models_cp(context: typer.Context, model: Model, source: Source, target: Target, as_json: AsJson = False) -> None:
    """Gives a machine the model that another one has."""
    _follow(context, "/models/duplicate", {"model": model, "from": source, "to": target}, f"{model} is on {target}", as_json)


@app.command("move")
def models_move(context: typer.Context, model: Model, source: Source, target: Target, as_json: AsJson = False) -> None:
    """Moves a model to another machine: it is deleted on the first one when it is verified on the other."""
    _follow(context, "/models/move", {"model": model, "from": source, "to": target}, f"{model} is on {target} now", as_json)


@app.command("activate")
def models_activate(context: typer.Context, model: Model, machine: Anywhere = None, as_json: AsJson = False) -> None:
    """Serves a model again that was deactivated."""
    _follow(context, "/models/activate", _named(model, machine), f"{model} is served", as_json)


@app.command("deactivate")
def models_deactivate(context: typer.Context, model: Model, machine: Anywhere = None, as_json: AsJson = False) -> None:
    """Keeps a model on the disk, and neither lists nor serves it."""
    _follow(context, "/models/deactivate", _named(model, machine), f"{model} is not served any more", as_json)


@app.command("preload")
def models_preload(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """Loads a model into memory before it is asked."""
    answer = context.obj.call("POST", "/preload", json={"model": model})
    if as_json:
        out.print_json(data=answer)
        return
    eta = answer.get("eta_seconds")
    out.print(escape(f"{model} is {answer.get('status') or 'asked for'}" + (f", in about {eta:.0f} s" if eta else "")))


def _follow(context: typer.Context, path: str, body: dict[str, Any], done: str, as_json: bool) -> None:
    """Begins an operation and shows how far it is until it has ended; Ctrl-C leaves it running on the server."""
    last: dict[str, Any] = {}
    with _left_running(), Progress(*_COLUMNS, console=err, transient=True, disable=as_json or not err.is_terminal) as progress:
        task = progress.add_task(body["model"], total=None)
        for last in context.obj.lines("POST", path, params={"stream": 1}, json=body):
            said = " ".join(str(last.get(name) or "") for name in ("state", "step", "detail"))
            total, completed = last.get("total"), last.get("completed") or 0
            progress.update(task, description=escape(f"{body['model']}  {said}"), total=total, completed=completed)
    if as_json:
        out.print_json(data=last)
    state, error = last.get("state"), last.get("error") or {}
    if state != "done":
        stop(JOB_FAILED, error.get("message") or f"{body['model']}: {state or 'the server said nothing'}", error.get("hint"))
    if not as_json:
        detail = last.get("detail")
        out.print(escape(done + (f". {detail}" if detail else "")))


@contextmanager
def _left_running() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        stop(
            INTERRUPTED, "It goes on on the server.", "GET /models/operations shows it; DELETE /models/operations/ID cancels it."
        )


def _named(model: str, machine: str | None) -> dict[str, str]:
    return {"model": model} | ({"machine": machine} if machine is not None else {})


def _gigabytes(size: int | None) -> str:
    return f"{size / 1e9:.1f} GB" if size else ""
