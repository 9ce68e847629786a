import orjson

from core.logs import AccessLog

SERVED = {"method": "POST", "route": "/x", "status": 200, "key": None, "request_id": "r", "ms": 1.5}


def test_a_request_is_one_line_of_json(capsys):
    AccessLog("info")(**SERVED)
    [line] = capsys.readouterr().err.splitlines()
    told = orjson.loads(line)
    assert SERVED.items() <= told.items() and told["event"] == "request.served" and told["level"] == "info"
    assert told["timestamp"].endswith("Z") and len(told["timestamp"]) == 27


def test_a_quieter_level_writes_nothing(capsys):
    AccessLog("warning")(**SERVED)
    assert capsys.readouterr().err == ""
