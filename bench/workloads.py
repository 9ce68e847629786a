"""What is asked of the models in `bench.swapper`: (seconds from the start, model, seconds of service, client, class), or agents."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

SLOTS = 2
SERVICE = 8.0


@dataclass(frozen=True, slots=True)
class Request:
    at: float
    model: str
    seconds: float
    klass: str = "normal"
    client: str = ""


def _service(rnd: random.Random, mean: float = SERVICE) -> float:
    return rnd.expovariate(1 / mean)


def poisson(rnd: random.Random, count: int, load: float, weights: dict[str, float]) -> Iterator[Request]:
    """Independent requests that keep the slots busy for the share `load` of the time."""
    at = 0.0
    for _ in range(count):
        at += rnd.expovariate(load * SLOTS / SERVICE)
        yield Request(at, rnd.choices(list(weights), list(weights.values()))[0], _service(rnd))


def bursty(rnd: random.Random, count: int, load: float, models: str, size: float = 3.0, gap: float = 3.0) -> Iterator[Request]:
    """Bursts of `size` requests on average for one model, `gap` seconds apart."""
    at, burst, made = 0.0, [], 0
    while made < count:
        at += rnd.expovariate(load * SLOTS / SERVICE / size)
        model, moment = rnd.choice(models), at
        while made < count:
            burst.append(Request(moment, model, _service(rnd)))
            made += 1
            if rnd.random() < 1 / size:
                break
            moment += rnd.expovariate(1 / gap)
    yield from sorted(burst, key=lambda request: request.at)


def alternating(rnd: random.Random, count: int, every: float = 8.0) -> Iterator[Request]:
    for number in range(count):
        yield Request(every * number, "ab"[number % 2], _service(rnd, 8.0))


def hot_and_trickle(rnd: random.Random, count: int, load: float = 0.85, trickle: float = 1 / 150) -> Iterator[Request]:
    """One model that is nearly always busy, and one that is asked for now and then."""
    rate = load * SLOTS / SERVICE
    at = 0.0
    for _ in range(count):
        at += rnd.expovariate(rate + trickle)
        yield Request(at, "b" if rnd.random() < trickle / (rate + trickle) else "a", _service(rnd))


def batch_and_chat(
    rnd: random.Random, count: int, load: float = 0.25, every: float = 900.0, classes: tuple[str, str] = ("interactive", "batch")
) -> Iterator[Request]:
    """Chat with one model, and every quarter of an hour sixty requests at once for the other."""
    requests: list[Request] = []
    at = 0.0
    while len(requests) < count:
        at += rnd.expovariate(load * SLOTS / SERVICE)
        requests.append(Request(at, "a", _service(rnd), classes[0], "chat"))
        if at // every > len([request for request in requests if request.client == "batch"]) // 60:
            requests += [Request(at, "b", _service(rnd), classes[1], "batch") for _ in range(60)]
    yield from requests


def beside_always_on(rnd: random.Random, count: int, load: float) -> Iterator[Request]:
    """Two heavy models, and a small one that is asked for 0.8 s of work every 8 s."""
    heavy = list(poisson(rnd, count, load, {"a": 1, "b": 1}))
    small = [Request(8.0 * number, "always-on", 0.8) for number in range(int(heavy[-1].at / 8))]
    yield from sorted(heavy + small, key=lambda request: request.at)
