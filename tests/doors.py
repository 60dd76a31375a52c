"""All routes of a node, so that a new one is attacked too."""

from __future__ import annotations

import importlib
import pkgutil

from fastapi import APIRouter
from fastapi.routing import APIRoute

from nightcrew import web
from support import Node


def every_route(node: Node) -> list[APIRoute]:
    """Those of each module of `nightcrew.web` and of each domain, by path and methods, each once."""
    modules = [importlib.import_module(f"{web.__name__}.{found.name}") for found in pkgutil.iter_modules(web.__path__)]
    own = [module.router for module in modules if isinstance(getattr(module, "router", None), APIRouter)]
    of_domains = [router for domain in node.runtime.hooks.domains for router in domain.routers]
    found = {}
    for router in (*own, *of_domains):
        for route in router.routes:
            if isinstance(route, APIRoute):
                found[(route.path, *sorted(route.methods))] = route
    return list(found.values())
