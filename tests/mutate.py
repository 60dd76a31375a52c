"""Are the tests able to fail? Change one thing in a pure module, run that module's tests, and see whether they notice.

    python tests/mutate.py [--count N] [--seed S] [--only recorder/window] [--goal 0.9]

Written here, as mutmut leaves out what matters most in rules (a module's constants, properties, defaults of dataclasses) and
changes every sentence instead; cosmic-ray starts Python anew for each mutant, which takes longer than the tests. Here a process is
forked for each, with everything loaded but Nightcrew. Sentences are not changed, nor are annotations, decorators and what is
logged. A mutant that nothing can tell from the original is named in `equivalent.txt`, with the reason, and is not counted.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType
from typing import Any

import alembic, dbos, fastapi, httpx2, hypothesis, prometheus_client, psutil, pytest, stamina, structlog, uvicorn  # noqa: E401, F401
import sqlalchemy.ext.asyncio  # noqa: F401 - all of these are loaded once, here

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "nightcrew"
MODULES = {
    "playlists/rules": "playlists/test_rules",
    "checks/rules": "checks/test_rules",
    "checks/plan": "checks/test_plan",
    "checks/conclusion": "checks/test_conclusion",
    "checks/capacity": "checks/test_capacity",
    "recorder/window": "recorder/test_window",
    "recorder/ts": "recorder/test_ts",
    "recorder/fmp4": "recorder/test_fmp4",
    "recordings/rules": "recordings/test_rules",
    "recordings/windows": "recordings/test_windows",
    "recordings/naming": "recordings/test_naming",
    "recordings/retention": "recordings/test_retention",
    "recordings/chapters": "recordings/test_chapters",
    "recordings/nfo": "recordings/test_chapters",
    "recordings/disk": "recordings/test_disk",
}
PATIENCE = 60
"""Seconds of work after which a mutant that does not end is one that was noticed."""
MEMORY = 4 << 30
OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
LEFT_OUT = {"annotation", "returns", "decorator_list"}
CERTAIN = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
"""Comparisons whose opposite is their negation already."""


@dataclass(frozen=True)
class Mutant:
    """One change: `new` in the place of the field `name` (or of its item `at`) of `owner`."""

    module: str
    where: str
    line: int
    owner: ast.AST
    name: str
    at: int | None
    new: ast.AST

    def apply(self) -> None:
        """In this process only."""
        if self.at is None:
            setattr(self.owner, self.name, self.new)
        else:
            getattr(self.owner, self.name)[self.at] = self.new

    def __str__(self) -> str:
        old = getattr(self.owner, self.name) if self.at is None else getattr(self.owner, self.name)[self.at]
        return f"{self.module} {self.where}: {_text(old)} → {_text(self.new)}"


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    match node:
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value * 2 if value else 1)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                yield ast.Compare(node.left, [*ops[:at], OPPOSITE[type(op)](), *ops[at + 1 :]], node.comparators)
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in OPPOSITE:
            other = copy.copy(node)
            other.op = OPPOSITE[type(op)]()
            yield other
        case ast.Call(ast.Name(name)) if name in CALLS:
            yield ast.Call(ast.Name(CALLS[name], ast.Load()), node.args, node.keywords)
        case ast.Return(value) if value is not None and _text(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Call() | ast.Await()) if not _text(node).startswith("log."):
            yield ast.Pass()


def mutants(module: str, owner: ast.AST, where: str = "") -> Iterator[Mutant]:
    """All mutants of what a node holds. `where` names the function or class."""
    for name, held in ast.iter_fields(owner):
        if name in LEFT_OUT:
            continue
        for at, node in enumerate(held) if isinstance(held, list) else ((None, held),):
            if not isinstance(node, ast.expr | ast.stmt | ast.comprehension | ast.match_case | ast.keyword):
                continue
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr):
                continue  # another name for a type
            news = list(changed(node))
            sure = isinstance(node, ast.UnaryOp) or (isinstance(node, ast.Compare) and isinstance(node.ops[0], CERTAIN))
            if name in {"test", "ifs", "guard"} and not sure and _text(node) != "TYPE_CHECKING":
                news.append(ast.UnaryOp(ast.Not(), node))
            line = getattr(node, "lineno", 0)
            yield from (Mutant(module, where or "module", line, owner, name, at, new) for new in news)
            inner = getattr(node, "name", None) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) else None
            yield from mutants(module, node, f"{where}.{inner}".strip(".") if inner else where)


class Instead(SourceFileLoader, MetaPathFinder):
    """Gives a module another code."""

    def __init__(self, fullname: str, path: str, code: CodeType) -> None:
        super().__init__(fullname, path)
        self.instead = code

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return self.instead


def run(module: str, tree: ast.Module, mutant: Mutant | None) -> int:
    """Fork a process that runs the tests; returns its number. It ends with 0 when they saw nothing wrong."""
    if child := os.fork():
        return child
    try:
        if mutant is not None:
            mutant.apply()
        path = str(SOURCE / f"{module}.py")
        code = compile(ast.fix_missing_locations(tree), path, "exec")
        sys.meta_path.insert(0, Instead(f"nightcrew.{module.replace('/', '.')}", path, code))
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in (1, 2):
            os.dup2(nowhere, number)
        once = [one for one in hypothesis.Phase if one is not hypothesis.Phase.shrink]
        hypothesis.settings.register_profile("mutate", phases=once, database=None, deadline=None)
        hypothesis.settings.load_profile("mutate")
        options = ["-x", "-p", "no:cacheprovider", "--timeout", "30", "--hypothesis-seed=0"]
        os._exit(int(pytest.main([str(TESTS / f"{MODULES[module]}.py"), *options])))
    finally:
        os._exit(3)


def survivors(module: str, tree: ast.Module, chosen: list[Mutant], at_once: int) -> Iterator[Mutant]:
    """Those that the tests did not notice."""
    _, status = os.waitpid(run(module, tree, None), 0)
    if status:
        sys.exit(f"the tests of {module} fail without a mutant")
    going, left = dict[int, Mutant](), chosen[::-1]
    while going or left:
        while left and len(going) < at_once:
            mutant = left.pop()
            going[run(module, tree, mutant)] = mutant
        child, status = os.wait()
        mutant = going.pop(child)
        if not status:
            yield mutant


def main() -> None:
    """Print each survivor, and how many of how many were noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=0, help="so many of them, of each module its share; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modules whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--goal", type=float, default=0.9)
    given = parser.parse_args()
    equivalent = {line.partition(" # ")[0] for line in (TESTS / "equivalent.txt").read_text("utf-8").splitlines()}
    trees = {name: ast.parse((SOURCE / f"{name}.py").read_text("utf-8")) for name in MODULES if given.only in name}
    found = [one for name, tree in trees.items() for one in mutants(name, tree) if str(one) not in equivalent]
    if given.count:
        found = random.Random(given.seed).sample(found, min(given.count, len(found)))
    lived, tried = Counter[str](), Counter(one.module for one in found)
    for name, tree in trees.items():
        for mutant in survivors(name, tree, [one for one in found if one.module == name], given.jobs):
            lived[name] += 1
            print(f"{mutant}  (line {mutant.line})", flush=True)
        print(f"{name}: {tried[name] - lived[name]} of {tried[name]} noticed", flush=True)
    score = 1 - lived.total() / max(1, tried.total())
    print(f"{tried.total() - lived.total()} of {tried.total()} noticed: {score:.1%}")
    sys.exit(score < given.goal)


if __name__ == "__main__":
    main()
