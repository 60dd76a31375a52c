"""The commands about movies and shows."""

from __future__ import annotations

from nightcrew.client import named
from nightcrew.kernel.commands import CommandGroup, Commands
from nightcrew.movies.catalogue import commands as catalogue_commands
from nightcrew.movies.handover import commands as handover_commands
from nightcrew.movies.quality import commands as quality_commands
from nightcrew.movies.sources import commands as source_commands
from nightcrew.movies.sources import indexer_commands

_MOVIES = (
    *catalogue_commands.MOVIES,
    *named("movies", vars(source_commands)),
    *named("movies", vars(quality_commands)),
    *named("movies", vars(handover_commands)),
)
_INDEXERS = CommandGroup("indexer", "Indexers that are asked for sources", named("indexer", vars(indexer_commands)))
COMMANDS = Commands(
    groups=(
        CommandGroup("movies", "Movies and their sources", _MOVIES, (_INDEXERS,)),
        catalogue_commands.SHOWS,
        catalogue_commands.LISTS,
    )
)
