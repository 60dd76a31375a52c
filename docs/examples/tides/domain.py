"""What tides declare."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain, Job, NoticeKind, Page, Tick, Timetable
from nightcrew.tides import routes, work
from nightcrew.tides.service import KIND

DOMAIN = Domain(
    name="tides",
    title="Tides",
    settings=work.TideSettings,
    migrations=Path(__file__).parent / "migrations",
    templates=Path(__file__).parent / "templates",
    ticks=(Tick("tides.look", work.look, every=1.0, promise=60.0, help="Asks for the harbours that are due."),),
    jobs=(Job("tides.report", work.report, help="Writes all levels into a file."),),
    timetables=(Timetable("tides.daily", cron="0 6 * * *", job="tides.report", promise=50 * 3600),),
    connections=(KIND,),
    routers=(routes.router, routes.pages),
    pages=(Page("/tides", "Tides"),),
    activity={"tide.": "Tides"},
    notices=(NoticeKind("tide.flood", "needs", "There is a flood", "floods"),),
    needs=work.needs,
    metrics=work.metrics,
)
