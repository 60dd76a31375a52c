"""Which charset a list or a guide is written in: most are UTF-8, many are what a country wrote before it. Pure but for reading a file."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from nightcrew.charsets import HEAD, declared, marked

SAMPLE = 64 << 10
"""Bytes of lines that are not ASCII by which a charset is told."""
BLOCK = 1 << 20
_SEVEN_BITS = ("iso-2022", "iso2022", "csiso2022", "hz")
"""Charsets whose texts are ASCII by their bytes, and so UTF-8 as well."""
_WORDS = re.compile(rb"(?<![A-Za-z])[A-Za-z]*+[\x80-\xff][A-Za-z0-9\x80-\xff ]*")
_OTHER_LETTERS = "cp1251 koi8_r gb18030 big5 shift_jis euc_jp euc_kr cp1253 cp1255 cp1256 iso8859_5 iso8859_7".split()  # noqa: SIM905
"""Charsets of texts whose letters are not Latin ones. One that is not among them has to be named in the source's settings."""
_LATIN = {
    "cp1252": set("áéíóúàèìòùâêîôûäëïöüñçãõßåøæœÁÉÍÓÚÀÈÊÎÔÄËÏÖÜÑÇÃÕÅØÆŒ¿¡’‘“”–—…«»°ªº·€"),
    "cp1254": set("çğıöşüÇĞİÖŞÜâîûéÂÎ’“”–"),
    "cp1250": set("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽôľĺŕäöüőűŐŰÖÜßăâîşţĂÂÎŞŢđĐ’“”–"),
}
"""What is written with each of the charsets of Latin letters; the first one that explains most is taken."""


def utf8(first: bytes) -> bytes:
    """The first bytes of a text in UTF-8, by which it can be told what it is."""
    name = marked(first)
    return first.decode(name, "replace").encode() if name else first


def of(file: BinaryIO) -> str:
    """The charset of a file that stands at its beginning, empty for UTF-8, even with bad bytes in some lines. Blocking."""
    name = marked(file.read(4))
    file.seek(0)
    if name or _is_utf8(file):
        return name
    return _of_most(_foreign(file), file)


def _of_most(lines: Iterator[bytes], file: BinaryIO) -> str:
    """The charset in which lines that are no UTF-8 read best, if most of them are none; the file stands at its beginning then."""
    good = bad = 0
    sample: list[bytes] = []
    for line in lines:
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            bad += 1
            if sum(map(len, sample)) < SAMPLE:
                sample.append(line)
    file.seek(0)
    return guessed(b"".join(sample)) if bad > good else ""


def of_guide(file: BinaryIO) -> str:
    """The charset of a guide where it is another one than its first line says; empty where that is right. Blocking.

    Scripts write their line once and their texts in whatever they come. What is UTF-8 to the last byte is nothing else.
    """
    first = file.read(HEAD)
    file.seek(0)
    said = declared(first)
    if marked(first) or said.lower().startswith(_SEVEN_BITS):
        return ""
    if _is_utf8(file):
        return "" if _is_same(said, "utf-8") else "utf-8"
    return _of_most(_foreign(file, b"<"), file) if _is_same(said, "utf-8") else ""


def _is_same(name: str, other: str) -> bool:
    try:
        return codecs.lookup(name).name == codecs.lookup(other).name
    except (LookupError, ValueError):
        return False


def _is_utf8(file: BinaryIO) -> bool:
    """Whether all of it is; the file stands at its beginning before and after."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _foreign(file: BinaryIO, also: bytes = b"") -> Iterator[bytes]:
    """The lines with bytes beyond ASCII, at most 64 KiB of each. `also`: a sign that ends a line too."""
    rest = b""
    while block := file.read(BLOCK):
        if block.isascii() and rest.isascii():
            rest = b""
            continue
        text = rest + block
        *whole, rest = (text.replace(also, b"\n") if also else text).split(b"\n")
        rest = rest[-SAMPLE:]
        yield from (line[:SAMPLE] for line in whole if not line.isascii())
    if not rest.isascii():
        yield rest


def guessed(sample: bytes) -> str:
    """The charset in which a text reads best, empty when none fits.

    Where most letters are ASCII, the few others tell; elsewhere charset_normalizer does, by how often letters follow each other.
    """
    words = b"\n".join(_WORDS.findall(sample))
    high = len(words) - len(words.translate(None, bytes(range(128, 256))))
    if high and high * 2 < sum(map(len, words.split())):
        return max(_LATIN, key=lambda name: _explained(words, name))
    from charset_normalizer import from_bytes  # its tables are only wanted here

    for text in (words, sample):  # without what is the same in all of them; but a word of some charsets has ASCII in it
        found = from_bytes(text, cp_isolation=_OTHER_LETTERS).best() if text else None
        if found is not None:
            return found.encoding
    return ""


def _explained(words: bytes, name: str) -> float:
    found = [char for char in words.decode(name, "replace") if not char.isascii()]
    return sum(char in _LATIN[name] for char in found) / len(found)


def blocks(file: BinaryIO, charset: str = "") -> Iterator[bytes]:
    """The whole text in UTF-8, some of it at a time. `charset`: what the file is written in; empty: it is passed on as it is."""
    if not charset:
        while block := file.read(BLOCK):
            yield block
        return
    text = io.TextIOWrapper(file, charset, errors="replace", newline="\n")
    try:
        while read := text.read(BLOCK):
            yield read.encode("utf-8", "surrogatepass")
    finally:
        text.detach()
