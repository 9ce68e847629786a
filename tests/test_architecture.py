"""The house holds its own shape: arrows point down, walls and fences stand, files stay small.

The tables below are the plan of the house; the rules walk the syntax trees and compare. Each failure says what to do.
`tests/unit/test_architecture_rules.py` proves with tiny trees that every rule can fail.
"""

import ast
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = {
    "main": 10, "api": 9, "workers": 8, "operations": 8, "stages": 7, "documents": 6, "gateway": 5,
    "fleet": 4, "providers": 3, "store": 3, "models": 2, "core": 1, "utils": 0,
}  # fmt: skip
OUTSIDE = {"tests", "bench", "samples", "docs"}  # may use the house; the house may not use them
ALONE = {"cli", "commands"}  # the command line shares no code with the house: it talks HTTP only

# (who, may not see, except through these windows)
WALLS = [
    ("api", "providers", ("providers.types",)),
    ("api", "documents.parsers", ()),
    ("api", "fleet.swapper", ()),
    ("documents", "store", ()),
    ("documents", "providers", ("providers.types",)),
    ("gateway", "documents", ()),
    ("fleet", "documents", ()),
    ("providers", "models", ()),
    ("providers", "store", ()),
]

PROCESSES = ("subprocess", "multiprocessing", "pty", "*.create_subprocess_exec", "*.create_subprocess_shell",
             "os.system", "os.popen", "os.fork", "os.posix_spawn")  # fmt: skip
READERS = ("lxml", "pypdfium2", "pdfplumber", "docx", "openpyxl", "python_calamine", "PIL", "tesserocr", "pytesseract")

# (names, the only places that may use them, what to do instead); `*.name` is that last name behind anything
FENCES = [
    (("fastapi", "starlette"), ("main", "api"), "Raise a class of core.errors; HTTP is the affair of api."),
    (("sqlalchemy",), ("models", "store"), "Add a function to a file of store and call that."),
    (("sqlite3", "aiosqlite"), ("store",), "Add a function to a file of store and call that."),
    (("httpx2",), ("core.http", "providers", "fleet", "cli", "commands"), "Take the injected client of core.http."),
    (("httptools",), ("core.wire",), "Take the injected client of core.http."),
    (("aiohttp", "httpx", "requests"), (), "Use the injected client of core.http."),
    (("google.genai",), ("providers",), "Ask the gateway; only an adapter knows an SDK."),
    (("tenacity",), ("gateway.retry",), "One retry layer only: let gateway.retry do it."),
    (("structlog",), ("core.logs",), "Take get_logger of core.logs."),
    (("jinja2",), ("api.web",), "Pages are made in api.web."),
    (("pydantic_settings",), ("core.settings",), "Take the value as an argument."),
    (
        ("os.environ", "os.getenv", "os.putenv"),
        ("core.settings", "documents.sandbox", "cli", "commands"),
        "Take the value as an argument.",
    ),
    (
        PROCESSES,
        ("documents.sandbox", "fleet", "gateway.pricelist"),
        "Start programs in documents.sandbox or fleet.",
    ),
    (READERS, ("documents.parsers", "documents.tools", "documents.sandbox"), "Documents are read in the sandboxed child only."),
    (
        ("*.create_task", "*.ensure_future", "*.TaskGroup"),
        ("main", "workers", "operations", "fleet.swapper", "fleet.operations", "api.streaming"),
        "Await it, or give it to a room that owns background tasks.",
    ),
]

OPTIONAL_SDKS = (
    "google.genai",
    "google",
    "pynvml",
    "rapidocr",
    "onnxruntime",
    "cv2",
    "numpy",
    "botocore",
)  # heavy or optional: the only imports allowed inside a function
MAX_FILE, MAX_FUNCTION, MAX_MEDIAN, MAX_LINE = 400, 50, 140, 130
HISTORY = re.compile(
    r"(?:^|_)(?:old|new|legacy|final|tmp|temp|wip|deprecated|refactored|improved|enhanced|fixed|v\d+|phase_?\d*)(?:_|$)"
)


@dataclass(frozen=True)
class Module:
    """One file: `name` is dotted (`documents.parsers.pdf`; a package's `__init__` bears the package's name)."""

    name: str
    path: str
    text: str = field(repr=False)
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{node.lineno}"

    def imports(self, within: ast.AST | None = None) -> Iterator[tuple[ast.stmt, str]]:
        """(statement, `package.module.name`) for each thing that is imported."""
        for node in ast.walk(within or self.tree):
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node, f"{self._source(node)}.{alias.name}") for alias in node.names)

    def _source(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        climb = node.level - self.is_package
        base = self.name.split(".")[: -climb or None]
        return ".".join([*base, node.module] if node.module else base)

    def uses(self) -> Iterator[tuple[ast.AST, str]]:
        """Imports and dotted names such as `os.environ` or `group.create_task`."""
        yield from self.imports()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else "?"
                yield node, f"{owner}.{node.attr}"


House = list[Module]


def load(root: Path) -> House:
    """Every module of the house under `root`, without tests, benches, samples and hidden folders."""
    files = [path for path in sorted(root.rglob("*.py")) if not _outside(path.relative_to(root))]
    return [_module(root, path) for path in files]


def _outside(relative: Path) -> bool:
    return relative.parts[0] in OUTSIDE or any(part.startswith(".") or part == "node_modules" for part in relative.parts)


def _module(root: Path, path: Path) -> Module:
    relative = path.relative_to(root)
    is_package = path.name == "__init__.py"
    name = ".".join(relative.parent.parts if is_package else relative.with_suffix("").parts)
    return Module(name, relative.as_posix(), path.read_text("utf-8"), is_package)


def _inside(name: str, place: str) -> bool:
    if place.startswith("*."):
        return name.endswith(place[1:])
    return name == place or name.startswith(place + ".")


def every_room_has_a_floor(house: House) -> Iterator[str]:
    for room in sorted({module.room for module in house} - FLOORS.keys() - ALONE):
        yield f"{room}: has no floor. Give it one in FLOORS (and say why in an ADR), or move the code into a room that exists."


def arrows_point_down(house: House) -> Iterator[str]:
    for module in house:
        floor = FLOORS.get(module.room, -1)
        for node, target in module.imports():
            room = target.partition(".")[0]
            if room == module.room or room not in FLOORS.keys() | ALONE | OUTSIDE or {room, module.room} <= ALONE:
                continue
            if FLOORS.get(room, 99) >= floor:
                yield f"{module.at(node)}: {module.room} imports {target}, not below it. Pass the value down, or move the code."


def walls_stand(house: House) -> Iterator[str]:
    for module in house:
        for who, behind, windows in WALLS:
            if module.room != who:
                continue
            for node, target in module.imports():
                if _inside(target, behind) and not any(_inside(target, window) for window in windows):
                    through = f"Use {', '.join(windows)}." if windows else "Let the floor above bring the two together."
                    yield f"{module.at(node)}: {who} sees {target} through the wall to {behind}. {through}"


def fences_stand(house: House) -> Iterator[str]:
    for module in house:
        for node, target in module.uses():
            for names, places, cure in FENCES:
                if any(_inside(target, name) for name in names) and not any(_inside(module.name, place) for place in places):
                    yield f"{module.at(node)}: {target} belongs to {', '.join(places) or 'nobody'} only. {cure}"


def files_are_small(house: House) -> Iterator[str]:
    sizes = {module.path: module.text.count("\n") for module in house}
    for path, lines in sizes.items():
        if lines > MAX_FILE:
            yield f"{path}: {lines} lines, more than {MAX_FILE}. It has two nouns: make two files."
    real = [lines for path, lines in sizes.items() if lines and not path.endswith("__init__.py")]
    if real and statistics.median(real) > MAX_MEDIAN:
        longest = max(sizes, key=sizes.__getitem__)
        yield f"the median file has {statistics.median(real):.0f} lines, more than {MAX_MEDIAN}. Split the longest: {longest}."


def functions_are_short(house: House) -> Iterator[str]:
    for module in house:
        for node in _functions(module.tree):
            if (lines := node.end_lineno - node.lineno + 1) > MAX_FUNCTION:
                yield f"{module.at(node)}: {node.name} has {lines} lines, more than {MAX_FUNCTION}. Name its steps as functions."


def lines_are_short(house: House) -> Iterator[str]:
    for module in house:
        for number, line in enumerate(module.text.splitlines(), 1):
            if len(line) > MAX_LINE:
                yield f"{module.path}:{number}: {len(line)} columns, more than {MAX_LINE}. Break the line."


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def utils_have_two_callers(house: House) -> Iterator[str]:
    used: dict[str, int] = {}
    for module in house:
        if module.room == "utils":
            continue
        names = {target.partition(".")[2] for _, target in module.imports() if target.startswith("utils.")}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id in names:
                used[node.id] = used.get(node.id, 0) + 1
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "utils":
                used[node.attr] = used.get(node.attr, 0) + 1
    for module in (module for module in house if module.name == "utils"):
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and used.get(node.name, 0) < 2:
                yield f"{module.at(node)}: {node.name} has {used.get(node.name, 0)} caller(s). Move it to the file that needs it."


def imports_stand_at_the_top(house: House) -> Iterator[str]:
    for module in house:
        for function in _functions(module.tree):
            for node, target in module.imports(function):
                if not any(_inside(target, sdk) for sdk in OPTIONAL_SDKS):
                    yield f"{module.at(node)}: {target} is imported inside a function. Move it up; a cycle means a wrong floor."


def nothing_hides_from_the_runtime(house: House) -> Iterator[str]:
    for module in house:
        for node in ast.walk(module.tree):
            if getattr(node, "id", getattr(node, "attr", None)) == "TYPE_CHECKING":
                yield f"{module.at(node)}: TYPE_CHECKING hides an import. Import it plainly; a cycle means a wrong floor."


def names_are_free(house: House) -> Iterator[str]:
    for room in sorted({module.room for module in house} & sys.stdlib_module_names):
        yield f"{room}: shadows a module of the standard library. Rename it."


def names_are_nouns(house: House) -> Iterator[str]:
    for module in house:
        if HISTORY.search(module.name.rpartition(".")[2]):
            yield f"{module.path}: is named after its history. Name it after the thing it holds."


RULES: list[Callable[[House], Iterator[str]]] = [
    every_room_has_a_floor, arrows_point_down, walls_stand, fences_stand, files_are_small, functions_are_short, lines_are_short,
    utils_have_two_callers, imports_stand_at_the_top, nothing_hides_from_the_runtime, names_are_free, names_are_nouns,
]  # fmt: skip


@pytest.fixture(scope="module")
def house() -> House:
    return load(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Callable[[House], Iterator[str]], house: House) -> None:
    broken = list(rule(house))
    assert not broken, "\n".join(["", *broken])


def test_the_walk_sees_the_house(house: House) -> None:
    assert {"core.errors", "documents.parsed", "providers.types"} <= {module.name for module in house}
