"""Music in a real browser: the demo's Spotify is connected on its own page, and every part of the page of music has rows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

import consent
from nightcrew.demo.grants import CLIENT_ID
from nightcrew.demo.world import MUSIC, World
from nightcrew.music.models import WantedState
from nightcrew.music.store import wanted
from support import Node, running, until

from .test_browser import ARGUMENTS, CHROMIUM, WAIT_MS


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing, and CI must have it")
        pytest.skip(f"{CHROMIUM} is not here: apt-get install chromium")
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(live=False, services=MUSIC, streams=tmp_path / "world") as made:
        yield made


@pytest.fixture
async def node(tmp_path: Path, world: World) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=consent.at_world(world.url)) as made:
        yield made


@pytest.fixture
async def page(node: Node, chromium: Browser) -> AsyncIterator[Page]:
    """At the end the browser must have had nothing to complain about."""
    context = await chromium.new_context(base_url=node.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text))
    yield await context.new_page()
    await context.close()
    assert complaints == []


async def picture(page: Page, name: str) -> None:
    """For who wants to look at it: PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def test_spotify_is_connected_on_its_page_and_what_is_saved_is_wanted(world: World, page: Page) -> None:
    await page.goto("/connections")
    await page.get_by_role("link", name="Spotify").click()
    form = page.locator("#new-connection form")
    await form.get_by_label("Name").fill("Mine")
    await form.get_by_label("Client ID").fill(CLIENT_ID)
    await form.get_by_role("button", name="Connect").click()
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Open the service's page").click()
    spotify = await opened.value
    await expect(spotify.get_by_role("heading", name="Demo Spotify")).to_be_visible()
    await spotify.get_by_role("button", name="Agree").click()
    await expect(spotify.get_by_role("heading", name="Access granted")).to_be_visible()
    await spotify.get_by_role("link", name="Connections").last.click()
    await expect(spotify.get_by_text("Access granted")).to_be_visible()

    await page.goto("/music")
    await page.get_by_role("link", name="Fetch what is missing").click()
    await expect(page.get_by_role("dialog")).to_contain_text("The lists of Mine are read first")
    await page.get_by_role("button", name="Fetch now").click()
    await expect(page.locator("#tracks tr", has_text=world.wishes.saved[0].title).first).to_contain_text("Mine")
    await expect(page.locator("#run")).to_contain_text("Mine: 2 lists with")
    await expect(page.locator("#dialog")).to_be_hidden()
    await picture(page, "spotify-music")
    await picture(spotify, "spotify-connections")


async def test_every_part_of_music_has_rows(node: Node, world: World, page: Page) -> None:
    store = node.runtime.store
    world.soulseek.delay = 0.1
    for kind in ("jellyfin", "slskd"):
        await node.post("/api/v1/connections", world.services()[kind])
    numbers = {}
    for artist, title in (
        ("Harbour Ensemble", "Greensleeves"),
        ("The Missing", "Nobody Knows It"),
        ("Two Choirs", "Which One"),
        ("Die Nachtwächter", "Ännchen von Tharau"),
    ):
        body = {"title": title, "artists": [artist]}
        numbers[title] = (await node.post("/api/v1/music/wanted", body))["id"]
    await node.post("/api/v1/music/autosync")
    await page.goto("/music?show=owned")
    await expect(page.locator("#tracks")).to_contain_text("Greensleeves")
    await expect(page.locator("#tracks")).to_contain_text("Ännchen von Tharau")
    await page.goto("/music?show=missing")
    await expect(page.locator("#tracks")).to_contain_text("No peer shares it now.")

    async def searched() -> bool:
        return (await wanted.get(store, numbers["Which One"])).tried_at is not None

    await until(searched)
    said = "two recordings are equally likely"
    await wanted.move(store, numbers["Which One"], since=set(WantedState), state=WantedState.REVIEW, reason=said)
    await page.goto("/music?show=review")
    await expect(page.locator("#tracks")).to_contain_text("Two recordings are equally likely.")
    await picture(page, "music-review")
    await page.goto("/music")
    await expect(page.locator("#downloads tbody tr")).to_have_count(1)
    await expect(page.locator("#downloads")).to_contain_text("completed")
    await expect(page.locator("#library-part")).to_contain_text("2 tracks on")
    await expect(page.locator("#run")).to_contain_text("Demo jellyfin has 2 tracks.")
    await expect(page.locator("#run")).to_contain_text("Autosync: ")
    await picture(page, "music")
    await page.get_by_role("link", name="Fetch what is missing").click()
    await expect(page.get_by_role("dialog")).to_contain_text("would be searched for")
    await page.goto(f"/music/tracks/{numbers['Greensleeves']}")
    await expect(page.locator("#facts audio")).to_have_count(1)
    await expect(page.locator("#facts tr[id^=offer]").first).to_be_visible()
    await picture(page, "music-track")
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/music", f"/music/tracks/{numbers['Greensleeves']}"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
    await picture(page, "music-track-narrow")
