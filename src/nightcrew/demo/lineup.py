"""What the invented providers offer. Tests change it, the servers show the change at the next request."""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import Literal

from .names import GROUPS, channel_name

Kind = Literal["m3u", "xtream", "catalogue"]
KINDS: tuple[Kind, ...] = ("m3u", "xtream", "catalogue")
REGIONS = ("DE", "AT", "CH")


@dataclass(frozen=True, slots=True)
class DemoChannel:
    """`guide_id` is empty for channels without a guide; `logo` is a path on the world's server."""

    id: str
    name: str
    group: str
    number: int
    logo: str
    guide_id: str
    kind: Kind
    region: str


@dataclass
class Lineup:
    """`channels` may be changed directly as well; ids have to stay unique."""

    channels: list[DemoChannel]
    generation: int = 0
    _hidden: list[list[tuple[int, DemoChannel]]] = field(default_factory=list)

    def of(self, kind: Kind, region: str | None = None) -> list[DemoChannel]:
        return [c for c in self.channels if c.kind == kind and region in {None, c.region}]

    def find(self, channel_id: str) -> DemoChannel | None:
        return next((c for c in self.channels if c.id == channel_id), None)

    def add(self, channel: DemoChannel) -> None:
        if self.find(channel.id):
            raise ValueError(f"cannot add channel {channel.id}: the id is taken")
        self.channels.append(channel)

    def remove(self, channel_id: str) -> None:
        self.channels.remove(self._existing(channel_id))

    def rename(self, channel_id: str, name: str) -> None:
        old = self._existing(channel_id)
        self.channels[self.channels.index(old)] = dataclasses.replace(old, name=name)

    def move_urls(self) -> None:
        """Change the token in every stream URL; catalogue URLs handed out before stop working."""
        self.generation += 1

    def token(self, channel_id: str) -> str:
        return hashlib.sha256(f"{self.generation}:{channel_id}".encode()).hexdigest()[:16]

    def shrink(self, kind: Kind, keep: float) -> None:
        """Hide all but the first `keep` (0-1, rounded) of the kind's channels."""
        if not 0 <= keep <= 1:
            raise ValueError(f"cannot keep {keep}: a share is between 0 and 1")
        mine = self.of(kind)
        gone = {c.id for c in mine[round(len(mine) * keep) :]}
        self._hidden.append([(i, c) for i, c in enumerate(self.channels) if c.id in gone])
        self.channels[:] = [c for c in self.channels if c.id not in gone]

    def restore(self) -> None:
        """Undo every `shrink`; other changes made in between stay."""
        while self._hidden:
            for index, channel in self._hidden.pop():
                self.channels.insert(index, channel)

    def _existing(self, channel_id: str) -> DemoChannel:
        channel = self.find(channel_id)
        if channel is None:
            raise KeyError(channel_id)
        return channel


def make_lineup(count: int) -> Lineup:
    """`count` channels of each kind. Catalogue channels take the regions in turn, so that a shrink hits all of them."""
    return Lineup([_make(kind, index, count) for kind in KINDS for index in range(count)])


def _make(kind: Kind, index: int, count: int) -> DemoChannel:
    serial = KINDS.index(kind) * count + index
    channel_id = {"m3u": f"m{index + 1:05d}", "xtream": f"{20001 + index}", "catalogue": f"c{index + 1:05d}"}[kind]
    region = {"m3u": "DE", "xtream": "AT", "catalogue": REGIONS[index % 3]}[kind]
    return DemoChannel(
        id=channel_id,
        name=channel_name(serial),
        group=GROUPS[serial % len(GROUPS)],
        number=index + 1,
        logo=f"/logos/{channel_id}.png",
        guide_id="" if index % 10 == 9 else f"{channel_id}.{region.lower()}.example",
        kind=kind,
        region=region,
    )
