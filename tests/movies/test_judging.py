"""Which source of a film is best: replaced only by a gain, what was checked first, and by the profile that is in use."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from nightcrew.kernel.errors import NeedsUser
from nightcrew.movies import standing
from nightcrew.movies.quality import profile_actions, taste
from nightcrew.movies.releases.names import read
from nightcrew.movies.releases.profile import PRESETS
from nightcrew.movies.sources import actions as source_actions
from nightcrew.movies.sources import judging
from nightcrew.movies.sources.models import SourceState
from nightcrew.movies.store import profiles, sources
from reels import Reels
from support import until

ONE, TWO, THREE = (hashlib.sha1(name).hexdigest() for name in (b"one", b"two", b"three"))
GOOD, FAIR = "Big.Buck.Bunny.2008.1080p.BluRay.x264-DEMO", "Big.Buck.Bunny.2008.720p.WEBRip.x264-DEMO"


def named(name: str) -> dict[str, Any]:
    return {"title": name, "release": judging.stored(read(name)), "size": 600_000_000 if name == GOOD else 160_000_000}


async def best(reel: Reels, film: int) -> int | None:
    await judging.choose(reel.node, [film])
    return (await reel.entry(film)).best_id


async def test_the_best_is_replaced_only_by_a_gain(reel: Reels) -> None:
    film = await reel.film()
    (fair,) = await reel.add(film, [ONE], **named(FAIR))
    assert await best(reel, film) == fair
    (same,) = await reel.add(film, [TWO], **named(FAIR))
    assert await best(reel, film) == fair
    await reel.change(same, seeds=1, counted_at=(await reel.entry(film)).added_at)
    assert await best(reel, film) == fair
    (good,) = await reel.add(film, [THREE], **named(GOOD))
    assert await best(reel, film) == good
    kinds = [len(await reel.told(kind)) for kind in ("movie.source_found", "movie.source_better")]
    assert kinds == [1, 1]


async def test_what_was_checked_comes_before_what_has_a_magnet_alone(small_reel: Reels) -> None:
    film = await small_reel.film()
    await small_reel.add(film, [ONE], state=SourceState.UNREAD, **named(GOOD))
    magnet = await best(small_reel, film)
    assert magnet is not None, "better than nothing"
    (checked,) = await small_reel.add(film, [TWO], **named(FAIR))
    assert await best(small_reel, film) == checked


async def test_what_is_not_checked_or_over_is_never_the_best(small_reel: Reels) -> None:
    film = await small_reel.film()
    for number, state in enumerate(set(SourceState) - {SourceState.VERIFIED, SourceState.UNREAD}):
        await small_reel.add(film, [hashlib.sha1(bytes([number])).hexdigest()], state=state, **named(GOOD))
    assert await best(small_reel, film) is None


async def test_nodes_that_choose_at_once_agree(reel: Reels) -> None:
    film = await reel.film()
    await reel.add(film, [ONE], **named(FAIR))
    (good,) = await reel.add(film, [TWO], **named(GOOD))
    await asyncio.gather(*(judging.choose(reel.node, [film]) for _ in range(4)))
    assert (await reel.entry(film)).best_id == good
    assert len(await reel.told("movie.source_found")) == 1


async def test_a_choice_by_what_is_older_is_made_again(small_reel: Reels, monkeypatch: pytest.MonkeyPatch) -> None:
    film = await small_reel.film()
    (fair,) = await small_reel.add(film, [ONE], **named(FAIR))
    real, late = sources.of_movie, [True]

    async def slow(store: Any, movie_id: int) -> Any:
        rows = await real(store, movie_id)
        if late:
            late.clear()
            await small_reel.add(film, [TWO], **named(GOOD))
            await judging.choose(small_reel.node, [film])  # by another node, which knows more
        return rows

    monkeypatch.setattr(sources, "of_movie", slow)
    await judging.choose(small_reel.node, [film])
    chosen = await sources.get(small_reel.node.store, (await small_reel.entry(film)).best_id or 0)
    assert chosen.title == GOOD
    assert chosen.id != fair


async def test_what_is_refused_while_it_is_chosen_does_not_become_the_best(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = await small_reel.film()
    (one,) = await small_reel.add(film, [ONE], **named(GOOD))
    real, late = sources.of_movie, [True]

    async def slow(store: Any, movie_id: int) -> Any:
        rows = await real(store, movie_id)
        if late:
            late.clear()
            await source_actions.refuse(small_reel.node, one, actor="test")
        return rows

    monkeypatch.setattr(sources, "of_movie", slow)
    assert await best(small_reel, film) is None


async def test_another_profile_scores_all_sources_anew(reel: Reels) -> None:
    await reel.do_jobs()
    film = await reel.film()
    await reel.add(film, [ONE, TWO], **named(GOOD))
    await best(reel, film)
    before = {one.id: (one.score, one.unfit) for one in await reel.sources(film)}
    assert "Small" in PRESETS
    await reel.node.settings.change(reel.node.store, {"movies.quality_profile": "Small"}, actor="test")

    async def anew() -> bool:
        rows = await reel.sources(film)
        return all((one.score, one.unfit) != before[one.id] for one in rows)

    await until(anew, 10)


async def test_a_profile_that_is_changed_while_it_is_in_use_scores_all_sources_anew(small_reel: Reels) -> None:
    await small_reel.do_jobs()
    node = small_reel.node
    film = await small_reel.film()
    await small_reel.add(film, [ONE], **named(GOOD))
    await profile_actions.put(node, "Mine", PRESETS["HD"], actor="test")
    await node.settings.change(node.store, {"movies.quality_profile": "Mine"}, actor="test")
    assert await best(small_reel, film) is not None
    formats = [
        {
            "name": "Demo group",
            "specifications": [
                {
                    "name": "Demo",
                    "implementation": "ReleaseGroupSpecification",
                    "negate": False,
                    "required": False,
                    "fields": {"value": "^DEMO$"},
                }
            ],
        }
    ]
    taken, refused = await profile_actions.add_formats(node, "Mine", formats, {"Demo group": 500}, actor="test")
    assert (taken, refused) == (["Demo group"], [])

    async def told() -> bool:
        (one,) = await small_reel.sources(film)
        return any("Demo group" in str(part) for part in one.parts)

    await until(told, 10)


async def test_a_broken_profile_is_a_need_and_holds_back_nothing_else(small_reel: Reels) -> None:
    node = small_reel.node
    film = await small_reel.film()
    small_reel.share(ONE, 12)
    await small_reel.add(film, [ONE], [small_reel.tracker.udp], **named(GOOD))
    kept = await best(small_reel, film)
    await profiles.put(node.store, "Mine", {"profile": {"surely": "not"}, "formats": []})
    await node.settings.change(node.store, {"movies.quality_profile": "Mine"}, actor="test")
    with pytest.raises(NeedsUser):
        await taste.in_use(node)
    assert [need.level for need in await standing.needs(node) if need.key == "movies.profile"] == ["error"]
    await small_reel.count()
    (one,) = await small_reel.sources(film)
    assert (one.seeds, one.stats_holder) == (12, None)
    assert (await small_reel.entry(film)).best_id == kept
    await node.settings.change(node.store, {"movies.quality_profile": "HD"}, actor="test")
    assert not [need for need in await standing.needs(node) if need.key == "movies.profile"]
