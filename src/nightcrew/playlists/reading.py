"""From what a list says to the rows that are compared with what is stored. What was read before, word for word, is not read again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial

from nightcrew.kernel.errors import Retry
from nightcrew.playlists import known as knowing
from nightcrew.playlists.formats.m3u import ENTRY, Reader
from nightcrew.playlists.guide_matching import later_by
from nightcrew.playlists.identity import Identifier
from nightcrew.playlists.known import LEFT_OUT, NOTHING, KnownPieces, Mark
from nightcrew.playlists.picking import Picks
from nightcrew.playlists.providers.base import NO_CHANNELS, Listing, Text, check_size
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store.staging import Row, SaidEntry, row_of


class ListReading:
    """One list, read in order. `later`: minutes by which its programmes are later than it says."""

    def __init__(self, picks: Picks, later: int, secrets: Sequence[str], known: KnownPieces | None = None) -> None:
        self.entries = 0
        """How many there were, with those that are left out."""
        self._picks = picks
        self._all = not picks.key
        self._later = later
        self._shifted = later_by(later)
        self._secrets = secrets
        self._known = known or KnownPieces()
        self._identifier = Identifier()
        self._rows = 0
        self._for_all: Mapping[str, str] | None = None
        self._digest: Callable[[bytes], bytes] | None = None

    async def rows(self, listing: Listing, most: int) -> AsyncIterator[list[Row]]:
        """Its rows, some at a time, made in a thread. Raises `GiveUp` beyond `most` entries, and as the listing does."""
        if listing.text is None:
            async for batch in listing.batches:
                yield await asyncio.to_thread(self._of_entries, batch)
            return
        async for pieces in listing.text.batches():
            found = await asyncio.to_thread(self._of_text, listing.text, pieces)
            check_size(self.entries, most)
            yield found
        if not self.entries:
            raise Retry(NO_CHANNELS)

    def _of_entries(self, entries: Iterable[ListEntry]) -> list[Row]:
        found = list[Row]()
        for entry in entries:
            self._add(entry, found)
        return found

    def _of_text(self, text: Text, pieces: Sequence[bytes]) -> list[Row]:
        """Runs for each piece of a long list, so that what is done twice here is felt."""
        found, reader = list[Row](), text.reader
        find, is_first, add, said_by = self._known.find, self._identifier.is_first, found.append, self._said_by
        digest, for_all = self._digest, reader.header.attributes
        for piece in pieces:
            told = digest(piece) if digest and reader.is_between and piece.startswith(ENTRY) else b""
            mark = find(told) if told else None
            if mark is not None:
                alike, row_hash, name = mark
                if alike == LEFT_OUT:
                    self.entries += 1
                    continue
                if is_first(alike):
                    self.entries += 1
                    add(Row(self._rows, alike, row_hash, name, partial(said_by, reader, piece, for_all)))
                    self._rows += 1
                    continue
            marks = [self._add(entry, found) for entry in reader.entries(piece)]
            if told and mark is None and len(marks) == 1 and reader.is_between and reader.header.attributes is for_all:
                self._known.learn(told, marks[0])
            digest, for_all = self._digest_for(text), reader.header.attributes
        return found

    def _digest_for(self, text: Text) -> Callable[[bytes], bytes]:
        """What pieces are known by: what the header says of all entries decides what they say."""
        for_all = text.reader.header.attributes
        if self._digest is None or for_all is not self._for_all:
            self._for_all = for_all
            parts = (text.context, self._picks.key, self._later, sorted(for_all.items()))
            self._digest = knowing.digester(*parts)
        return self._digest

    def _add(self, entry: ListEntry, rows: list[Row]) -> Mark:
        self.entries += 1
        if not (self._all or self._picks.keeps(entry)):
            return NOTHING
        row, alike = self._row(self._shifted(entry))
        rows.append(row)
        return alike, row.hash, row.name

    def _row(self, entry: ListEntry) -> tuple[Row, bytes]:
        identity = self._identifier.identify(entry)
        row = row_of(self._rows, entry, identity, self._secrets)
        self._rows += 1
        return row, identity.alike

    def _said_by(self, reader: Reader, piece: bytes, for_all: dict[str, str]) -> SaidEntry:
        """What a known piece says in full."""
        (entry,) = reader.alone(piece, for_all)
        return SaidEntry.of(self._shifted(entry), self._secrets)
