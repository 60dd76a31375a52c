"""What people and scripts do with wanted tracks and downloads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.kernel.errors import Conflict, Invalid, NightcrewError
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted, plain
from nightcrew.music import beets, choosing, clients, fingerprints, library, lists, rules, servers, upgrades
from nightcrew.music.listening import Listeners
from nightcrew.music.models import OPEN, DownloadState, Offer, TrackDownload, WantedEntry, WantedState
from nightcrew.music.searching import SearchGate
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import better, downloads, listings, offers, wanted
from nightcrew.music.store import library as library_rows
from nightcrew.music.store.listings import NewTrack, Taken

WantedAction = Literal["search", "ignore", "want", "upgrade"]
DownloadAction = Literal["cancel", "retry", "reject"]
SAID: Mapping[WantedAction, str] = {
    "search": "is searched for",
    "ignore": "is ignored",
    "want": "is wanted again",
    "upgrade": "is in the library, and a better file is searched for",
}
HAND, BY_HAND = "hand", "By hand"
"""The source of what was asked for by hand, and its title."""
WRONG = "a person says that it is the wrong song"
AT_REST = frozenset({WantedState.OWNED, WantedState.MISSING, WantedState.REVIEW})
"""States of tracks that somebody wants, besides those that are at work."""


async def add(runtime: Runtime, track: NewTrack, *, actor: str) -> WantedEntry:
    """Want a track from now on. One that is wanted already is only listed once more."""
    await listings.take(runtime.store, HAND, BY_HAND, [track], whole=False, due=True)
    (entry,) = await wanted.of_keys(runtime.store, [track.key])
    said = f"{entry.shown} is wanted"
    await runtime.activity.record("wanted_added", said, actor=actor, subject=str(entry.id))
    runtime.bus.publish("music")
    return entry


async def _want_by_hand(connection: AsyncConnection, wanted_id: int) -> None:
    """A person asks for a track: where no list wants it any more, they do."""
    await listings.want_by(connection, wanted_id, HAND, BY_HAND, rules.BY_HAND)


async def take_list(runtime: Runtime, name: str, text: str, *, whole: bool, actor: str) -> tuple[Taken, lists.ReadList]:
    """Want the tracks of a list. `whole`: those that an earlier list of this name had besides lose its listing.

    Raises `Invalid` for one that cannot be read.
    """
    try:
        found = await asyncio.to_thread(lists.read, text)
    except ValueError as exc:
        raise Invalid(str(exc), field="text") from exc
    tracks = [as_new(one, rules.PLAYLIST) for one in found.tracks]
    taken = await listings.take(runtime.store, f"list:{name}"[:200], name, tracks, whole=whole, due=True)
    said = f"The list {name} has {counted(taken.tracks, 'track')}, {taken.added} new"
    await runtime.activity.record("wanted_list", said, actor=actor, subject=name[:200], unread=found.unread)
    runtime.bus.publish("music")
    return taken, found


def as_new(one: lists.ListedTrack, base: int) -> NewTrack:
    """A track of a list as a wanted one."""
    return NewTrack(
        rules.key_of(one.title, one.artists[0]),
        plain(one.title),
        tuple(plain(name) for name in one.artists),
        rules.priority_of(base, one.popularity),
        plain(one.album),
        one.seconds,
        one.number,
        one.isrc.replace("-", "").upper(),
        one.mbid.lower(),
        one.popularity,
    )


async def act_on_wanted(runtime: Runtime, wanted_id: int, action: WantedAction, *, actor: str) -> WantedEntry:
    """Search for a track now, ignore it, want it again, or look for a better file. Raises `NotFound`, `Conflict`."""
    entry = await wanted.get(runtime.store, wanted_id)
    if action == "upgrade":
        one = await upgrades.wanted_by_a_person(runtime, entry)
        async with runtime.store.write() as connection:
            await _want_by_hand(connection, entry.id)
            done = await better.begin(connection, entry.id, one.track.id, one.reason)
    elif action == "ignore":
        await _end_download(runtime, entry, "the track is ignored")
        done = await wanted.move(
            runtime.store, entry.id, since=tuple(WantedState), state=WantedState.IGNORED, reason=f"ignored by {actor}"
        )
    else:
        idle = {WantedState.MISSING, WantedState.IGNORED, WantedState.REVIEW, WantedState.UNLISTED}
        if entry.state not in idle:
            raise Conflict(f"{entry.shown} is {entry.state.value}")
        async with runtime.store.write() as connection:
            await _want_by_hand(connection, entry.id)
            done = await wanted.move_in(
                connection,
                entry.id,
                since=idle,
                state=WantedState.MISSING,
                reason="",
                failures=0,
                skips=0,
                search_step=0,
                searches=0,
                search_id=None,
                due_in=0.0,
            )
    runtime.part(SearchGate).open()
    if not done:
        raise Conflict(f"{entry.shown} has changed meanwhile; look at it again")
    said = SAID[action]
    await runtime.activity.record(f"wanted_{action}", f"{entry.shown} {said}", actor=actor, subject=str(entry.id))
    runtime.bus.publish("music")
    return await wanted.get(runtime.store, wanted_id)


async def remove(runtime: Runtime, wanted_id: int, *, actor: str) -> None:
    """Want a track no longer. Its file stays, when it has one. Raises `NotFound`."""
    entry = await wanted.get(runtime.store, wanted_id)
    await _end_download(runtime, entry, "the track is no longer wanted")
    async with runtime.store.write() as connection:
        await downloads.forget_of(connection, wanted_id)
        await offers.forget_of(connection, wanted_id)
        await library_rows.forget_refused(connection, wanted_id)
        await wanted.forget(connection, wanted_id)
    said = f"{entry.shown} is no longer wanted"
    await runtime.activity.record("wanted_removed", said, actor=actor, subject=str(wanted_id))
    runtime.bus.publish("music")


async def accept_library(runtime: Runtime, place: str, *, actor: str) -> None:
    """A library really has as little as it says, or with `library.GONE` tracks really are in none. Raises `NotFound`."""
    if place == library.GONE:
        lost = await library.accept_gone(runtime)
        said = f"{counted(lost, 'track')} that no library has {'is' if lost == 1 else 'are'} missing again"
        await runtime.activity.record("wanted_library", said, actor=actor, subject=place)
        runtime.bus.publish("music")
        return
    await servers.accept(runtime, place)
    said = f"{await servers.name_of(runtime, place)} may have fewer tracks than before"
    await runtime.activity.record("wanted_library", said, actor=actor, subject=place)
    await runtime.schedule.run_now("music.scan")


async def choose(runtime: Runtime, offer_id: int, *, actor: str) -> TrackDownload:
    """Fetch the file that a person has chosen: no check refuses it, and it takes the place of the one that is there, which is kept.

    Raises `NotFound`, `Conflict` while another one is fetched.
    """
    one = await offers.get(runtime.store, offer_id)
    entry = await wanted.get(runtime.store, one.wanted_id)
    replaces = await _in_place_of(runtime, entry)
    async with runtime.store.write() as connection:
        if await downloads.open_of(connection, entry.id) is not None:
            raise Conflict(f"a file for {entry.shown} is being downloaded; cancel that first")
        await _want_by_hand(connection, entry.id)
        await offers.pardon(connection, one)
        since = tuple(WantedState)
        number = await choosing.begin(connection, one, attempt=1, since=since, forced=True, **replaces)
    said = f"{entry.shown}: {one.path} from {one.peer} was chosen"
    await runtime.activity.record("download_chosen", said, actor=actor, subject=str(entry.id))
    runtime.bus.publish("music")
    return await downloads.get(runtime.store, number)


async def offered(runtime: Runtime, wanted_id: int) -> list[Offer]:
    """The files that are offered for a track, the best first."""
    rules = runtime.settings.of(MusicSettings).quality()
    return choosing.in_order(await offers.of_wanted(runtime.store, wanted_id), rules)


async def reject_offer(runtime: Runtime, offer_id: int, *, actor: str) -> Offer:
    """Never fetch this file for its track. Raises `NotFound`."""
    one = await offers.get(runtime.store, offer_id)
    async with runtime.store.write() as connection:
        await offers.condemn(connection, one.wanted_id, one.peer, one.path, WRONG, final=True)
    await _search_again(runtime, one.wanted_id)
    await runtime.activity.record("download_rejected", f"{one.path}: {WRONG}", actor=actor, subject=str(one.wanted_id))
    runtime.bus.publish("music")
    return await offers.get(runtime.store, offer_id)


async def _search_again(runtime: Runtime, wanted_id: int) -> None:
    """A track of which a person has refused all files is searched for again, and waits for nobody."""
    if any(one.accepted and not one.verdict for one in await offers.of_wanted(runtime.store, wanted_id)):
        return
    reason = "all files that may be it were rejected"
    since = {WantedState.REVIEW}
    await wanted.move(runtime.store, wanted_id, since=since, state=WantedState.MISSING, reason=reason, due_in=0.0)


async def act_on_download(runtime: Runtime, download_id: int, action: DownloadAction, *, actor: str) -> TrackDownload:
    """Cancel a download, try it again, or say that its file is the wrong song. Raises `NotFound`, `Conflict`."""
    row = await downloads.get(runtime.store, download_id)
    if action == "cancel":
        await _cancel(runtime, row, f"cancelled by {actor}")
        await _without_download(runtime, row.wanted_id)
    elif action == "retry":
        await _retry(runtime, row)
    else:
        await _reject(runtime, row)
    said = {"cancel": "was cancelled", "retry": "is tried again", "reject": "was rejected: it is the wrong song"}[
        action
    ]
    name = row.path.replace("\\", "/").rpartition("/")[2]
    await runtime.activity.record(f"download_{action}", f"{name} {said}", actor=actor, subject=str(row.wanted_id))
    runtime.bus.publish("music")
    return await downloads.get(runtime.store, download_id)


async def _without_download(runtime: Runtime, wanted_id: int) -> None:
    """A person has cancelled what was fetched: the track waits for them, or is owned as before when that was a better file."""
    entry = (await wanted.of_ids(runtime.store, [wanted_id])).get(wanted_id)
    if entry is not None and entry.replaces is not None:
        await upgrades.give_up(runtime, entry, "cancelled")
        return
    since, state = {WantedState.DOWNLOADING}, WantedState.MISSING
    await wanted.move(runtime.store, wanted_id, since=since, state=state, reason="cancelled")


async def _end_download(runtime: Runtime, entry: WantedEntry, reason: str) -> None:
    async with runtime.store.read() as connection:
        row = await downloads.open_of(connection, entry.id)
    if row is not None:
        await _cancel(runtime, row, reason)


async def _cancel(runtime: Runtime, row: TrackDownload, reason: str) -> None:
    """End it here first, then at slskd, as far as that can be reached."""
    async with runtime.store.write() as connection:
        if not await downloads.change_state(connection, row, DownloadState.CANCELLED, reason):
            raise Conflict("the download has changed meanwhile; look at it again")
    if row.state is DownloadState.RUNNING:
        with contextlib.suppress(NightcrewError):
            await clients.call_off(await clients.client_of(runtime, row.connection_id), row, row.remote_id)


async def _retry(runtime: Runtime, row: TrackDownload) -> None:
    replaces = await _in_place_of(runtime, await wanted.get(runtime.store, row.wanted_id))
    async with runtime.store.write() as connection:
        if await downloads.open_of(connection, row.wanted_id) is not None:
            raise Conflict("another file for this track is being downloaded")
        await _want_by_hand(connection, row.wanted_id)
        await offers.pardon_file(connection, row.wanted_id, row.peer, row.path)
        await downloads.requeue(connection, row)
        since, state = tuple(WantedState), WantedState.DOWNLOADING
        await wanted.move_in(connection, row.wanted_id, since=since, state=state, reason="", **replaces)


async def _in_place_of(runtime: Runtime, entry: WantedEntry) -> dict[str, int]:
    """What a track says for which a file is fetched though one is there: it takes its place."""
    there = await upgrades.file_of(runtime, entry)
    return {"replaces": there.id} if there is not None else {}


async def _reject(runtime: Runtime, row: TrackDownload) -> None:
    """The wrong song: what we have put into the library goes, its file is never fetched again for this track, and the rest is offered.

    Of a download that has come to nothing only the file is remembered: how its track stands has nothing to do with it. It may be said
    again where it was interrupted. Raises `Conflict`, and what beets does, when the file cannot be removed.
    """
    entry = await wanted.get(runtime.store, row.wanted_id)
    if row.state in OPEN:
        await _cancel(runtime, row, WRONG)
        if entry.replaces is not None:  # what is there is another file, and stays
            async with runtime.store.write() as connection:
                await _condemn(connection, row, "")
            await upgrades.give_up(runtime, entry, "the wrong song came")
            return
    elif row.state is DownloadState.COMPLETED:
        await _reject_imported(runtime, row, entry)
        return
    state, reason = await _after_rejecting(runtime, row)
    async with runtime.store.write() as connection:
        await _condemn(connection, row, "")
        if row.state in OPEN:
            await wanted.move_in(connection, entry.id, since={WantedState.DOWNLOADING}, state=state, reason=reason)
    await _search_again(runtime, entry.id)


async def _reject_imported(runtime: Runtime, row: TrackDownload, entry: WantedEntry) -> None:
    """As `_reject`, of a file that is in the library. What a person has chosen in its place meanwhile goes on."""
    chosen = await _other_chosen(runtime, entry)
    if not chosen:
        await _end_download(runtime, entry, "its track is another song")
    if await _is_put_back(runtime, row):
        return
    sound, root = await _sound_of(runtime, row), library.root_of(runtime)
    if runtime.settings.of(MusicSettings).beets_program:
        await beets.remove(runtime, row, root)
    else:
        await asyncio.to_thread(_remove_ours, row, root)
    state, reason = await _after_rejecting(runtime, row)
    async with runtime.store.write() as connection:
        await _condemn(connection, row, sound)
        await downloads.change_state(connection, row, DownloadState.FAILED, WRONG)
        place, path = library.place_of(runtime), Path(row.library_path)
        key = library.key_of(runtime, path) if path.is_relative_to(root) else ""
        others = await library_rows.refuse_fetched(connection, entry.id, place, key)
        if not others:
            since = wanted.AT_WORK if chosen else AT_REST | wanted.AT_WORK
            fresh = {"search_id": None, "search_sent": False, "replaces": None, "better_at": None}
            changed = {} if chosen else {"state": state, "reason": reason}
            await wanted.move_in(connection, entry.id, since=since, **fresh, **changed)
    await _search_again(runtime, entry.id)


async def _other_chosen(runtime: Runtime, entry: WantedEntry) -> bool:
    """Whether a file is being fetched that a person has chosen."""
    async with runtime.store.read() as connection:
        one = await downloads.open_of(connection, entry.id)
    return one is not None and one.forced


async def _after_rejecting(runtime: Runtime, row: TrackDownload) -> tuple[WantedState, str]:
    """How a track stands without this file, and why."""
    for one in await offers.of_wanted(runtime.store, row.wanted_id):
        if one.accepted and not one.verdict and (one.peer, one.path) != (row.peer, row.path):
            return WantedState.REVIEW, "the wrong song came; choose another file"
    return WantedState.MISSING, "the wrong song came, and no other file is known"


async def _is_put_back(runtime: Runtime, row: TrackDownload) -> bool:
    """Whether the file is there again that a better one has replaced: then the track is owned as before, by that file.

    How the wrong one sounds is not remembered: it was like the one that is there.
    """
    back = await upgrades.put_back(runtime, row) if row.replaced else None
    if back is None:
        return False
    async with runtime.store.write() as connection:
        await _condemn(connection, row, "")
        await downloads.change_state(connection, row, DownloadState.FAILED, WRONG)
        since, reason = AT_REST | wanted.AT_WORK, f"{back.name} is back: the better file was the wrong song"
        await wanted.move_in(connection, row.wanted_id, since=since, state=WantedState.OWNED, reason=reason)
    return True


async def _condemn(connection: AsyncConnection, row: TrackDownload, sound: str) -> None:
    """Never fetch this file again, nor another peer's copy that sounds like it."""
    await offers.condemn(connection, row.wanted_id, row.peer, row.path, WRONG, final=True)
    if sound:
        await offers.note_wrong_sound(connection, row.wanted_id, row.peer, row.path, sound)


async def _sound_of(runtime: Runtime, row: TrackDownload) -> str:
    """The fingerprint of a file in the library, as it is stored; empty where there is none."""
    path, root = Path(row.library_path), library.root_of(runtime)
    if not row.library_path or not path.is_relative_to(root):
        return ""
    with contextlib.suppress(NightcrewError):
        return fingerprints.packed((await runtime.part(Listeners).fingerprint(path)).words)
    return ""


def _remove_ours(row: TrackDownload, root: Path) -> None:
    """Remove the file that we have put into the library, and folders that become empty. One that is gone already is gone.

    Raises `Conflict` for a file that has changed since.
    """
    path = Path(row.library_path)
    if not row.library_path:
        raise Conflict("another file has taken the place of this one in the library; say it of that one")
    if not path.is_relative_to(root):
        raise Conflict(f"{path} is not in the library {root} of this machine; remove it there")
    try:
        if path.stat().st_size != row.size:
            raise Conflict(f"{path} has changed since it was put there; remove it yourself, then say it again")
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as exc:
        raise Conflict(f"{path} cannot be removed: {exc.strerror}") from exc
    with contextlib.suppress(OSError):
        for folder in list(path.relative_to(root).parents)[:-1]:
            (root / folder).rmdir()
