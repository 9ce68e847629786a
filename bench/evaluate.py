"""What becomes of documents whose values are known, through the whole service, by whoever answers.

    python -m bench.evaluate FOLDER...                       the finder, a perfect and a lying model; fiscal PDFs also as scans
    python -m bench.evaluate FOLDER --by ollama --model gemma3:4b --ollama http://localhost:11434
    python -m bench.evaluate FOLDER --by gemini --gemini-key ...

`perfect` answers what is true, `lying` a value for every key that stands nowhere in the document; both speak through a fake
Ollama, so what is measured behind them is the product: what it finds, what it flags. They answer over what was read for the
finder, whose seconds are those of reading, too. Right, missed and wrong count the keys
whose true value is known. Grounded right: of the values that the evidence calls grounded, those that are true. Decoys are
keys that no document has. Inventions flagged: of the values that do not stand in the document, those that carry a warning.
"""

import argparse
import json
import random
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from bench.inventions import invented
from bench.tables import show
from bench.truths import Truth, as_scan, truths_in
from documents.values import alphanumerics, fold
from tests.fakes.ollama import FakeOllama
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import Server, running

AT_ONCE = 4
MARK = re.compile(r"\[\[(\d+)\]\]")
Answer = Callable[[int], dict[str, Any]]


class ScriptedOllama(FakeOllama):
    """Answers by the number in the question."""

    def __init__(self, answer: Answer):
        super().__init__()
        self._answer = answer

    def text_for(self, _fault: object, body: dict[str, Any], _read: object) -> str:
        return json.dumps(self._answer(int(MARK.findall(json.dumps(body["messages"]))[-1])), ensure_ascii=False)


@dataclass
class Score:
    """What is counted over the documents of one set."""

    documents: int = 0
    valid: int = 0
    pages: int = 0
    seconds: float = 0.0
    found: int = 0
    wanted: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    critical: Counter[str] = field(default_factory=Counter)
    grounded: Counter[bool] = field(default_factory=Counter)
    decoys: int = 0
    inventions: Counter[bool] = field(default_factory=Counter)
    by_key: dict[str, Counter[str]] = field(default_factory=dict)
    memory: int = 0

    def row(self) -> list[str]:
        right, known = self.fields["right"], self.fields.total()
        return [
            str(self.documents), str(self.pages), _share(self.found, self.wanted), _share(right, known),
            _share(self.critical["right"], self.critical.total()), str(self.fields["missed"]), str(self.fields["wrong"]),
            _share(self.grounded[True], self.grounded.total()), str(self.decoys),
            _share(self.inventions[True], self.inventions.total()), _share(self.valid, self.documents),
            f"{self.seconds / max(self.pages, 1):.3f}", str(self.memory >> 20),
        ]  # fmt: skip


COLUMNS = (
    "documents", "answered by", "files", "pages", "text recall", "fields right", "ids, keys, totals", "missed", "wrong",
    "grounded right", "decoys answered", "inventions flagged", "valid JSON", "s/page", "peak MB of a reader",
)  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


@dataclass
class Evaluation:
    """One set of documents; `texts` is what the first pass read of each, by number."""

    title: str
    truths: Sequence[Truth]
    complain: bool
    texts: dict[int, str] = field(default_factory=dict)

    def perfect(self, number: int) -> dict[str, Any]:
        truth = self.truths[number]
        return {key: truth.values.get(key) for key in (*truth.asked, *truth.decoys)}

    def lying(self, number: int) -> dict[str, Any]:
        truth = self.truths[number]
        chance, letters = random.Random(number), alphanumerics(self.texts[number])
        return {key: invented(chance, key, truth.values.get(key), letters) for key in (*truth.asked, *truth.decoys)}

    def run(self, server: Server, headers: Mapping[str, str]) -> Score:
        score, watch = Score(), Watch(server.pid)
        with watch, server.client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
            started = time.perf_counter()
            jobs = list(pool.map(lambda number: self._ask(client, number, headers), range(len(self.truths))))
            score.seconds = time.perf_counter() - started
            for number, (job, pages) in enumerate(jobs):
                text = "\n".join(page["text"] for page in pages)
                self.texts.setdefault(number, text)
                self._count(score, self.truths[number], job, text)
        score.memory = watch.peak
        return score

    def _ask(self, client: httpx2.Client, number: int, headers: Mapping[str, str]) -> tuple[dict, list[dict]]:
        truth = self.truths[number]
        skeleton = json.dumps(dict.fromkeys((*truth.asked, *truth.decoys), ""))
        form = {"prompt": f"[[{number}]]", "format_response": skeleton}
        reply = client.post(
            "/upload?wait=120", data=form, files={"file": (truth.path.name, truth.path.read_bytes())}, headers=dict(headers)
        )
        job = reply.json()
        while job["status"] not in ("done", "failed"):
            job = client.get(f"/response/{job['id']}?wait=120").json()
        pages = client.get(f"/response/{job['id']}/text").json()["pages"] if job["status"] == "done" else []
        return job, pages

    def _count(self, score: Score, truth: Truth, job: dict, text: str) -> None:
        score.documents += 1
        if job["status"] != "done":
            print(f"  {truth.path.name}: {job['error']}")
        answer = job["response"] or {}
        score.valid += list(answer) == [*truth.asked, *truth.decoys]
        score.pages += job["document"]["pages_read"] or 0
        found, wanted = _recall(truth, text)
        score.found, score.wanted = score.found + found, score.wanted + wanted
        flagged = {warning["path"] for warning in job["warnings"]}
        letters = alphanumerics(text)
        for key in (*truth.asked, *truth.decoys):
            self._judge(score, truth, key, answer.get(key), job["evidence"], flagged, letters)

    def _judge(self, score: Score, truth: Truth, key: str, value: Any, evidence: dict, flagged: set[str], letters: str) -> None:
        true, path = truth.values.get(key), f"/{key}"
        right = None not in (value, true) and truth.same[key](str(value), true)
        if value is not None and not right and alphanumerics(str(value)) not in letters:
            score.inventions[path in flagged] += 1
            if self.complain and path not in flagged:
                print(f"  {truth.path.name}: {key} = {value!r} stands nowhere and is not flagged")
        if key in truth.decoys:
            score.decoys += value is not None
        if true is None or not truth.is_printed(key, letters):
            return
        verdict = "right" if right else "missed" if value is None else "wrong"
        score.fields[verdict] += 1
        score.by_key.setdefault(key, Counter())[verdict] += 1
        if key in truth.critical:
            score.critical[verdict] += 1
        if value is not None and evidence[path]["grounded"]:
            score.grounded[right] += 1
        if self.complain and not right:
            print(f"  {truth.path.name}: {key} wanted {true!r}, got {value!r}")


def _recall(truth: Truth, text: str) -> tuple[int, int]:
    if truth.by_words:
        read = Counter(re.findall(r"\w+", fold(text)))
        wanted = Counter(re.findall(r"\w+", fold("\n".join(truth.texts))))
        return (read & wanted).total(), wanted.total()
    letters = alphanumerics(text)
    return sum(alphanumerics(value) in letters for value in truth.texts), len(truth.texts)


class Watch:
    """The largest resident memory of any process that reads, sampled while the block runs."""

    def __init__(self, pid: int):
        self._server, self.peak = psutil.Process(pid), 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            for process in self._server.children(recursive=True):
                try:
                    self.peak = max(self.peak, process.memory_info().rss)
                except psutil.Error:
                    continue


def _sets(folders: Sequence[Path], scans: Path, limit: int | None, complain: bool) -> list[Evaluation]:
    sets = []
    for folder in folders:
        title, truths = truths_in(folder)
        sets.append(Evaluation(title, truths[:limit], complain))
        if title == "fiscal documents":
            sets.append(Evaluation(f"{title}, scanned", [as_scan(truth, scans) for truth in truths[:limit]], complain))
    return sets


def _answered_by(one: Evaluation, who: str, chosen: argparse.Namespace, folder: Path) -> Score:
    with ExitStack() as stack:
        settings, headers = {"OLLAMA_URL": chosen.ollama, "LOG_LEVEL": "warning"}, {"AI-Provider": who}
        if who in ("perfect", "lying"):
            settings["OLLAMA_URL"] = stack.enter_context(in_a_thread(ScriptedOllama(getattr(one, who)))).url
            headers["AI-Provider"] = "ollama"
        if chosen.model:
            headers["Model"] = chosen.model
        if chosen.gemini_key and who == "gemini":
            headers["Gemini-API-Key"] = chosen.gemini_key
        return one.run(stack.enter_context(running(folder, **settings)), headers)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    arguments.add_argument(
        "--by", nargs="+", default=["perfect", "lying"], help="after the finder (builtin), which is always asked"
    )
    arguments.add_argument("--model", default="")
    arguments.add_argument("--ollama", default="http://127.0.0.1:11434")
    arguments.add_argument("--gemini-key", default="")
    arguments.add_argument("--limit", type=int, help="documents of each set")
    arguments.add_argument("-v", "--verbose", action="store_true", help="name every value that is not right")
    chosen = arguments.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scans = Path(scratch) / "scans"
        scans.mkdir()
        for place, one in enumerate(_sets(chosen.folders, scans, chosen.limit, chosen.verbose)):
            for who in dict.fromkeys(["builtin", *chosen.by]):
                score = _answered_by(one, who, chosen, Path(scratch) / str(place))
                rows.append((one.title, who, *score.row()))
                if who == "builtin":
                    by_key = [
                        (key, *(counts[name] for name in ("right", "missed", "wrong"))) for key, counts in score.by_key.items()
                    ]
                    if chosen.verbose:
                        show(f"The finder, {one.title}", ("key", "right", "missed", "wrong"), by_key)
    show("Evaluation", COLUMNS, rows)


if __name__ == "__main__":
    main()
