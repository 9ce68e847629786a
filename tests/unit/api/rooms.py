"""The document routes behind a gate, with real rooms below them and fakes of the sandbox and the gateway."""

import asyncio
from types import SimpleNamespace

from fastapi import FastAPI
from pydantic import SecretStr

from api import documents, errors
from api.credentials import Credentials
from api.gate import Gate, rules_of
from api.limits import Buckets, Places, Uploads
from core.addresses import AddressPolicy
from store.files import Files
from tests.unit.api.asgi import call
from tests.unit.test_workers import Works

KEY = "operator-key-1234567890"
FORM = {"prompt": "Qual o CNPJ?", "format_response": '{"cnpj": ""}', "ai_provider": "builtin"}
BOUNDARY = ("Content-Type", "multipart/form-data; boundary=X")


def multipart(content: bytes, **fields: str) -> bytes:
    parts = [
        f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in (FORM | fields).items()
    ]
    file = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + content + b"\r\n--X--\r\n"
    return "".join(parts).encode() + file


class Rooms:
    """`house` is what endpoints see; the pipeline's workers run only after `house.pipeline.start()`."""

    def __init__(self, database, jobs, clock, data_dir):
        files = Files(data_dir)
        files.prepare()
        self.works = Works(jobs, files, clock)
        self.works.pipeline.accepting = True
        settings = SimpleNamespace(max_upload_mb=1, max_unfinished_jobs=100, gemini_api_key=SecretStr(""))
        self.house = SimpleNamespace(
            settings=settings,
            uploads=Uploads(),
            pictures=Places(1, seconds=0.0),
            hooks=AddressPolicy.of(()),
            clock=clock,
            database=database,
            jobs=jobs,
            files=files,
            keyring=self.works.keyring,
            sandbox=self.works.sandbox,
            pipeline=self.works.pipeline,
            gateway=self.works.gateway,
            machines=(),
        )
        app = FastAPI(openapi_url=None)
        app.include_router(documents.router)
        errors.install(app)
        app.state.house = self.house
        self.gate = Gate(
            app,
            rules=rules_of(documents.router.routes),
            credentials=Credentials(KEY, "", b"pepper", lambda: asyncio.sleep(0, {})),
            buckets=Buckets(0, lambda: 0.0),
            file_bytes=1 << 20,
            allowed_hosts=("*",),
            trusted_proxies=(),
        )

    async def call(self, method: str, path: str, headers=(), body: bytes = b"", **options):
        return await call(self.gate, method, path, [("Key", KEY), *headers], body, **options)

    async def upload(self, content: bytes = b"CNPJ 11.222.333/0001-81", *, query: str = "", headers=(), fields=None, **options):
        body = multipart(content, **(fields or {}))
        return await self.call("POST", f"/upload{query}", [BOUNDARY, *headers], body, **options)
