"""The pages of the recordings domain."""

from __future__ import annotations

from fastapi import APIRouter

from nightcrew.web.render import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)
