"""What all servers of one world share."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .defects import Defects
from .downloads import Downloads
from .faults import Faults
from .grants import Grants
from .indexing import Indexers
from .lineup import Lineup
from .musiclib import MusicLibrary, Wishes
from .pictures import LoopPictures
from .signing import Signer
from .soulseek import Soulseek
from .tmdb_world import TmdbWorld
from .tracking import DemoTracker


@dataclass
class Scene:
    """`clock` gives seconds since 1970; the tests turn it to let tokens and URLs expire."""

    lineup: Lineup
    url: str = ""
    clock: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    counters: Counter[str] = field(default_factory=Counter)
    pictures: LoopPictures = field(default_factory=LoopPictures)
    defects: Defects = field(default_factory=Defects)
    signer: Signer = field(default_factory=Signer)
    soulseek: Soulseek = field(default_factory=Soulseek)
    library: MusicLibrary = field(default_factory=MusicLibrary)
    wishes: Wishes = field(default_factory=Wishes)
    grants: Grants = field(default_factory=Grants)
    tmdb: TmdbWorld = field(default_factory=TmdbWorld)
    indexers: Indexers = field(default_factory=Indexers)
    tracker: DemoTracker = field(default_factory=DemoTracker)
    downloads: Downloads = field(default_factory=Downloads)
    max_connections: int = 2
    open_streams: int = 0
    """Xtream .ts connections open now."""
