"""Every regular expression of the program against the texts that cost it most: none takes more than a time in proportion."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import re
import string
import sys
import time
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import nightcrew

SHORT, FACTOR = 1_500, 4
"""Characters of the shorter text, and how much longer the longer one is."""
STEEP = 9.0
"""A text four times as long takes four times as long; sixteen times where the time grows with the square."""
SURE = 0.02
"""Seconds of processor time below which a measurement says nothing."""
ANCHORED = ("match", "fullmatch")
METHODS = (*ANCHORED, "search")


def expressions() -> dict[str, re.Pattern[Any]]:
    """All that stand in a module, by module and name."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(nightcrew.__path__, "nightcrew."):
        if module.name.endswith("__main__") or ".migrations" in module.name:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            several = (
                value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else [value]
            )
            for at, one in enumerate(several):
                if isinstance(one, re.Pattern):
                    found[f"{module.name}.{name}{f'[{at}]' if at else ''}"] = one
    return {name: one for name, one in found.items() if one not in list(found.values())[: list(found).index(name)]}


def samples(node: tuple[Any, Any]) -> list[str]:
    """Some texts that a part of an expression takes."""
    kind, value = node
    if kind is codes.LITERAL:
        return [chr(value)]
    if kind is codes.NOT_LITERAL:
        return [next(sign for sign in "a0 " if ord(sign) != value)]
    if kind is codes.ANY:
        return ["a", "0", " "]
    if kind is codes.IN:
        return [sign for sign in "a0 /.:-_=\"'A&?;,[(<\n" if re.fullmatch(_class(value), sign)][:6] or ["é"]
    if kind in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
        least, _, inner = value
        return [text * least for text in exemplars(inner)]
    if kind is codes.SUBPATTERN:
        return exemplars(value[-1])
    if kind is codes.ATOMIC_GROUP:
        return exemplars(value)
    if kind is codes.BRANCH:
        return [text for branch in value[1] for text in exemplars(branch)[:1]][:6]
    return [""]


def _class(items: list[tuple[Any, Any]]) -> str:
    categories = {
        "DIGIT": r"\d",
        "NOT_DIGIT": r"\D",
        "SPACE": r"\s",
        "NOT_SPACE": r"\S",
        "WORD": r"\w",
        "NOT_WORD": r"\W",
    }
    text = ""
    for kind, value in items:
        if kind is codes.NEGATE:
            text += "^"
        elif kind is codes.LITERAL:
            text += re.escape(chr(value))
        elif kind is codes.RANGE:
            text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        else:
            text += categories[str(value).removeprefix("CATEGORY_")]
    return f"[{text}]"


def exemplars(nodes: Any) -> list[str]:
    """Some texts that a sequence takes."""
    texts = [""]
    for node in nodes:
        texts = [text + more for text, more in itertools.product(texts[:3], samples(node)[:3])]
    return texts


def pumps(nodes: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """What stands before each repeated part of an expression, and what that part takes, again and again."""
    for node in nodes:
        kind, value = node
        if kind in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            if value[1] > 50:
                yield from ((before, text) for text in exemplars(value[2]) if text)
            yield from pumps(value[2], before)
        elif kind is codes.SUBPATTERN:
            yield from pumps(value[-1], before)
        elif kind is codes.BRANCH:
            for branch in value[1]:
                yield from pumps(branch, before)
        before += samples(node)[0]


def worst(expression: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """A beginning, and what is repeated behind it."""
    tree = parser.parse(expression.pattern, expression.flags)
    whole = exemplars(tree)[0]
    seen = set()
    for before, text in pumps(tree):
        for pair in ((before, text), ("", text), ("", before + text), ("", before), ("", whole[:-1])):
            if pair[1] and pair not in seen:
                seen.add(pair)
                yield pair


def methods_of(name: str) -> tuple[str, ...]:
    """How an expression is used: one that is only ever matched at a known place need not be searched for."""
    module, _, variable = name.partition("[")[0].rpartition(".")
    if module not in sys.modules or not variable.startswith("_"):
        return METHODS
    used = set(re.findall(rf"\b{variable}(?:\[\w+\])?\.(\w+)\(", inspect.getsource(sys.modules[module])))
    return tuple(used) if used and used <= set(ANCHORED) else METHODS


def spent(expression: re.Pattern[Any], methods: tuple[str, ...], text: Any) -> float:
    """Processor seconds, the least of three."""
    took = []
    for _ in range(3):
        began = time.thread_time()
        for method in methods:
            getattr(expression, method)(text)
        took.append(time.thread_time() - began)
        if took[-1] < SURE / 10:
            break
    return min(took)


FOUND = expressions()


def test_the_expressions_are_found() -> None:
    assert len(FOUND) > 25
    assert "nightcrew.kernel.redaction._USERINFO" in FOUND


@pytest.mark.parametrize("steep", [r"(a+)+$", r"\s*=\s*$", r"://([^/:]*)[^/]*@"])
def test_a_steep_expression_is_noticed(steep: str) -> None:
    with pytest.raises(AssertionError):
        check(
            "lab",
            re.compile(steep),
            short=17 if steep.startswith("(") else SHORT,
            factor=1.3 if steep.startswith("(") else FACTOR,
        )


@pytest.mark.parametrize("name", FOUND)
def test_an_expression_takes_a_time_in_proportion_to_its_text(name: str) -> None:
    check(name, FOUND[name])


def check(name: str, expression: re.Pattern[Any], short: int = SHORT, factor: float = FACTOR) -> None:
    """Raises AssertionError with the text that takes too long."""
    for before, text in worst(expression):
        for end in ("\x00", string.punctuation):
            methods = methods_of(name)
            times = []
            for length in (short, int(short * factor)):
                written: Any = before + text * (length // len(text)) + end
                times.append(
                    spent(expression, methods, written.encode() if isinstance(expression.pattern, bytes) else written)
                )
            steep = times[1] > SURE and times[1] > STEEP * times[0]
            assert not steep, (
                f"{name}: {before!r} and {text!r} again and again: {times[0]:.4f} s, then {times[1]:.4f} s"
            )
