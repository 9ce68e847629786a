"""Runs the benchmarks and writes their tables into the README.

python -m bench.all [FOLDER]        FOLDER: documents with a truth.json for the field finder (default ../shared/corpus/brazil)
"""

import re
import subprocess
import sys
from pathlib import Path

from docs.tables import ROOT, filled

COMMANDS = (
    "bench.uploads",
    "bench.kills --kills 50 --seed 2026",
    "bench.transitions",
    "bench.starting",
    "bench.pages",
    "bench.sandbox",
    "bench.evidence",
    "bench.gateway",
    "bench.swapper",
)


def run(command: str, shown: str | None = None) -> str:
    """The tables that a benchmark prints, under the command that makes them; what it says of missed targets stands there too."""
    done = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True)
    if done.returncode and not done.stdout.strip():
        raise SystemExit(f"{command} failed: {done.stderr[-2000:]}")
    text = re.sub(r"\n{3,}", "\n\n", done.stdout.strip())
    if not text.startswith("###"):
        text = f"```\n{text}\n```"
    return f"{text}\n\n`python -m {shown or command}`"


def finder(folder: Path) -> str:
    """The field finder's totals; the whole table has a line for each field."""
    text = run(f"bench.finder {folder}", "bench.finder FOLDER")
    wanted = re.findall(r"^(?:CNPJ|find\(\)|all |Invoices|Receipts).*$", text, re.MULTILINE)
    return "### The built-in field finder\n\n```\n" + "\n".join(wanted) + "\n```\n\n`python -m bench.finder FOLDER`"


def has_truth(folder: Path) -> bool:
    """Whether it says what its documents hold, for all of them or beside each."""
    return (folder / "truth.json").is_file() or any(one.with_suffix(".json").is_file() for one in folder.glob("*.pdf"))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "corpus" / "brazil"
    parts = [run(command) for command in COMMANDS]
    if folder.is_dir():
        parts.append(finder(folder))
        sets = " ".join(str(other) for other in sorted(folder.parent.iterdir()) if has_truth(other))
        parts.append(run(f"bench.evaluate {sets}", "bench.evaluate FOLDER..."))
    readme = ROOT / "README.md"
    numbers = "\n\n".join(parts).replace("\n### ", "\n#### ").replace("### ", "#### ", 1)
    readme.write_text(filled(readme.read_text("utf-8"), {"numbers": numbers}), "utf-8")


if __name__ == "__main__":
    main()
