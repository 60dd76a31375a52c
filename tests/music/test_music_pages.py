"""The pages of music: what they show, what their forms say, and what their buttons do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nightcrew.music.models import WantedState
from support import until

GREENSLEEVES = ("Harbour Ensemble", "Greensleeves", 14.0)
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def page(shop: Any, path: str) -> str:
    answer = await shop.node.http.get(path)
    assert answer.status_code == 200, answer.text[:300]
    return str(answer.text)


async def test_the_page_shows_what_is_wanted_fetched_and_there(shop: Any) -> None:
    number = await shop.want(*GREENSLEEVES)
    missing = await shop.want("The Missing", "Nobody Knows It")
    await shop.stands(number, WantedState.OWNED)
    await shop.stands(missing, WantedState.MISSING)

    async def counted() -> bool:  # a moment after it is told
        return re.search(r"1 track on 1 album of 1 artist,", await page(shop, "/music")) is not None

    await until(counted)
    text = await page(shop, "/music")
    assert "Nobody Knows It" in text and "No peer shares it now." in text
    assert 'action="/music/downloads/1/reject"' not in text, "a deletion is asked for first"
    owned = await page(shop, "/music?show=owned")
    assert "Greensleeves" in owned and "in the library" in owned
    assert "No matches." in await page(shop, "/music?q=nothing+like+it")
    assert "Only those that By hand wants." in await page(shop, "/music?show=owned&source=hand")
    track = await page(shop, f"/music/tracks/{number}")
    assert "It is another version (live)." in track and "Harbour Ensemble/Greensleeves.flac" in track
    for part in ("downloads", "library", "run", "wanted", f"tracks/{number}"):
        await page(shop, f"/fragments/music/{part}")


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("/music", "artist=+&title=X", "Artist"),
        ("/music/lists", "name=Mine&text=nonsense", "no track that can be read"),
        ("/music/lists", "name=&text=A+-+B", "Name of the list"),
    ],
)
async def test_what_is_wrong_stands_in_the_form(shop: Any, path: str, form: str, said: str) -> None:
    answer = await shop.node.http.post(path, content=form, headers={**FORM, "hx-request": "true"})
    assert answer.status_code == 422
    assert said in answer.text and 'class="error"' in answer.text


async def test_forms_and_buttons_do_what_they_say(shop: Any) -> None:
    shop.network.connected = False
    answer = await shop.node.http.post("/music", content="artist=A&title=B&album=", headers=FORM)
    assert answer.status_code == 303
    answer = await shop.node.http.post("/music/lists", content="name=Mine&text=C+-+D%0Aoops", headers=FORM)
    assert answer.status_code == 303
    assert {one["title"] for one in (await shop.node.get("/api/v1/music/wanted"))["items"]} == {"B", "D"}
    for action, state in (("ignore", "ignored"), ("want", "missing")):
        await shop.node.http.post(f"/music/tracks/1/{action}", headers=FORM)
        assert (await shop.detail(1))["track"]["state"] in {state, "searching"}
    dry = await page(shop, "/music/autosync")
    assert "would be searched for" in dry
    await shop.node.http.post("/music/tracks/1/remove", headers=FORM)
    assert (await shop.node.http.get("/music/tracks/1")).status_code == 404


async def test_the_wrong_song_is_asked_for_before_it_goes(shop: Any) -> None:
    number = await shop.want(*GREENSLEEVES)
    await shop.stands(number, WantedState.OWNED)
    (row,) = (await shop.detail(number))["downloads"]
    asked = await page(shop, f"/music/downloads/{row['id']}/reject")
    assert row["library_path"] in asked and shop.library
    answer = await shop.node.http.post(f"/music/downloads/{row['id']}/reject", headers=FORM)
    assert answer.status_code == 303 and shop.library == []
    text = await page(shop, f"/music/tracks/{number}")
    assert "Choose another file" in text or "choose another file" in text
    offer = next(one for one in (await shop.detail(number))["offers"] if one["peer"] == "basement")
    await shop.node.http.post(f"/music/offers/{offer['id']}/choose", headers=FORM)
    await until(lambda: shop.library, 60.0)


async def test_a_name_from_a_stranger_is_text_and_no_markup(shop: Any) -> None:
    shop.network.connected = False
    await shop.want("<script>alert(1)</script>", "<img src=x onerror=alert(1)>")
    text = await page(shop, "/music")
    assert "<script>alert(1)" not in text and "<img src=x" not in text
    assert "&lt;img src=x" in text
