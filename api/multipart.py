"""Reads an upload once: small fields into memory, the file straight to the disk while it is hashed."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from core.errors import InvalidField, InvalidRequest, TooLarge
from store.files import Incoming

_MAX_PARTS = 30
_MAX_FIELD = 64 << 10
FRAME_BYTES = 320 << 10  # what a form may hold around its file: boundaries, part headers and all fields
FILE_HINT = "Send it as `curl -F file=@document.pdf` does; the @ stands for what is in the file."
_FORM = "Send multipart/form-data with the document in the field `file`, as `curl -F file=@document.pdf` does."


@dataclass(slots=True)
class Form:
    """`fields` by name, and the name that the client gave to the file (None when no file came)."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None


class _Collector:
    """The parser's callbacks: they only note what happened, `read_form` acts on it between two pieces."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bytes]] = []
        self._header = (bytearray(), bytearray())
        self.parts = 0
        self.ended = False

    def callbacks(self) -> dict:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self.events.append(("data", data[start:end])),
            "on_part_end": lambda: self.events.append(("end", b"")),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self.parts += 1
        self.events.append(("begin", b""))

    def _header_end(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self.events.append(("disposition", bytes(self._header[1])))
        self._header = (bytearray(), bytearray())

    def _end(self) -> None:
        self.ended = True


async def read_form(content_type: str, pieces: AsyncIterator[bytes], incoming: Incoming, known: Collection[str]) -> Form:
    """Feeds the `file` part to `incoming` and returns the others, which are some of the `known` fields.

    Raises InvalidRequest when this is no multipart/form-data, it is cut or the file stands in another field, InvalidField for
    a field that is not known, TooLarge when one is over 64 KiB.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequest("The body is not multipart/form-data.", field="file", hint=_FORM)
    collector = _Collector()
    reader = _Reader(incoming, known)
    try:
        parser = MultipartParser(options[b"boundary"], collector.callbacks())
        async for piece in pieces:
            parser.write(piece)
            if collector.parts > _MAX_PARTS:
                raise InvalidRequest(f"The form has more than {_MAX_PARTS} parts.", hint=_FORM)
            events, collector.events = collector.events, []
            for event, data in events:
                await reader.take(event, data)
        parser.finalize()
    except (MultipartParseError, ValueError):
        raise InvalidRequest("The multipart body is damaged.", field="file", hint=_FORM) from None
    if not collector.ended:
        raise InvalidRequest("The multipart body ends too early.", field="file", hint="The connection was cut: send it again.")
    return reader.form


class _Reader:
    def __init__(self, incoming: Incoming, known: Collection[str]):
        self.form = Form()
        self._incoming = incoming
        self._known = known
        self._name = ""
        self._value = bytearray()
        self._is_file = False

    async def take(self, event: str, data: bytes) -> None:
        if event == "begin":
            self._name, self._value, self._is_file = "", bytearray(), False
        elif event == "disposition":
            self._disposition(data)
        elif event == "data" and self._is_file:
            await self._incoming.write(data)
        elif event == "data":
            self._value += data
            if len(self._value) > _MAX_FIELD:
                raise TooLarge(
                    f"The form field {self._name} is longer than {_MAX_FIELD:,} bytes.", field=self._name, hint="Shorten it."
                )
        elif not self._is_file:
            self._keep_field()

    def _disposition(self, value: bytes) -> None:
        _, options = parse_options_header(value)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in self._known:
            return
        if self._name != "file":
            raise self._unknown(b"filename" in options)
        if b"filename" not in options:
            raise InvalidRequest("The form field `file` holds a text, no file.", field="file", hint=FILE_HINT)
        if self.form.filename is not None:
            raise InvalidRequest("The form has more than one file.", field="file", hint="Upload one document at a time.")
        self._is_file = True
        self.form.filename = options[b"filename"].decode("utf-8", "replace")

    def _unknown(self, is_file: bool) -> InvalidRequest:
        shown = self._name[:64]
        if is_file:
            detail = f"The file came in the form field {shown!r}; it is expected in `file`."
            return InvalidRequest(detail, field="file", hint=FILE_HINT)
        snake = shown.strip().lower().replace("-", "_")
        meant = f"Write it {snake}. " if snake in self._known else ""
        hint = f"{meant}Known are: file, {', '.join(self._known)}."
        return InvalidField(f"There is no form field {shown!r}.", field=shown, hint=hint)

    def _keep_field(self) -> None:
        if self._name in self.form.fields:
            raise InvalidRequest(f"The form field {self._name} was sent twice.", field=self._name, hint="Send it once.")
        try:
            self.form.fields[self._name] = self._value.decode("utf-8")
        except UnicodeDecodeError:
            self.form.fields[self._name] = self._value.decode("latin-1")
