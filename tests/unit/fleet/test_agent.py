"""The agent against a server that a test plays: what it reads, what it sends, and what it refuses."""

import asyncio
import hashlib
import json

import pytest
from aiohttp import web

from core.errors import InvalidField
from core.http import HttpClient
from fleet.agent import Agent, KeyRefused, Shelf, Wanted, main
from tests.fakes.ollama_blobs import Blobs, digest_of
from tests.fakes.ollama_machine import Machine
from tests.fakes.server import FakeServer

NAME = "casa:1b"
WEIGHTS = bytes(range(256)) * 12_000  # 3 MB


@pytest.fixture
def models(tmp_path):
    blobs = Blobs(Machine())
    blobs.add(NAME, WEIGHTS, template="{{ .Prompt }}")
    blobs.write(tmp_path, NAME)
    return tmp_path


class Myelin(FakeServer):
    """Gives out `works`, keeps what it is sent by id; `steps` are replies that come before the true ones."""

    def __init__(self):
        super().__init__()
        self.works, self.got, self.failures, self.steps, self.puts = [], {}, [], [], []
        self.over = asyncio.Event()
        self.digests = {}

    def routes(self):
        return [
            web.get("/agent/work", self._work),
            web.put("/agent/work/{id}", self._put),
            web.post("/agent/work/{id}/failure", self._failure),
        ]

    async def _work(self, request):
        if request.headers.get("Key") != "right":
            return web.json_response({"detail": "no"}, status=401)
        if not self.works:
            self.over.set()
            await asyncio.Event().wait()
        return web.json_response({"work": self.works.pop(0)})

    async def _put(self, request):
        content, offset = await request.read(), int(request.query["offset"])
        self.puts.append((offset, len(content)))
        if self.steps:
            status, reply = self.steps.pop(0)
            if status == 200:
                self.got[request.match_info["id"]] = self.got.get(request.match_info["id"], b"")[: reply["offset"]]
            return web.json_response(reply, status=status, headers={"Retry-After": "0"})
        kept = self.got.get(request.match_info["id"], b"")
        assert len(kept) == offset
        self.got[request.match_info["id"]] = kept + content
        whole = len(kept) + len(content) == int(request.query["total"])
        return web.json_response({"offset": len(kept) + len(content), "whole": whole})

    async def _failure(self, request):
        self.failures.append((await request.json())["reason"])
        return web.json_response({"noted": True})


def work(content=WEIGHTS, what="blob", **changes):
    digest = digest_of(content)
    return {"id": "a1", "what": what, "model": NAME, "digest": digest, "offset": 0, "most": len(content)} | changes


async def served(models, *works, steps=()):
    """What became of the works: the server, after the agent asked for more than there are."""
    async with Myelin() as server:
        server.works, server.steps = list(works), list(steps)
        http = HttpClient()
        agent = Agent(http, server.url, "right", Shelf(models), largest=1 << 20, sleep=lambda _: asyncio.sleep(0))
        running = asyncio.create_task(agent.run())
        async with asyncio.timeout(10):
            await server.over.wait()
        running.cancel()
        await asyncio.wait([running])
        await http.close()
        return server


async def test_a_file_is_sent_in_chunks(models):
    server = await served(models, work())
    assert server.got["a1"] == WEIGHTS and [size for _, size in server.puts] == [1 << 20, 1 << 20, len(WEIGHTS) - (2 << 20)]
    assert not server.failures


async def test_the_manifest_is_found_by_the_name_of_the_model(models):
    raw = (models / "manifests" / "registry.ollama.ai" / "library" / "casa" / "1b").read_bytes()
    server = await served(models, work(raw, "manifest", most=1 << 20))
    assert server.got["a1"] == raw


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("casa:1b", "registry.ollama.ai/library/casa/1b"),
        ("dona/casa:1b", "registry.ollama.ai/dona/casa/1b"),
        ("hf.co/dona/casa:Q4_K_M", "hf.co/dona/casa/Q4_K_M"),
    ],
)
def test_manifests_lie_where_ollama_puts_them(tmp_path, model, place):
    path = tmp_path / "manifests" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    with Shelf(tmp_path).open(Wanted("a1", "manifest", model, digest_of(b"{}"), 0, 9)) as file:
        assert file.read() == b"{}"


async def test_bytes_that_the_server_has_are_hashed_and_not_sent(models):
    server = await served(models, work(offset=2_000_000), steps=[(200, {"offset": len(WEIGHTS), "whole": True})])
    assert server.puts == [(2_000_000, 1 << 20)] and not server.failures


async def test_when_a_part_was_lost_it_asks_anew_and_goes_on_from_there(models):
    steps = [(200, {"offset": 5, "whole": False}), (200, {"offset": len(WEIGHTS), "whole": True})]
    server = await served(models, work(offset=2_000_000), work(offset=2_100_000), steps=steps)
    assert [offset for offset, _ in server.puts] == [2_000_000, 2_100_000] and not server.failures


async def test_a_failure_that_may_pass_is_tried_again_with_the_work_that_is_told_then(models):
    server = await served(models, work(), work(), steps=[(503, {"detail": "busy"})])
    assert server.got["a1"] == WEIGHTS and server.puts[0][0] == server.puts[1][0] == 0


async def test_a_damaged_file_is_not_sent_to_its_end(models):
    place = models / "blobs" / digest_of(WEIGHTS).replace(":", "-")
    place.write_bytes(WEIGHTS[:-1] + b"?")
    server = await served(models, work())
    assert server.failures == ["wrong_digest"] and len(server.got["a1"]) == 2 << 20


async def test_a_file_that_is_longer_than_the_manifest_says_is_not_sent(models):
    server = await served(models, work(most=10))
    assert server.failures == ["wrong_digest"] and not server.puts


async def test_a_file_that_is_not_there_is_told(models):
    server = await served(models, work(b"nowhere"), work(what="manifest", model="other:1b"))
    assert server.failures == ["missing", "missing"]


async def test_a_link_out_of_the_folder_is_not_followed(models, tmp_path_factory):
    secret = tmp_path_factory.mktemp("else") / "secret"
    secret.write_bytes(b"secret")
    (models / "blobs" / digest_of(b"secret").replace(":", "-")).symlink_to(secret)
    server = await served(models, work(b"secret"))
    assert server.failures == ["unreadable"] and not server.puts


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "sha256:../../../etc/passwd"},
        {"digest": "md5:00"},
        {"model": "../../etc:passwd"},
        {"model": "evil.example/a/b:c"},
        {"offset": "0"},
        {"offset": -1},
        {"id": "../a"},
        {"digest": 7},
    ],
)
def test_what_is_no_file_of_a_model_is_refused(changes):
    with pytest.raises((InvalidField, TypeError, AttributeError)):
        Wanted.read(work() | changes)


async def test_a_key_that_is_refused_ends_it(models):
    async with Myelin() as server:
        http = HttpClient()
        with pytest.raises(KeyRefused):
            await Agent(http, server.url, "wrong", Shelf(models)).run()
        await http.close()


def test_the_command_line_wants_a_key_and_a_folder_of_models(tmp_path, capsys):
    for given in (["--server", "http://x"], ["--server", "http://x", "--key", "k", "--models", str(tmp_path)]):
        with pytest.raises(SystemExit) as ended:
            main(given)
        assert ended.value.code == 2
    assert "manifests" in capsys.readouterr().err


def test_manifests_of_the_fake_are_those_of_their_digest(models):
    raw = (models / "manifests" / "registry.ollama.ai" / "library" / "casa" / "1b").read_bytes()
    assert json.loads(raw)["layers"][0]["digest"] == f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"
