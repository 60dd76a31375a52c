"""Music in a real browser: the demo's Spotify is connected on its own page, and every part of the page of music has rows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

import consent
from nightcrew.demo.grants import CLIENT_ID
from nightcrew.demo.world import MUSIC, World
from support import Node, running

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


async def test_spotify_is_connected_on_its_page_and_what_is_saved_is_wanted(
    node: Node, world: World, chromium: Browser
) -> None:
    context = await chromium.new_context(base_url=node.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = await context.new_page()
    page.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text))
    await page.goto("/connections")
    await page.get_by_role("link", name="Spotify").click()
    form = page.locator("#new-connection form")
    await form.get_by_label("Name").fill("Mine")
    await form.get_by_label("Client ID").fill(CLIENT_ID)
    await form.get_by_role("button", name="Connect").click()
    async with context.expect_page() as opened:
        await page.get_by_role("link", name="Open the service's page").click()
    spotify = await opened.value
    await expect(spotify.get_by_role("heading", name="Demo Spotify")).to_be_visible()
    await spotify.get_by_role("button", name="Agree").click()
    await expect(spotify.get_by_role("heading", name="Access granted")).to_be_visible()
    await spotify.get_by_role("link", name="Connections").last.click()
    await expect(spotify.get_by_text("Access granted")).to_be_visible()

    await page.goto("/music")
    await page.get_by_role("link", name="Fetch what is missing").click()
    await page.get_by_role("button", name="Fetch it now").click()
    await expect(page.locator("#tracks tr", has_text=world.wishes.saved[0].title).first).to_contain_text("Mine")
    await expect(page.locator("#run")).to_contain_text("Mine: 2 lists with")
    await expect(page.locator("#dialog")).to_be_hidden()
    if pictures := os.environ.get("PICTURES"):
        await page.screenshot(path=f"{pictures}/spotify-music.png", full_page=True)
        await spotify.screenshot(path=f"{pictures}/spotify-connections.png", full_page=True)
    await context.close()
    assert complaints == []
