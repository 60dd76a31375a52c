"""Files beside a film that ask for something: a password, a codec, a player. Pure."""

from __future__ import annotations

import re

from nightcrew.movies.releases.words import fold, words
from nightcrew.movies.torrents import vocabulary
from nightcrew.movies.torrents.contents import ContentFile, FileKind, TorrentContents

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where "ToPlayThis" has its words."""


def password(held: TorrentContents, own: frozenset[str]) -> ContentFile | None:
    """A file that speaks of a password. `own`: words of the film's titles, which mean nothing."""
    return next((item for item in held.items if _is_password(item, own)), None)


def player(held: TorrentContents, own: frozenset[str]) -> ContentFile | None:
    """A note, page or archive that speaks of what is needed to play the film."""
    return next((item for item in held.items if _is_player(item, own)), None)


def _is_password(item: ContentFile, own: frozenset[str]) -> bool:
    said = _said(item.stem) - own
    around = said.union(*map(_said, item.folders)) - own
    if around & vocabulary.PASSWORDS or {"mot", "passe"} <= around or any("password" in word for word in around):
        return True
    if item.kind is FileKind.ARCHIVE and vocabulary.PASS_SIGN.search(item.stem):
        return True
    is_note = item.kind in {FileKind.TEXT, FileKind.PAGE, FileKind.OTHER} and item.ending != "nfo"
    return (
        is_note
        and bool(said & vocabulary.SHORT_PASSWORDS)
        and said <= vocabulary.SHORT_PASSWORDS | vocabulary.AROUND_PASSWORDS
    )


def _is_player(item: ContentFile, own: frozenset[str]) -> bool:
    is_picture = item.ending in vocabulary.PICTURES
    if item.ending == "nfo" or (
        item.kind not in {FileKind.TEXT, FileKind.PAGE, FileKind.ARCHIVE, FileKind.OTHER} and not is_picture
    ):
        return False
    said = _said(item.stem) - own
    if said & vocabulary.PLAYERS:
        return True
    if said & vocabulary.BENIGN:
        return False
    if item.kind is FileKind.PAGE and said & vocabulary.INVITES:
        return True
    if said & vocabulary.ASKS and said & vocabulary.WATCHES:
        return True
    if said & vocabulary.PROBLEMS and said & vocabulary.SUBJECTS:
        return True
    joined = "".join(one for one in fold(item.stem) if one.isalnum())
    return vocabulary.GLUED.search(joined) is not None


def _said(stem: str) -> frozenset[str]:
    return frozenset(words(_HUMP.sub(" ", stem)))
