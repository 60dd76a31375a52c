"""Contracts for import-linter that need no list: domains are known from `nightcrew.domains`, pure modules from their docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.domain.imports import ModuleExpression

from nightcrew.domains import FOLDERS

PURE = re.compile(r"\bPure\b")


class _Found(Contract):
    """A contract that is broken by what `broken` finds, each in one line."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = sorted(self.broken(graph))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line)

    def broken(self, graph: ImportGraph) -> Iterator[str]:
        raise NotImplementedError


class Domains(_Found):
    """Of a domain, another one imports the modules named in `exports`, and what is no domain imports nothing."""

    exports: Any = fields.SetField(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Iterator[str]:
        for domain in FOLDERS:
            root = f"nightcrew.{domain}"
            open_ = {f"{root}.{name}" for name in self.exports}
            for module in {root} | graph.find_descendants(root):
                for importer in graph.find_modules_that_directly_import(module):
                    home = importer.split(".")[1] if "." in importer else ""
                    if home != domain and not (home in FOLDERS and module in open_):
                        yield f"{importer} imports {module}"


class Apart(ForbiddenContract):
    """What is named in `source_modules`, and every domain, imports nothing of `forbidden_modules`, over others neither."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        self.source_modules = self.source_modules | {ModuleExpression(f"nightcrew.{domain}") for domain in FOLDERS}
        return super().check(graph, verbose)


class Pure(_Found):
    """A module whose docstring says "Pure" imports nothing that matches `impure`."""

    impure: Any = fields.SetField(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Iterator[str]:
        for module in graph.modules:
            if module.split(".")[0] == "nightcrew" and _is_pure(module):
                for imported in graph.find_modules_directly_imported_by(module):
                    if any(fnmatch(imported, pattern) for pattern in self.impure):
                        yield f"{module} imports {imported}"


def _is_pure(module: str) -> bool:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return False
    said = ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf-8")))
    return module.rpartition(".")[2] == "rules" or bool(said and PURE.search(said))
