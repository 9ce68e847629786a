"""What the terminal shows once the server is ready."""

from tests.journeys.server import KEY, Server


def test_the_banner_names_the_models_and_hides_the_key_of_the_environment(server: Server, client):
    for _ in range(500):
        log = server.log.read_text()
        if "Try it:" in log:
            break
        client.get("/livez")
    shown = log[log.index("Models:") : log.index("Try it:")]
    assert "gemma3:1b" in shown and "no key" in shown and "built-in" in shown
    assert f"{server.port}/docs" in log and "API_KEY of the environment" in log and KEY not in log
