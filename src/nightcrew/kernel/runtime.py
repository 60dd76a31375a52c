"""The parts that a running Nightcrew consists of, handed to every tick, job and route."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from nightcrew.kernel.activity import Activity
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.events import Bus
from nightcrew.kernel.health import Health
from nightcrew.kernel.hooks import Hooks
from nightcrew.kernel.http import Http
from nightcrew.kernel.jobs import Jobs
from nightcrew.kernel.nodes import Nodes
from nightcrew.kernel.schedule import Schedule
from nightcrew.kernel.settings import Options, Settings, option
from nightcrew.kernel.slots import Slots
from nightcrew.kernel.store import Store
from nightcrew.kernel.vault import Vault
from nightcrew.kernel.wakes import Wakes

PartT = TypeVar("PartT")


class KernelSettings(Options):
    """Options that concern the whole program."""

    activity_days: int = option(90, ge=1, le=3650, unit="days", help="How long the activity feed is kept.")
    job_days: int = option(30, ge=1, le=3650, unit="days", help="How long finished jobs are kept.")
    notify_repeat: int = option(
        900,
        ge=0,
        le=86_400,
        unit="seconds",
        help="What was told is not told again within this time; then one message says how often it happened.",
    )
    heartbeat_interval: int = option(
        60,
        ge=10,
        le=86_400,
        unit="seconds",
        help="How often heartbeat addresses are called while every promise is kept.",
    )
    public_url: str = option(
        "",
        max_length=200,
        pattern=r"^(https?://[^\s?#]+)?$",
        help="The address under which players reach Nightcrew, such as https://tv.example.net. "
        "Empty: the address that the player asked.",
    )
    trusted_proxies: list[str] = option(
        [],
        max_length=20,
        help="Addresses or networks of reverse proxies in front of Nightcrew, such as 192.168.1.2. What they say of a client "
        "is believed: its address, and whether it uses HTTPS. Nobody else is believed.",
    )


@dataclass(slots=True)
class Runtime:
    """One node. Built by `app.py` alone; domains add their own parts by type."""

    node: str
    data_dir: Path
    store: Store
    settings: Settings
    activity: Activity
    bus: Bus
    http: Http
    vault: Vault
    jobs: Jobs
    schedule: Schedule
    health: Health
    slots: Slots
    nodes: Nodes
    wakes: Wakes
    hooks: Hooks
    address: str = "http://127.0.0.1:8780"
    _parts: dict[type, Any] = field(default_factory=dict)

    def add(self, part: object) -> None:
        """Keep a domain's own object for the life of this node."""
        self._parts[type(part)] = part

    def part(self, kind: type[PartT]) -> PartT:
        """The object that `add` was given. Raises `Retry` where its domain could not start."""
        if kind not in self._parts:
            raise Retry("this part of Nightcrew could not start; the first page says why")
        return cast("PartT", self._parts[kind])

    def base_url(self) -> str:
        """The address that is written into playlists on disk."""
        return (self.settings.of(KernelSettings).public_url or self.address).rstrip("/")
