"""What the providers ask for their models, from genai-prices. Each name is looked up once an hour: some are cheaper at night."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from core.logs import get_logger
from gateway.facts import Listed, Price

log = get_logger(__name__)

_TABLE = Path(__file__).with_name("pricetable.py")
#: The first time Python compiles the table's 1.6 MB.
_SECONDS = 60.0
_KEPT = 8192
#: Seconds after which a table that could not be read is tried again.
_AGAIN = 60.0
#: Providers of ours → the name of genai-prices. The others have its name, or no price.
_SELLERS = {"gemini": "google", "grok": "x-ai", "bedrock": "aws"}

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """`prices`: by bucket (`input`, `output`, `cache_read`, `cache_write`, `reasoning`) what a million tokens cost in US dollars,
    each as (more tokens of input than this, price), the base first."""

    context: int | None
    prices: Mapping[str, Sequence[tuple[int, float]]]

    @property
    def is_priced(self) -> bool:
        return "input" in self.prices and "output" in self.prices


class PriceList:
    """Called with (provider, models) it gives what is listed of them, by name: slow, for a thread. `get` is for the event loop.

    A table that cannot be read is told in the log, and tried again a minute later.
    """

    def __init__(self, table: Path = _TABLE, now: Callable[[], float] = time.time):
        self._table, self._now = table, now
        self._rows: dict[Name, tuple[int, Row | None]] = {}
        self._wanted: set[Name] = set()
        self._next_try = float("-inf")
        self._reading = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, provider: str, models: Sequence[str]) -> dict[str, Listed]:
        self._wanted.update((provider, model) for model in models)
        self._learn()
        rows = {model: self._rows.get((provider, model), (0, None))[1] for model in models}
        return {model: Listed(_price(row), row.context) for model, row in rows.items() if row is not None}

    def get(self, provider: str, model: str) -> Row | None:
        """None for what is not listed. What was never looked up raises KeyError, and is known soon after; what was looked up in
        another hour is given once more, and looked up again."""
        name = (provider, model)
        hour, row = self._rows.get(name, (None, None))
        if hour != self._hour():
            self._wanted.add(name)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._learn_wanted, name="price-list", daemon=True)
                self._thread.start()
        if hour is None:
            raise KeyError(name)
        return row

    def settle(self) -> None:
        """Waits until all that was wanted has been looked up."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join()

    def _hour(self) -> int:
        return int(self._now() // 3600)

    def _learn_wanted(self) -> None:
        while self._wanted:
            self._learn()

    def _learn(self) -> None:
        """All that is wanted in one reading: who waits for its turn to read finds its names learned."""
        with self._reading:
            names = {self._wanted.pop() for _ in range(len(self._wanted))}
            hour = self._hour()
            unknown = sorted(name for name in names if self._rows.get(name, (None,))[0] != hour)
            if not unknown or self._now() < self._next_try:
                return
            try:
                found = self._read(unknown)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                log.warning("prices.unreadable", error=type(error).__name__)
                self._next_try = self._now() + _AGAIN
                return
            if len(self._rows) > _KEPT:
                self._rows = {name: entry for name, entry in self._rows.items() if entry[0] == hour}
            self._rows |= {name: (hour, found.get(name)) for name in unknown}

    def _read(self, names: Sequence[Name]) -> dict[Name, Row]:
        """Raises OSError, SubprocessError and ValueError."""
        asked: dict[str, list[str]] = {}
        for provider, model in names:
            asked.setdefault(_SELLERS.get(provider, provider), []).append(model)
        command = [sys.executable, "-I", str(self._table)]
        sent = orjson.dumps({**asked, "at": self._now()})
        told = orjson.loads(subprocess.run(command, input=sent, capture_output=True, check=True, timeout=_SECONDS).stdout)
        rows = {(provider, model): told[_SELLERS.get(provider, provider)].get(model) for provider, model in names}
        return {name: Row(row["context"], row["prices"]) for name, row in rows.items() if row is not None}


def _price(row: Row) -> Price | None:
    """What a short request costs."""
    if not row.is_priced:
        return None
    base = {bucket: steps[0][1] for bucket, steps in row.prices.items()}
    return Price(base["input"], base["output"], base.get("cache_read"), base.get("cache_write"))
