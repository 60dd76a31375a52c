"""The text of a guide as expat can read it: in UTF-8, without characters and references that XML does not know. Pure.

Guides are written by scripts. A bare &, &eacute; without a declaration, a control character or a byte of another charset is mended
where it stands, so that one bad place does not cost the guide.
"""

from __future__ import annotations

import codecs
import re
from html.entities import html5
from xml.sax.saxutils import escape

from nightcrew.charsets import HEAD, declared, is_charset

_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]"
_CONTROL = re.compile(_CONTROLS)
_BAD = re.compile(
    _CONTROLS + r"|&(?!(?:amp|lt|gt|quot|apos);)(?:#([0-9]{1,8}|[xX][0-9A-Fa-f]{1,7});|([A-Za-z][A-Za-z0-9]{0,31});)?"
)
_HELD = 44
"""Characters in which a reference or the beginning of a section may be cut in two."""
_OPENS, _CLOSES = "<![CDATA[", "]]>"


class UnknownCharset(Exception):
    """A guide says that it is written in a charset that nobody knows. The message is a sentence for a person."""


def _as_windows(exc: UnicodeError) -> tuple[str, int]:
    """A byte that is no UTF-8 is one of windows-1252, as it was before."""
    if not isinstance(exc, UnicodeDecodeError):
        raise exc
    return exc.object[exc.start : exc.end].decode("cp1252", "replace"), exc.end


codecs.register_error("nightcrew.windows", _as_windows)


class Cleaner:
    """Takes a document in pieces and gives it back clean. `charset`: what a person says that it is written in."""

    def __init__(self, charset: str = "") -> None:
        self._charset = charset
        self._decoder: codecs.IncrementalDecoder | None = None
        self._first = b""
        self._unknown = ""
        self._rest = ""
        self._in_section = False

    def feed(self, raw: bytes, *, last: bool = False) -> bytes:
        """The next piece. Raises `UnknownCharset`."""
        if self._decoder is None:
            self._first += raw
            if len(self._first) < HEAD and not last:
                return b""
            raw, self._first = self._first, b""
            name = self._charset or declared(raw)
            self._unknown = "" if is_charset(name) else name
            self._decoder = _decoder(name)
        text = self._rest + self._decoded(self._decoder, raw, last)
        self._rest, found = "", list[str]()
        while text:
            text = self._section(text, found, last) if self._in_section else self._outside(text, found, last)
        return "".join(found).encode("utf-8", "replace")

    def _decoded(self, decoder: codecs.IncrementalDecoder, raw: bytes, last: bool) -> str:
        try:
            return decoder.decode(raw, last)
        except UnicodeDecodeError as exc:  # an unknown name stands for UTF-8 as long as that fits
            raise UnknownCharset(f"the guide is written in {self._unknown[:40]}, which cannot be read here") from exc

    def _section(self, text: str, found: list[str], last: bool) -> str:
        """Text that is taken as it is, `<![CDATA[…]]>`; returns what follows it."""
        end = text.find(_CLOSES)
        if end < 0:
            held = 0 if last else len(_CLOSES) - 1
            found.append(_CONTROL.sub("", text[: len(text) - held]))
            self._rest = text[len(text) - held :]
            return ""
        end += len(_CLOSES)
        found.append(_CONTROL.sub("", text[:end]))
        self._in_section = False
        return text[end:]

    def _outside(self, text: str, found: list[str], last: bool) -> str:
        start = text.find(_OPENS)
        if start >= 0:
            found += [_BAD.sub(_mended, text[:start]), _OPENS]
            self._in_section = True
            return text[start + len(_OPENS) :]
        cut = len(text)
        if not last:
            cut = min(cut, *(at for sign in "&<" if (at := text.rfind(sign, -_HELD)) >= 0), cut)
        found.append(_BAD.sub(_mended, text[:cut]))
        self._rest = text[cut:]
        return ""


def _mended(bad: re.Match[str]) -> str:
    number, name = bad.groups()
    if number is not None:
        code = int(number[1:], 16) if number[0] in "xX" else int(number)
        return escape(chr(code)) if code < 0x110000 and not _CONTROL.match(chr(code)) else ""
    if name is not None and f"{name};" in html5:
        return escape(html5[f"{name};"])
    return "" if bad.group()[0] != "&" else f"&amp;{bad.group()[1:]}"


def _decoder(name: str) -> codecs.IncrementalDecoder:
    if not is_charset(name):
        return codecs.getincrementaldecoder("utf-8-sig")("strict")
    if codecs.lookup(name).name.startswith("utf-8"):
        return codecs.getincrementaldecoder("utf-8-sig")("nightcrew.windows")
    return codecs.getincrementaldecoder(name)("replace")
