"""One pass over the tokens of an RTF text: groups carry a state, destinations collect lines of their own."""

from codecs import CodecInfo
from dataclasses import dataclass, field, replace

from documents.parsers.breaks import BREAK, Foot, split, texts
from documents.parsers.codepages import DECODERS, decoder
from documents.parsers.rtftokens import Token, tokens
from documents.parsers.wordflow import Flow

CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437",
    255: "cp850",
}  # fmt: skip
MACHINES = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
CHARACTERS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "column": "\n", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ",
    "qmspace": " ", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "~": "\u00a0", "_": "-",
}  # fmt: skip
UNREAD = frozenset({  # destinations without text of the document; those that begin with \* are unread unless they are KNOWN
    "colortbl", "stylesheet", "info", "filetbl", "fldinst", "xe", "tc", "rxe", "template", "nonesttables", "shprslt",
    "nonshppict", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "objdata", "objclass", "upr", "mmathPict",
    "pntxta", "pntxtb", "bkmkstart", "bkmkend", "atnid", "atnref", "atntime", "atndate", "atnicn", "private", "keywords",
    "title", "author", "revtbl",
})  # fmt: skip
KNOWN = frozenset({"shpinst", "do", "nesttableprops", "moMath", "moMathPara", "shppict", "pgptbl"})
MARGINS = frozenset({f"{kind}{page}" for kind in ("header", "footer") for page in ("", "l", "r", "f")})
PARTS = MARGINS | {"footnote", "annotation", "shptxt", "dptxbxtext", "atnauthor"}
MAX_LEVEL = 50  # tables in tables


@dataclass(slots=True)
class State:
    """What a group inherits: where its text goes (`unread` names why nowhere), in which code page, and how it looks."""

    flow: Flow
    part: str = ""
    unread: str = ""
    codec: CodecInfo | None = None
    skipped: int = 1
    hidden: bool = False
    deleted: bool = False
    level: int = 0


@dataclass
class Walk:
    """`read` once, then `lines`, `headers` and `footers`. `depth` above 0 says that the end of the file is missing."""

    max_cells: int
    headers: list[str] = field(default_factory=list)
    footers: list[str] = field(default_factory=list)
    hidden: bool = False
    deleted: bool = False
    pictures: int = 0
    depth: int = 0
    _codec: CodecInfo = DECODERS["cp1252"]
    _fonts: dict[int, CodecInfo] = field(default_factory=dict)
    _font: int = 0
    _notes: int = 0
    _author: str = ""
    _to_skip: int = 0
    _continuous: bool = False
    _foot: Foot = field(default_factory=Foot)

    def read(self, data: bytes) -> None:
        """Raises DocumentTooComplex for groups that are nested without end."""
        self._body = Flow(self.max_cells)
        self._state = State(self._body)
        stack: list[State] = []
        starred = False
        for token in tokens(data):
            word = token.word
            if word == "{":
                stack.append(self._state)
                self._state = replace(self._state)
                self._to_skip = 0
            elif word == "}":
                self._to_skip = 0
                if stack:
                    self._leave(stack.pop())
            elif word == "*":
                starred = True
                continue
            elif not word:
                self._text(token.text)
            elif word in CHARACTERS:
                self._characters(CHARACTERS[word])
            else:
                self._word(token, starred)
            starred = False
        self.depth = len(stack)
        for state in reversed(stack):
            self._leave(state)

    def lines(self) -> list[str]:
        """The body, each page with its notes and comments at its end."""
        lines: list[str] = []
        for line in self._body.lines():
            lines += split(line, self._foot) if BREAK in line else [line]
        return lines + self._foot.flush()

    def _word(self, token: Token, starred: bool) -> None:
        word, number, state = token.word, token.number, self._state
        if word == "fonttbl":
            state.unread = "fonts"
        elif word == "u":
            self._unicode(number or 0)
        elif word == "ud":
            state.unread = ""
        elif word == "pict":
            self.pictures += state.unread in ("", "sp")
            state.unread = "pict"
        elif word in UNREAD or word == "sp" or (starred and word not in KNOWN and word not in PARTS):
            state.unread = state.unread or word
        elif state.unread and not (state.unread == "fonts" and word in ("f", "fcharset")):
            return
        elif word in PARTS:
            self._enter(word)
        else:
            self._format(word, number)
            self._paragraph(word, number)

    def _format(self, word: str, number: int | None) -> None:
        state = self._state
        match word:
            case "ansicpg":
                self._codec = decoder(number or 0)
            case "mac" | "pc" | "pca":
                self._codec = DECODERS[MACHINES[word]]
            case "deff":
                self._font = number or 0
            case "f" | "af" if state.unread == "fonts" or word == "f":
                if state.unread == "fonts":
                    self._font = number or 0
                else:
                    state.codec = self._fonts.get(number or 0)
            case "fcharset":
                if (name := CHARSETS.get(number or 0)) and len(self._fonts) < 10_000:
                    self._fonts[self._font] = DECODERS[name]
            case "uc":
                state.skipped = max(0, min(number if number is not None else 1, 100))
            case "v":
                state.hidden = number != 0
            case "deleted":
                state.deleted = number != 0
            case "plain":
                state.hidden = state.deleted = False
                state.codec = None

    def _paragraph(self, word: str, number: int | None) -> None:
        state, flow = self._state, self._state.flow
        match word:
            case "par" | "\n" | "\r":
                flow.end_paragraph(state.level)
            case "pard":
                state.level = 0
            case "intbl":
                state.level = max(state.level, 1)
            case "itap":
                state.level = max(0, min(number or 0, MAX_LEVEL))
            case "page":
                flow.add(BREAK)
            case "pagebb":
                flow.break_before()
            case "sbknone" | "sbkcol":
                self._continuous = True
            case "sectd" | "sbkpage" | "sbkodd" | "sbkeven":
                self._continuous = False
            case "sect":
                flow.end_paragraph(state.level)
                if not self._continuous:
                    flow.add(BREAK)
            case "trowd":
                flow.new_columns()
            case "clmrg" | "clvmrg":
                flow.merge(word == "clvmrg")
            case "cellx":
                flow.end_column()
            case "cell":
                flow.end_cell(1)
            case "nestcell":
                flow.end_cell(max(2, state.level))
            case "row":
                flow.end_row(1)
            case "nestrow":
                flow.end_row(max(2, state.level))

    def _enter(self, part: str) -> None:
        if part == "footnote":
            self._notes += 1
            self._state.flow.add(f"[{self._notes}]")
        self._state = replace(self._state, flow=Flow(self.max_cells), part=part, level=0, hidden=False)

    def _leave(self, outer: State) -> None:
        inner, self._state = self._state, outer
        if inner.unread == "fonts" and outer.unread != "fonts":
            self._font = 0
        if inner.flow is outer.flow:
            return
        lines = texts(inner.flow.lines())
        match inner.part:
            case "footnote":
                self._foot.note(str(self._notes), lines)
            case "annotation":
                self._foot.comment(self._author, lines)
                self._author = ""
            case "atnauthor":
                self._author = " ".join(lines)
            case "shptxt" | "dptxbxtext":
                outer.flow.boxes += lines
            case _:
                (self.headers if inner.part.startswith("header") else self.footers).extend(
                    line for line in lines if line != BREAK
                )

    def _text(self, data: bytes) -> None:
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        state = self._state
        if not data or state.unread or self._left_out(data.strip()):
            return
        state.flow.add_bytes(data, state.codec or self._codec)

    def _characters(self, text: str) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif not self._state.unread and not self._left_out(text.strip()):
            self._state.flow.add(text)

    def _unicode(self, number: int) -> None:
        state = self._state
        self._to_skip = state.skipped
        if not state.unread and not self._left_out("u"):
            state.flow.add_unit(number & 0xFFFF)

    def _left_out(self, text: str | bytes) -> bool:
        """True for hidden and deleted text; that there was some is remembered."""
        state = self._state
        if state.deleted:
            self.deleted = self.deleted or bool(text)
        elif state.hidden:
            self.hidden = self.hidden or bool(text)
        return state.deleted or state.hidden
