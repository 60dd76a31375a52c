"""Expressions as .NET writes them, for Python's `regex`, which has a time limit. Pure.

What both read alike is kept. What .NET reads otherwise is written so that it means the same, and what cannot be is refused: balancing
groups, subtraction of character classes, flags in the middle, and whatever only `regex` would understand. Case is never looked at,
as the programs that such expressions come from do not either.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

import regex

MOST_CHARACTERS = 5000
MOST_DEPTH = 40
MOST_REPEATS = 1000
SECONDS = 0.2
"""Of the processor, of all threads together, for one search in a name of 300 characters; an honest expression takes a thousandth."""

_ESCAPES = {"Z": r"(?=\n?\Z)", "z": r"\Z", "e": r"\x1b"}
_KNOWN_ESCAPES = frozenset("AbBdDwWsSnrtfvaxu0123456789")
_COUNT = re.compile(r"\{(\d{1,9})(?:(,)(\d{0,9}))?\}")
_NAMED = re.compile(r"\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_BACK = re.compile(r"\\k(?:<(\w+)>|'(\w+)'|\{(\w+)\})")
_CATEGORY = re.compile(r"\\[pP]\{(?:Is)?[A-Za-z]\w{0,40}\}")
_FLAGS = re.compile(r"\(\?([imsnx]*)(?:-([imsnx]+))?([:)])")
_CONDITION = re.compile(r"\(\?\((\w+)\)")
_PLAIN = ("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>")


class BadExpression(ValueError):
    """It cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that can be searched for in a name."""

    text: str
    compiled: regex.Pattern[str]

    def found_in(self, name: str) -> bool:
        """Whether it is somewhere in a name. Raises TimeoutError when that takes too long."""
        return self.compiled.search(name, timeout=SECONDS) is not None


def compiled(text: str) -> Expression:
    """An expression as .NET writes it. Raises BadExpression."""
    if len(text) > MOST_CHARACTERS:
        raise BadExpression(f"it has more than {MOST_CHARACTERS} characters")
    translated = _Translation(text).whole()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Expression(text, regex.compile(translated, regex.IGNORECASE | regex.VERSION0, cache_pattern=False))
    except (regex.error, RecursionError, OverflowError, ValueError, IndexError, KeyError) as error:
        raise BadExpression(f"it cannot be read: {error}") from error


class _Translation:
    """Goes through an expression once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.out: list[str] = []
        self.repeatable = False

    def whole(self) -> str:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "\\":
                self._put(self._escape(), repeatable=True)
            elif char == "[":
                self._put(self._class(), repeatable=True)
            elif char == "(":
                self._open()
            elif char in "*+?{":
                self._repeat()
            else:
                self.depth -= char == ")"
                self.at += 1
                self._put(char, repeatable=char not in "|^")
        return "".join(self.out)

    def _put(self, text: str, *, repeatable: bool) -> None:
        self.out.append(text)
        self.repeatable = repeatable

    def _escape(self) -> str:
        """Outside of a class."""
        for shape in (_BACK, _CATEGORY):
            if found := shape.match(self.text, self.at):
                self.at = found.end()
                return f"(?P={found[1] or found[2] or found[3]})" if shape is _BACK else found[0]
        char = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if char in _ESCAPES:
            return _ESCAPES[char]
        if not char or (char.isalnum() and char not in _KNOWN_ESCAPES):
            raise BadExpression(f"“\\{char}” is not known here")
        return "\\" + char

    def _class(self) -> str:
        """A class in brackets, in which "[" is a letter like others."""
        end = self.at + 1
        end += self.text[end : end + 1] == "^"
        out = [self.text[self.at : end]]
        first = True
        while first or self.text[end : end + 1] != "]":
            char = self.text[end : end + 1]
            if not char:
                raise BadExpression("a class is not closed")
            if char == "\\":
                self.at = end
                out.append(self._escape())
                end = self.at
            elif self.text.startswith("-[", end) and not first:
                raise BadExpression("subtraction of classes is not known here")
            else:
                out.append("\\" + char if char in "[]&|~" or self.text[end : end + 2] == "--" else char)
                end += 1
            first = False
        self.at = end + 1
        return "".join(out) + "]"

    def _open(self) -> None:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise BadExpression(f"its groups are nested more than {MOST_DEPTH} deep")
        text, at = self.text, self.at
        if not text.startswith("(?", at):
            self.at += 1
            self._put("(", repeatable=False)
        elif text.startswith("(?#", at):
            end = text.find(")", at)
            if end < 0:
                raise BadExpression("a comment is not closed")
            self.at, self.depth = end + 1, self.depth - 1
        elif plain := next((one for one in _PLAIN if text.startswith(one, at)), ""):
            self.at += len(plain)
            self._put(plain, repeatable=False)
        elif named := _NAMED.match(text, at):
            self.at = named.end()
            self._put(f"(?P<{named[1] or named[2]}>", repeatable=False)
        elif condition := _CONDITION.match(text, at):
            self.at = condition.end()
            self._put(condition[0], repeatable=False)
        elif flags := _FLAGS.match(text, at):
            self._flags(flags)
        else:
            raise BadExpression(f"the group “{text[at : at + 8]}” is not known here")

    def _flags(self, found: re.Match[str]) -> None:
        on, off = set(found[1]) - {"i"}, set(found[2] or "")
        if "n" in on | off or (off & {"i", "x"} and found[3] == ")"):
            raise BadExpression(f"the flags “{found[0]}” are not known here")
        self.at = found.end()
        if found[3] == ":":
            minus = f"-{''.join(sorted(off))}" if off else ""
            self._put(f"(?{''.join(sorted(on))}{minus}:", repeatable=False)
            return
        self.depth -= 1
        if (on or off) and "".join(self.out):
            raise BadExpression("flags in the middle are not known here")
        if on:
            self._put(f"(?{''.join(sorted(on))})", repeatable=False)

    def _repeat(self) -> None:
        char = self.text[self.at]
        if char == "{" and not (count := _COUNT.match(self.text, self.at)):
            self.at += 1
            self._put("\\{", repeatable=True)
            return
        if not self.repeatable:
            raise BadExpression("a repetition of nothing")
        if char == "{" and count:
            if max(int(count[1]), int(count[3] or 0)) > MOST_REPEATS:
                raise BadExpression(f"it repeats something more than {MOST_REPEATS} times")
            piece = count[0]
        else:
            piece = char
        self.at += len(piece)
        if self.text[self.at : self.at + 1] == "?":
            piece += "?"
            self.at += 1
        self._put(piece, repeatable=False)
