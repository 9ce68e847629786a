"""OpenAI's text completions (`/v1/completions`) over models that chat: the prompt is what the user says.

Source: platform.openai.com/docs/api-reference/completions. Text in the middle (`suffix`), echoes and several prompts take
a provider of the same dialect.
"""

from typing import Any

from api.asked import Asked
from api.letters import Letters
from api.members import Body, flag, refuse, text, whole, wrong
from api.openai.chunks import EVENT_STREAM, PING, Frame, failure
from api.openai.wire import FINISH, asked, refuse_several, usage_of
from api.stamp import Stamp
from api.telling import Telling, is_plain
from core.errors import MyelinError
from providers.types import ChatDelta, ChatReply, Message, ToolCallDelta

_LEAVE = "Leave it out, or name a model of a provider with this address."


def completion_request(body: dict[str, Any]) -> Asked:
    """Raises InvalidField."""
    refuse_several(body)
    if (whole(body, "best_of", 1) or 1) > 1:
        refuse("best_of", "One answer is given to one request.", _LEAVE)
    if flag(body, "echo"):
        refuse("echo", "The prompt is not repeated here.", "Put it before the answer yourself.")
    if body.get("logprobs") is not None:
        refuse("logprobs", "The probabilities of tokens are not told here.", _LEAVE)
    if text(body, "suffix"):
        refuse("suffix", "This model cannot write between two texts.", _LEAVE)
    return asked(body, (Message.of("user", _prompt(body)),), most=whole(body, "max_tokens", 1))


def _prompt(body: Body) -> str:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str) and prompt:
        return prompt
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], str):
        refuse("prompt", "One prompt is answered in one request.", "Send the others in requests of their own.")
    raise wrong("prompt", "must be a text", "Send a text: tokens mean something else to every model.")


def completion_reply(reply: ChatReply, asked: Asked, stamp: Stamp | None = None) -> dict[str, Any]:
    """The `text_completion`; thoughts are not told in it."""
    stamp = stamp or Stamp()
    return {
        "id": f"cmpl-{stamp.token}",
        "object": "text_completion",
        "created": stamp.created,
        "model": asked.model,
        "choices": [{"index": 0, "text": reply.text, "logprobs": None, "finish_reason": FINISH[reply.finish_reason]}],
        "usage": usage_of(reply.usage),
    }


class CompletionRendering(Telling):
    media_type = EVENT_STREAM
    __slots__ = ("_before", "_frame", "_letters")

    def __init__(self, asked: Asked, stamp: Stamp | None = None):
        super().__init__()
        stamp = stamp or Stamp()
        self._frame = Frame("text_completion", f"cmpl-{stamp.token}", stamp, asked)
        self._before, self._letters = self._frame.before + b'"text":', Letters()

    def first(self) -> bytes:
        return b""

    def piece(self, delta: ChatDelta) -> bytes:
        if delta.text and is_plain(delta):
            return self.text(delta.text)
        return super().piece(delta)

    def text(self, piece: str) -> bytes:
        return self._before + self._letters.quoted(piece) + self._frame.after

    def thought(self, piece: str) -> bytes:
        return b""

    def call(self, piece: ToolCallDelta, is_first: bool) -> bytes:
        return b""

    def close(self) -> bytes:
        return self._frame.end(b'"text":""', self.finish_reason, self.usage)

    def failed(self, error: MyelinError) -> bytes:
        return failure(error)

    def ping(self) -> bytes:
        return PING
