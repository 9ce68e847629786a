"""A faithful Bedrock: Converse and ConverseStream over HTTP, its lists of models, its event stream and its signatures.

It takes access keys whose secret it knows, and bearer keys that do not begin with `invalid`.
Source: docs.aws.amazon.com/bedrock/latest/APIReference, and AWS's own service model in botocore.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tests.fakes.bedrock_checks import ApiError, FakeModel, check, refused, signature
from tests.fakes.bedrock_frames import Event, stream
from tests.fakes.bedrock_signatures import ACCESS_KEY, SECRET_KEY, is_signed
from tests.fakes.server import BEFORE_THE_ANSWER, Fault, Received, forever, serve, tokens_of
from tests.fakes.speaking import Asked, FakeSpeaker, Said, fragments

_ENDS = {"stop": "end_turn", "length": "max_tokens", "sequence": "stop_sequence", "tools": "tool_use"}
#: How a good model notices that it is told in words to keep to a form.
_FORM = "JSON Schema"
_REGION = "us-east-1"
_ARN = f"arn:aws:bedrock:{_REGION}::foundation-model/"
SONNET, OPUS = "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-7-v1"
OLD, NOVA = "anthropic.claude-sonnet-4-20250514-v1:0", "amazon.nova-2-lite-v1:0"
GPT, LLAMA, R1, TITAN = (
    "openai.gpt-oss-120b-1:0",
    "meta.llama4-scout-17b-instruct-v1:0",
    "deepseek.r1-v1:0",
    "amazon.titan-text-express-v1",
)


class FakeBedrock(FakeSpeaker):
    """`cipher` is told as redacted thoughts before every answer. `profiles_denied`: the key may not list the profiles."""

    def __init__(self) -> None:
        super().__init__()
        kinds = ("enabled", "disabled")
        self.models = {
            SONNET: FakeModel("Anthropic", sees=True, thinks=kinds, forms=True, direct=False),
            OPUS: FakeModel("Anthropic", sees=True, thinks=("adaptive", "disabled"), forms=True, direct=False),
            OLD: FakeModel("Anthropic", sees=True, thinks=kinds),
            NOVA: FakeModel("Amazon", sees=True, thinks=("nova",)),
            GPT: FakeModel("OpenAI", thinks=("effort",), forms=True),
            LLAMA: FakeModel("Meta", sees=True, streams=False),
            R1: FakeModel("DeepSeek", tools=False),
            TITAN: FakeModel("Amazon", tools=False, system=False),
        }
        self.secrets = {ACCESS_KEY: SECRET_KEY}
        self.cipher = ""
        self.profiles_denied = False

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/model/{name}/{kind:converse|converse-stream}", self._converse),
            web.get("/foundation-models", self._list),
            web.get("/inference-profiles", self._profiles),
        ]

    def _authorise(self, request: web.Request, received: Received) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            if not key or key.startswith("invalid"):
                raise ApiError("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
        elif not is_signed(request.method, request.raw_path, received.headers, received.raw, self.secrets, _REGION):
            words = (
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
            )
            raise ApiError("InvalidSignatureException", f"{words} and signing method.", 403)

    def _model(self, name: str) -> FakeModel:
        """A profile has the name of its model with a region before it."""
        plain = name.rpartition("/")[2]
        plain = plain.removeprefix("us.")
        model = self.models.get(plain)
        if model is None:
            raise refused("The provided model identifier is invalid.")
        if not model.direct and plain == name:
            words = f"Invocation of model ID {name} with on-demand throughput isn’t supported."
            raise refused(f"{words} Retry your request with the ID or ARN of an inference profile that contains this model.")
        return model

    async def _list(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request, self.requests[-1])
        except ApiError as error:
            return error.response()
        told = [
            {"modelId": name, "modelArn": _ARN + name, "modelName": name.title(), "providerName": model.maker,
             "inputModalities": ["TEXT", "IMAGE"] if model.sees else ["TEXT"], "outputModalities": ["TEXT"],
             "responseStreamingSupported": model.streams, "modelLifecycle": {"status": "ACTIVE"},
             "inferenceTypesSupported": ["ON_DEMAND"] if model.direct else ["INFERENCE_PROFILE"]}
            for name, model in self.models.items()
        ]  # fmt: skip
        drawn = {"modelId": "stability.sd3", "inputModalities": ["TEXT"], "outputModalities": ["IMAGE"]}
        vectors = {"modelId": "amazon.titan-embed-text-v2:0", "inputModalities": ["TEXT"], "outputModalities": ["EMBEDDING"]}
        return web.json_response({"modelSummaries": [*told, drawn, vectors]})

    async def _profiles(self, request: web.Request) -> web.Response:
        """One profile a page, so that whoever reads one page alone misses some."""
        try:
            self._authorise(request, self.requests[-1])
            if self.profiles_denied:
                raise ApiError("AccessDeniedException", "User is not authorized to perform: bedrock:ListInferenceProfiles")
        except ApiError as error:
            return error.response()
        names = [name for name, model in self.models.items() if not model.direct]
        place = int(request.query.get("nextToken", "0"))
        told = {
            "inferenceProfileId": f"us.{names[place]}", "inferenceProfileName": f"US {names[place]}", "status": "ACTIVE",
            "inferenceProfileArn": f"arn:aws:bedrock:{_REGION}:123456789012:inference-profile/us.{names[place]}",
            "models": [{"modelArn": _ARN + names[place]}], "type": "SYSTEM_DEFINED",
        }  # fmt: skip
        more = {"nextToken": str(place + 1)} if place + 1 < len(names) else {}
        return web.json_response({"inferenceProfileSummaries": [told]} | more)

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        streamed = request.match_info["kind"] == "converse-stream"
        received = self.requests[-1]
        try:
            self._authorise(request, received)
            name = request.match_info["name"]
            model, body = self._model(name), json.loads(received.raw)
            check(body, name, model, streamed=streamed)
            fault = self.next_fault()
            if fault and fault.kind in BEFORE_THE_ANSWER:
                return await self._refusal(fault)
        except ApiError as error:
            return error.response()
        said = self.say(_asked(body), fault)
        if not streamed:
            return web.json_response(self._whole(body, said))
        return await stream(request, self._events(body, said), fault)

    async def _refusal(self, fault: Fault) -> web.Response:
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "garbage":
            return web.Response(body=bytes(range(128, 256)) * 20, content_type="application/vnd.amazon.eventstream")
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
        return ApiError.of(fault.status, fault.message or f"refused with {fault.status}").response(headers)

    def _usage(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        """What was read is without what came from the cache or went into it."""
        texts = [json.dumps(body.get("system", "")), *_texts(body), json.dumps(body.get("toolConfig", ""))]
        read = sum(math.ceil(len(text) / self.characters_per_token) for text in texts)
        written = said.written + len(tokens_of(said.thoughts)) + 1
        total = read + written + self.cached + self.stored
        cache = {"cacheReadInputTokens": self.cached, "cacheWriteInputTokens": self.stored}
        return {"inputTokens": read, "outputTokens": written, "totalTokens": total, **cache}

    def _ended(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        asked = "/stop_sequence" in body.get("additionalModelResponseFieldPaths", ())
        more = {"additionalModelResponseFields": {"stop_sequence": said.sequence}} if asked else {}
        return {"stopReason": _ENDS[said.end]} | more

    def _events(self, body: dict[str, Any], said: Said) -> Iterator[Event]:
        """Only calls of tools have a start."""
        yield "messageStart", {"role": "assistant"}
        index = 0
        for deltas in self._blocks(said):
            for delta in deltas:
                yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}
            yield "contentBlockStop", {"contentBlockIndex": index}
            index += 1
        for id_, name, given in said.calls:
            yield "contentBlockStart", {"start": {"toolUse": {"toolUseId": id_, "name": name}}, "contentBlockIndex": index}
            for piece in fragments(json.dumps(given) if given else ""):
                yield "contentBlockDelta", {"delta": {"toolUse": {"input": piece}}, "contentBlockIndex": index}
            yield "contentBlockStop", {"contentBlockIndex": index}
            index += 1
        yield "messageStop", self._ended(body, said)
        yield "metadata", {"usage": self._usage(body, said), "metrics": {"latencyMs": 551}}

    def _blocks(self, said: Said) -> Iterator[Iterator[dict[str, Any]]]:
        if self.cipher:
            yield iter([{"reasoningContent": {"redactedContent": self.cipher}}])
        if said.thoughts:
            thoughts = [{"text": token} for token in tokens_of(said.thoughts)] + [{"signature": signature(said.thoughts)}]
            yield ({"reasoningContent": thought} for thought in thoughts)
        if said.text or not said.calls:
            yield ({"text": token} for token in said.text)

    def _whole(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if said.thoughts:
            told = {"text": said.thoughts, "signature": signature(said.thoughts)}
            content.append({"reasoningContent": {"reasoningText": told}})
        if said.text or not said.calls:
            content.append({"text": "".join(said.text)})
        content += [{"toolUse": {"toolUseId": id_, "name": name, "input": given}} for id_, name, given in said.calls]
        message = {"role": "assistant", "content": content}
        told = {"output": {"message": message}, "usage": self._usage(body, said), "metrics": {"latencyMs": 551}}
        return told | self._ended(body, said)


def _asked(body: dict[str, Any]) -> Asked:
    config, more = body.get("toolConfig", {}), body.get("additionalModelRequestFields", {})
    choice = config.get("toolChoice", {"auto": {}})
    results = [block["toolResult"] for block in body["messages"][-1]["content"] if "toolResult" in block]
    budget = more.get("thinking", {}).get("budget_tokens", 0)
    form = body.get("outputConfig", {}).get("textFormat")
    told = [text for text in [*(block["text"] for block in body.get("system", ())), *_texts(body)] if _FORM in text]
    spoken = json.JSONDecoder().raw_decode(told[0][told[0].index("{", told[0].index(_FORM)) :])[0] if told else None
    return Asked(
        body=body,
        texts=_texts(body),
        limit=body.get("inferenceConfig", {}).get("maxTokens", 1 << 30) - budget,
        schema=json.loads(form["structure"]["jsonSchema"]["schema"]) if form else spoken,
        tools=[(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"]) for tool in config.get("tools", ())],
        choice=choice["tool"]["name"] if "tool" in choice else next(iter(choice)),
        results=["".join(part.get("text", "") for part in result["content"]) for result in results],
        stops=body.get("inferenceConfig", {}).get("stopSequences", []),
        thinks=more.get("thinking", {}).get("type") in ("enabled", "adaptive")
        or more.get("reasoningConfig", {}).get("type") == "enabled"
        or "reasoning_effort" in more,
    )


def _texts(body: dict[str, Any]) -> list[str]:
    turns = [turn["content"] for turn in body["messages"] if turn["role"] == "user"]
    return ["".join(block.get("text", "") for block in turn) for turn in turns]


if __name__ == "__main__":
    serve(FakeBedrock(), 8083)
