"""All routes of a node, so that a new one is attacked too."""

from __future__ import annotations

from fastapi.routing import APIRoute

from nightcrew.web import (
    access_page,
    api,
    connections_api,
    connections_page,
    docs_page,
    import_api,
    notify_api,
    notify_page,
    pages,
    settings_page,
)
from support import Node

_OWN = (
    access_page,
    api,
    connections_api,
    connections_page,
    docs_page,
    import_api,
    notify_api,
    notify_page,
    pages,
    settings_page,
)


def every_route(node: Node) -> list[APIRoute]:
    """By path and methods, each once."""
    of_domains = [router for domain in node.runtime.hooks.domains for router in domain.routers]
    found = {}
    for router in (*(module.router for module in _OWN), *of_domains):
        for route in router.routes:
            if isinstance(route, APIRoute):
                found[(route.path, *sorted(route.methods))] = route
    return list(found.values())
