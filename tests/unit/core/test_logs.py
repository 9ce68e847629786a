import asyncio
import subprocess
import sys

import orjson

from core.logs import AccessLog

SERVED = {"method": "POST", "route": "/x", "status": 200, "key": None, "request_id": "r", "ms": 1.5}


async def test_a_request_is_one_line_of_json(capsys):
    log = AccessLog("info")
    log(**SERVED)
    log.flush()
    [line] = capsys.readouterr().err.splitlines()
    told = orjson.loads(line)
    assert SERVED.items() <= told.items() and told["event"] == "request.served" and told["level"] == "info"
    assert told["timestamp"].endswith("Z") and len(told["timestamp"]) == 27


async def test_lines_come_by_themselves_and_in_their_order(capsys):
    log = AccessLog("info")
    for status in (200, 404, 500):
        log(**SERVED | {"status": status})
    told = ""
    while not told:
        await asyncio.sleep(0)
        told = capsys.readouterr().err
    assert [orjson.loads(line)["status"] for line in told.splitlines()] == [200, 404, 500]


async def test_a_quieter_level_writes_nothing(capsys):
    log = AccessLog("warning")
    log(**SERVED)
    log.flush()
    assert capsys.readouterr().err == ""


def test_what_others_have_taken_in_stays():
    code = "import rich, sys, core.logs; assert sys.modules['rich'] is rich"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
