import subprocess
import sys

from api.protocol import PromptProtocol
from api.server import server_config


def test_the_head_of_a_request_has_a_deadline_and_proxies_are_not_believed():
    config = server_config(app=None)
    assert config.http is PromptProtocol and config.proxy_headers is False and config.server_header is False


def test_the_server_takes_in_only_what_it_needs():
    heavy = {"rich", "pygments", "google.genai", "genai_prices", "boto3", "numpy"}
    code = f"import sys, main; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"
