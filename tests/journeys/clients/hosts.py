"""One server over a fake of every provider, for the clients of all dialects."""

from dataclasses import dataclass

from tests.fakes import bedrock
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.azure import FakeAzure
from tests.fakes.cohere import FakeCohere
from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_models import FakeModel
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import FakeServer

SEES = "everything:4b"
ABLE = ("completion", "tools", "vision", "thinking")


@dataclass(frozen=True)
class Host:
    """A provider as the server knows it: models that chat and embed there, and the settings that point at its fake."""

    name: str
    chats: str
    embeds: str | None
    make: type[FakeServer]
    tells_thoughts: bool = True

    def settings(self, url: str) -> dict[str, str]:
        return {name: value.format(url=url) for name, value in SETTINGS[self.name].items()}


SETTINGS = {
    "ollama": {"OLLAMA_URL": "{url}"},
    "gemini": {"GEMINI_BASE_URL": "{url}", "GEMINI_API_KEY": "AIzaSyFAKE-KEY-0123456789"},
    "openai": {"OPENAI_BASE_URL": "{url}/v1", "OPENAI_API_KEY": "sk-fake-0123456789"},
    "anthropic": {"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_API_KEY": "sk-ant-fake-0123456789"},
    "azure": {"AZURE_OPENAI_ENDPOINT": "{url}", "AZURE_OPENAI_KEY": "azure-fake-0123456789"},
    "cohere": {"COHERE_BASE_URL": "{url}", "COHERE_API_KEY": "cohere-fake-0123456789"},
    "bedrock": {
        "BEDROCK_BASE_URL": "{url}",
        "AWS_ACCESS_KEY_ID": bedrock.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": bedrock.SECRET_KEY,
    },
    "office": {"PROVIDERS": "office={url}/v1|office-fake-0123456789"},
}
HOSTS = [
    Host("ollama", SEES, "nomic-embed-text", FakeOllama),
    Host("gemini", "gemini-2.5-flash", "gemini-embedding-001", FakeGemini),
    Host("openai", "gpt-4o-mini", "text-embedding-3-small", FakeOpenAI, tells_thoughts=False),
    Host("anthropic", "claude-sonnet-4-5", None, FakeAnthropic),
    Host("azure", "gpt-4o-mini", "text-embedding-3-small", FakeAzure, tells_thoughts=False),
    Host("cohere", "command-a-plus-05-2026", "embed-v4.0", FakeCohere),
    Host("bedrock", f"us.{bedrock.SONNET}", None, bedrock.FakeBedrock),
    Host("office", "gpt-4o-mini", "text-embedding-3-small", FakeOpenAI),
]


def made(host: Host) -> FakeServer:
    fake = host.make()
    if isinstance(fake, FakeOpenAI):
        fake.shows_thoughts = host.tells_thoughts
    if isinstance(fake, FakeOllama):
        fake.machine.installed[SEES] = FakeModel(SEES, 3 << 30, "4B", "qwen3", 40_960, ABLE)
    return fake


#: A black square of one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)  # fmt: skip
CITY = {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"], "additionalProperties": False}
NOTHING: dict[str, object] = {"type": "object", "properties": {}}
TOOLS = {"weather": ("Tells the weather.", CITY), "clock": ("Tells the time.", NOTHING)}
LONG = "Olá, mundo: é só isso, mas dito em muitas palavras para que chegue aos pedaços."
DOCUMENT = "<document>Cidade: Olinda</document>"
THOUGHTS = "Let me look for the fields."
ASKED = "<document>Cidade: Olinda</document> Call weather and clock."


def saw(fake: FakeServer, picture: str) -> bool:
    """Whether the base64 of a picture came in; google-genai writes it for URLs."""
    sent = b"".join(received.raw for received in fake.requests)
    return picture.encode() in sent or picture.translate(str.maketrans("+/", "-_")).encode() in sent
