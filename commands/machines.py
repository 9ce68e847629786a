"""`machines`: the machines that models run on."""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.table import Table

from commands.server import AsJson, out

app = typer.Typer(no_args_is_help=True, help="The machines that models run on.")

Name = Annotated[str, typer.Argument(help="Its name: small letters, digits and dashes.")]
Url = Annotated[str, typer.Argument(help="Where it listens, such as http://10.0.0.5:11434.")]
Kind = Annotated[
    str | None, typer.Option(help="What serves its models: ollama (without this), lmstudio, vllm, llamacpp or textgen.")
]
Key = Annotated[str | None, typer.Option(envvar="MACHINE_KEY", show_envvar=True, help="The key that it wants, if it wants one.")]
Budget = Annotated[float | None, typer.Option(min=0.1, help="Memory in GiB that models may take there together.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or gpu.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="A word that requests may ask for; may be repeated.")]
Models = Annotated[list[str] | None, typer.Option("--always-on", help="A model that stays in memory; may be repeated.")]

Parallel = Annotated[int | None, typer.Option(min=1, help="Questions that its server answers at once for each model.")]
Loaded = Annotated[int | None, typer.Option(min=1, help="Models that its server keeps in memory at once.")]
Cache = Annotated[str | None, typer.Option("--kv-cache-type", help="f16, q8_0 or q4_0, as Ollama was started there.")]
Flash = Annotated[bool | None, typer.Option("--flash-attention/--no-flash-attention", help="Whether Ollama uses it there.")]


@app.command("ls")
def machines_ls(context: typer.Context, as_json: AsJson = False) -> None:
    """Lists them: how they are, what they have in memory, what waits."""
    answer = context.obj.call("GET", "/machines")
    if as_json:
        out.print_json(data=answer)
        return
    table = Table("machine", "kind", "address", "state", "device", "memory", "in memory", "in flight", "waiting", "from")
    for row in answer["data"]:
        table.add_row(*(escape(text) for text in _row(row)))
    out.print(table)


@app.command("add")
def machines_add(
    context: typer.Context,
    name: Name,
    url: Url,
    kind: Kind = None,
    machine_key: Key = None,
    budget_gb: Budget = None,
    device: Device = None,
    label: Labels = None,
    always_on: Models = None,
    num_parallel: Parallel = None,
    max_loaded_models: Loaded = None,
    kv_cache_type: Cache = None,
    flash_attention: Flash = None,
    as_json: AsJson = False,
) -> None:
    """Adds a machine. How its server was started is as the settings say of Ollama, unless it is said here."""
    budget = None if budget_gb is None else round(budget_gb * (1 << 30))
    wish = {"budget_bytes": budget, "device": device, "labels": label or None, "always_on": always_on or None}
    wish |= {"kind": kind, "key": machine_key, "num_parallel": num_parallel, "max_loaded_models": max_loaded_models}
    wish |= {"kv_cache_type": kv_cache_type, "flash_attention": flash_attention}
    body = {"name": name, "url": url} | {member: value for member, value in wish.items() if value is not None}
    answer = context.obj.call("POST", "/machines", json=body)
    out.print_json(data=answer) if as_json else out.print(f"{name} is there; `machines ls` shows how it is")


@app.command("rm")
def machines_rm(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Removes a machine; one with work in flight is drained first."""
    answer = context.obj.call("DELETE", f"/machines/{quote(name, safe='')}")
    if as_json:
        out.print_json(data=answer)
    elif answer.get("removed"):
        out.print(f"{name} is removed")
    else:
        out.print(f"{name} drains and goes when its {answer['in_flight']} in flight have ended")


def _row(row: dict[str, Any]) -> list[str]:
    budget, used = row["budget"]["bytes"], sum(one["size_vram"] or one["size"] or 0 for one in row["residents"])
    others = f", others {_gib(row['cards']['others'])}" if row["cards"] else ""
    return [
        row["name"],
        row["kind"],
        row["url"],
        row["state"],
        row["device"],
        (f"{_gib(used)} of {_gib(budget)}" if budget else _gib(used)) + others,
        ", ".join(one["name"] for one in row["residents"]),
        str(row["in_flight"]),
        str(sum(queue["waiting"] for queue in row["queue"])),
        row["origin"],
    ]


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"
