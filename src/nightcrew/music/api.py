"""JSON routes of the music domain: match, wanted tracks, offers, downloads, status."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.music import actions, autosync, rules, status
from nightcrew.music import answers as say
from nightcrew.music.match_answers import DecisionAnswer, MatchQuestion, of_decision
from nightcrew.music.matching.decision import decide
from nightcrew.music.models import DownloadState, TrackDownload, WantedEntry, WantedState
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import downloads, figures, listings, wanted
from nightcrew.music.store.listings import NewTrack
from nightcrew.web.answers import Items
from nightcrew.web.api import Cursor, Id, Limit, Node, number_cursor
from nightcrew.web.callers import Actor

router = APIRouter(prefix="/api/v1/music", tags=["music"])
Search = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.post("/match")
async def match(node: Node, question: MatchQuestion) -> DecisionAnswer:
    """Rank files by how likely each is the wanted recording, with the reasons. Nothing is stored or fetched."""
    threshold = node.settings.of(MusicSettings).matching_confidence_threshold
    made = await asyncio.to_thread(decide, question.track.wanted(), question.files(), threshold=threshold)
    return of_decision(question, made)


@router.get("/status")
async def get_status(node: Node) -> say.StatusAnswer:
    """How the workers stand, and the library, under the flat names that scripts know."""
    return say.StatusAnswer(await status.flat(node))


@router.post("/libraries/{place}/accept")
async def accept_library(node: Node, actor: Actor, place: Annotated[str, Path(max_length=120)]) -> say.AcceptedAnswer:
    """A library really has as little as it says: what is gone there is forgotten at the next look."""
    await actions.accept_library(node, plain(place), actor=actor)
    return say.AcceptedAnswer(library=place)


@router.post("/autosync", status_code=202)
async def start_autosync(node: Node, dry_run: bool = False) -> say.AutosyncAnswer:
    """Start a run, or join the one that goes on. A dry run says what it would search for, and fetches nothing."""
    if not dry_run:
        return say.AutosyncAnswer(job=await node.jobs.start(autosync.JOB))
    made = await autosync.plan(node)
    return say.AutosyncAnswer(
        job=None,
        search=[one.shown for one in made.search[:1000]],
        tracks=len(made.search),
        owned=made.owned,
        skipped=made.skipped,
        not_preferred=made.not_preferred,
        better=[f"{one.entry.shown} ({one.held.shown} now)" for one in made.better],
    )


@router.get("/runs")
async def list_runs(node: Node, limit: Limit = 10) -> Items[say.RunAnswer]:
    """The last runs of autosync, the newest first, each as a story."""
    return Items(items=[say.RunAnswer.of(one) for one in await figures.runs(node.store, limit)])


# -- wanted ------------------------------------------------------------------------------------------------------------


@router.get("/wanted")
async def list_wanted(
    node: Node,
    state: say.WantedStateName | None = None,
    source: Search = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Items[say.WantedRow]:
    """Wanted tracks, the newest first."""
    found = await wanted.page(
        node.store,
        states={WantedState(state)} if state else (),
        source=source,
        search=search,
        after=number_cursor(cursor),
        limit=limit,
    )
    following = str(found[-1].id) if len(found) == limit else None
    return Items(items=await _wanted(node, found), next=following)


@router.post("/wanted", status_code=201)
async def add_wanted(node: Node, actor: Actor, new: say.NewWantedTrack) -> say.WantedRow:
    """Want a track. It is searched for at once."""
    track = NewTrack(
        rules.key_of(new.title, new.artists[0]),
        plain(new.title),
        tuple(plain(name) for name in new.artists),
        rules.BY_HAND,
        plain(new.album),
        new.seconds,
        new.number,
        new.isrc.replace("-", "").upper(),
        new.mbid.lower(),
    )
    (row,) = await _wanted(node, [await actions.add(node, track, actor=actor)])
    return row


@router.post("/wanted/lists", status_code=201)
async def add_list(node: Node, actor: Actor, new: say.NewList) -> say.ListAnswer:
    """Want the tracks of a list: M3U, CSV as streaming services export it, or `Artist - Title` in each line."""
    taken, found = await actions.take_list(node, plain(new.name), new.text, whole=new.replace, actor=actor)
    return say.ListAnswer(
        tracks=taken.tracks,
        added=taken.added,
        gone=taken.gone,
        unread=found.unread,
        problems=[plain(one) for one in found.problems],
    )


@router.get("/wanted/{wanted_id}")
async def get_wanted(node: Node, wanted_id: Id) -> say.WantedDetail:
    """A wanted track, the files that are offered for it, and its downloads."""
    entry = await wanted.get(node.store, wanted_id)
    (row,) = await _wanted(node, [entry])
    found = await downloads.of_wanted(node.store, wanted_id)
    return say.WantedDetail(
        track=row,
        offers=say.of_offers(await actions.offered(node, wanted_id)),
        downloads=[say.DownloadRow.made(one, {entry.id: entry}) for one in found],
    )


@router.post("/wanted/{wanted_id}/{action}")
async def act_on_wanted(node: Node, actor: Actor, wanted_id: Id, action: actions.WantedAction) -> say.WantedRow:
    """Search for a track now, ignore it, want it again, or look for a better file than the one that is in the library."""
    (row,) = await _wanted(node, [await actions.act_on_wanted(node, wanted_id, action, actor=actor)])
    return row


@router.delete("/wanted/{wanted_id}", status_code=204)
async def remove_wanted(node: Node, actor: Actor, wanted_id: Id) -> None:
    """Want a track no longer. A file that is in the library stays."""
    await actions.remove(node, wanted_id, actor=actor)


# -- offers and downloads ----------------------------------------------------------------------------------------------


@router.post("/offers/{offer_id}/choose", status_code=201)
async def choose_offer(node: Node, actor: Actor, offer_id: Id) -> say.DownloadRow:
    """Fetch this file for its track, whatever the checks say of it."""
    (row,) = await _downloads(node, [await actions.choose(node, offer_id, actor=actor)])
    return row


@router.post("/offers/{offer_id}/reject")
async def reject_offer(node: Node, actor: Actor, offer_id: Id) -> say.OfferRow:
    """Never fetch this file for its track."""
    return say.OfferRow.of(await actions.reject_offer(node, offer_id, actor=actor))


@router.get("/downloads")
async def list_downloads(
    node: Node, state: say.DownloadStateName | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Items[say.DownloadRow]:
    """Downloads, the newest first."""
    states = {DownloadState(state)} if state else ()
    found = await downloads.page(node.store, states=states, before=number_cursor(cursor), limit=limit)
    following = str(found[-1].id) if len(found) == limit else None
    return Items(items=await _downloads(node, found), next=following)


@router.post("/downloads/{download_id}/{action}")
async def act_on_download(node: Node, actor: Actor, download_id: Id, action: actions.DownloadAction) -> say.DownloadRow:
    """Cancel a download, try it again, or say that its file is the wrong song: then it is removed and never fetched again."""
    (row,) = await _downloads(node, [await actions.act_on_download(node, download_id, action, actor=actor)])
    return row


async def _wanted(node: Runtime, rows: list[WantedEntry]) -> list[say.WantedRow]:
    known = await listings.of_tracks(node.store, [row.id for row in rows])
    return [say.WantedRow.made(row, known) for row in rows]


async def _downloads(node: Runtime, rows: list[TrackDownload]) -> list[say.DownloadRow]:
    tracks = await wanted.of_ids(node.store, {row.wanted_id for row in rows})
    return [say.DownloadRow.made(row, tracks) for row in rows]
