from api.protocol import PromptProtocol
from api.server import server_config


def test_the_head_of_a_request_has_a_deadline_and_proxies_are_not_believed():
    config = server_config(app=None)
    assert config.http is PromptProtocol and config.proxy_headers is False and config.server_header is False
