"""Can the tests fail? Change one thing in a pure module, run that module's tests, and see whether they notice.

    python tests/mutate.py [--count N] [--seed S] [--only recorder/window] [--goal 0.9]

Written here, as mutmut leaves out what matters most in rules (a module's constants, properties, defaults of dataclasses) and
changes every sentence instead; cosmic-ray starts Python anew for each mutant, which takes longer than the tests. Here a process
is forked for each, with everything loaded but Nightcrew. Sentences are not changed, nor annotations, decorators and what is
logged. A mutant that nothing can tell from the original is named in `equivalent.txt`, with the reason, and does not count.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import random
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType

import hypothesis
import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "nightcrew"
LOADED = "alembic.command av croniter dbos fastapi httpx2 jinja2 prometheus_client psutil psycopg pwdlib rich uvicorn"
TESTED = """checks/capacity checks/conclusion checks/plan checks/rules playlists/rules recorder/fmp4 transport/ts recorder/window
recordings/chapters recordings/disk recordings/naming recordings/retention recordings/rules recordings/windows"""
MODULES = {name: name.replace("/", "/test_") for name in TESTED.split()}
MODULES["recordings/nfo"] = "recordings/test_chapters"
RELEASES = {
    "identity": "identity known words",
    "release_names": "heads kinds tokens marks names",
    "ranking": "ranking refusals profile",
    "custom_formats": "conditions custom_formats dotnet",
}
MODULES |= {
    f"movies/releases/{one}": f"movies/test_{test}" for test, names in RELEASES.items() for one in names.split()
}
MODULES |= {"kernel/recovery": "kernel/test_recovery", "kernel/connections/rules": "kernel/test_connection_rules"}
for name in ("list_json", "torznab_errors", "torznab_items", "torznab_queries", "torznab_xml"):
    MODULES[f"movies/indexers/{name}"] = f"movies/test_{name}"
MODULES["movies/indexers/values"] = "movies/test_indexer_values"
for name, tests in {
    "bencode": "bencode",
    "magnet": "magnet",
    "metainfo v1 v2 layers paths addresses model": "metainfo",
    "contents asking inspection": "inspection",
    "fitting": "fitting",
    "sizes": "torrent_sizes",
}.items():
    MODULES |= {f"movies/torrents/{one}": f"movies/test_{tests}" for one in name.split()}
MODULES |= {f"movies/trackers/{name}": f"movies/test_tracker_{name}" for name in ("order", "rules", "wire")}
MODULES |= {
    "movies/catalogue/rules": "movies/test_catalogue_rules",
    "movies/sources/rules": "movies/test_movie_rules",
    "movies/handover/rules": "movies/test_handover_rules",
}
MODULES |= {"kernel/connections/mirrors": "kernel/test_connection_rules kernel/test_mirrors"}
MODULES |= {"kernel/notify/rules": "kernel/test_notify_rules", "kernel/path_names": "recordings/test_naming"}
MODULES |= {name: name.replace("/", "/test_") for name in ("kernel/address_secrets", "kernel/guesses", "kernel/words")}
MODULES["guidereader/moments"] = "playlists/test_moments"
JUDGED = """artists classical decision glance held_artist held_details held_title held_version judge model paths reading titles
versions words works"""
MATCHING = (
    "music/test_matching_parts music/test_matching music/test_classical music/test_real_names music/test_import_rules"
)
MODULES |= {f"music/matching/{name}": MATCHING for name in JUDGED.split()}
MODULES |= {f"music/{name}": "music/test_import_rules" for name in ("naming", "owned", "verify")}
MODULES |= {f"music/{name}": "music/test_music_rules music/test_import_rules" for name in ("quality", "rules")}
MODULES |= {f"music/slskd/{name}": "music/test_slskd_shapes" for name in ("shapes", "states")}
MODULES["music/slskd/queries"] = "music/test_queries"
MODULES |= {
    f"playlists/{name}": f"playlists/test_{name}" for name in ("guide_matching", "holes", "joining", "numbering")
}
MODULES["playlists/picking"] = "field/test_picking"
MODULES |= {
    "recordings/stream_access": "recordings/test_access_rules",
    "recordings/after_rules": "recordings/test_after_rules",
}
MODULES |= {f"recordings/{name}": f"recordings/test_{name}" for name in ("filing", "times", "verdict")}
"""Modules, and the files of their tests."""
PATIENCE, MEMORY = 60, 4 << 30
"""Seconds of work and bytes after which a mutant that does not end was noticed."""
PAIRS = "Lt LtE Gt GtE Eq NotEq In NotIn Is IsNot And Or Add Sub Mult Div LShift RShift BitAnd BitOr min max any all"
OPPOSITES = dict.fromkeys(("FloorDiv", "Mod", "Pow"), "Mult")
for one, other in zip(PAIRS.split()[::2], PAIRS.split()[1::2], strict=True):
    OPPOSITES |= {one: other, other: one}
OPTIONS = "-x -pno:schemathesis -pno:cacheprovider --timeout=30 --hypothesis-seed=0 --hypothesis-profile=mutate"
NODES = (ast.expr, ast.stmt, ast.comprehension, ast.match_case, ast.keyword, ast.excepthandler)
CONDITIONS = (ast.Name, ast.Attribute, ast.Call, ast.BoolOp, ast.NamedExpr)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Mutant:
    """`new` in the place of the node `old`, which is the field `name` of `owner`, or its item `at`."""

    module: str
    where: str
    owner: ast.AST
    name: str
    at: int | None
    old: ast.AST
    new: ast.AST

    def __str__(self) -> str:
        return f"{self.module} {self.where or 'module'}: {text(self.old)} → {text(self.new)}"


def text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def opposite(op: ast.AST) -> ast.AST:
    return getattr(ast, OPPOSITES[type(op).__name__])()


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
                yield ast.Compare(node.left, [*ops[:at], opposite(op), *ops[at + 1 :]], node.comparators)
            if isinstance(ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield ast.UnaryOp(ast.Not(), node)
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign():
            other = copy.copy(node)
            other.op = opposite(node.op)
            yield other
        case ast.Call(ast.Name(name)) if name in OPPOSITES:
            yield ast.Call(ast.Name(OPPOSITES[name], ast.Load()), node.args, node.keywords)
        case ast.Return(value) if value is not None and text(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Call() | ast.Await()) if not text(node).startswith("log."):
            yield ast.Pass()


def mutants(module: str, owner: ast.AST, where: str = "") -> Iterator[Mutant]:
    """All mutants of what a node holds. `where`: the function or class it is in."""
    for name, value in ast.iter_fields(owner):
        held = value if isinstance(value, list) else [value]
        for at, old in enumerate(held):
            is_alias = isinstance(owner, ast.Assign) and isinstance(old, ast.BinOp) and isinstance(old.op, ast.BitOr)
            if name in {"annotation", "returns", "decorator_list"} or not isinstance(old, NODES) or is_alias:
                continue
            is_condition = name in {"test", "ifs", "guard"} and isinstance(old, CONDITIONS)
            news = [*changed(old), *([ast.UnaryOp(ast.Not(), old)] if is_condition else [])]
            if text(old) != "TYPE_CHECKING":
                yield from (Mutant(module, where, owner, name, at if value is held else None, old, new) for new in news)
            yield from mutants(module, old, f"{where}.{old.name}".lstrip(".") if isinstance(old, SCOPES) else where)


class Instead(SourceFileLoader):
    """Gives a module another code."""

    code: CodeType

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return self.code


def run(module: str, tree: ast.Module, mutant: Mutant | None) -> int:
    """Fork a process that runs the tests; returns its number. It ends with 0 when they saw nothing wrong."""
    if child := os.fork():
        return child
    try:
        if mutant is not None and mutant.at is None:
            setattr(mutant.owner, mutant.name, mutant.new)
        elif mutant is not None:
            getattr(mutant.owner, mutant.name)[mutant.at] = mutant.new
        instead = Instead(f"nightcrew.{module.replace('/', '.')}", str(SOURCE / f"{module}.py"))
        instead.code = compile(ast.fix_missing_locations(tree), instead.path, "exec")
        sys.meta_path.insert(0, instead)
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1), os.dup2(nowhere, 2)
        phases = [one for one in hypothesis.Phase if one is not hypothesis.Phase.shrink]
        hypothesis.settings.register_profile("mutate", phases=phases, database=None, deadline=None)
        os._exit(pytest.main([*(str(TESTS / f"{name}.py") for name in MODULES[module].split()), *OPTIONS.split()]))
    finally:
        os._exit(3)


def survivors(module: str, tree: ast.Module, chosen: list[Mutant]) -> Iterator[Mutant]:
    """Those that the tests did not notice."""
    if os.waitpid(run(module, tree, None), 0)[1]:
        sys.exit(f"the tests of {module} fail without a mutant")
    going, left = dict[int, Mutant](), chosen[::-1]
    while going or left:
        while left and len(going) < (os.cpu_count() or 1):
            mutant = left.pop()
            going[run(module, tree, mutant)] = mutant
        child, status = os.wait()
        mutant = going.pop(child)
        if not status:
            yield mutant


def main() -> None:
    """Print each survivor, and how many were noticed. Fails below the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=0, help="so many of them; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modules whose name contains this")
    parser.add_argument("--goal", type=float, default=0.9)
    given = parser.parse_args()
    sys.dont_write_bytecode = False  # every child would compile everything
    for name in LOADED.split():
        importlib.import_module(name)
    same = {line.partition(" # ")[0] for line in (TESTS / "equivalent.txt").read_text("utf-8").splitlines()}
    trees = {name: ast.parse((SOURCE / f"{name}.py").read_text("utf-8")) for name in MODULES if given.only in name}
    found = [one for name, tree in trees.items() for one in mutants(name, tree) if str(one) not in same]
    if given.count:
        found = random.Random(given.seed).sample(found, min(given.count, len(found)))
    lived = 0
    for name, tree in trees.items():
        mine = [one for one in found if one.module == name]
        alive = list(survivors(name, tree, mine))
        lived += len(alive)
        for one in alive:
            print(f"{one}  (line {getattr(one.old, 'lineno', '?')})")
        print(f"{name}: {len(mine) - len(alive)} of {len(mine)} noticed", flush=True)
    score = 1 - lived / max(1, len(found))
    print(f"all: {len(found) - lived} of {len(found)} noticed, {score:.1%}")
    sys.exit(score < given.goal)


if __name__ == "__main__":
    main()
