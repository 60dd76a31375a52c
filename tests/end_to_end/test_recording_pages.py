"""The recordings' pages in a real browser: what grows is played while it grows, and the page follows what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from counted import LONG, Counted
from counter import Film
from darkroom import finish, finished, record, seconds
from support import Node

from .test_browser import ARGUMENTS, CHROMIUM, WAIT_MS


@dataclass
class Window:
    """A page of a browser, and all that the browser has complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def played(self, least: float) -> float:
        """Wait until the film has come so far; returns where it is."""
        at = 0.0
        async with asyncio.timeout(WAIT_MS / 1000):
            while at < least:
                await asyncio.sleep(0.1)
                at = float(await self.page.evaluate("document.querySelector('video').currentTime"))
        return at

    def listen(self) -> None:
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("response", lambda answer: answer.status >= 400 and self.complaints.append(answer.url))

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning", "assert"}:
            self.complaints.append(text)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not here: apt-get install chromium")
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def window(node: Node, chromium: Browser) -> AsyncIterator[Window]:
    """At the end the browser must have had nothing to complain about."""
    context = await chromium.new_context(base_url=node.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    opened = Window(await context.new_page())
    opened.listen()
    yield opened
    await context.close()
    assert opened.complaints == []


async def test_a_recording_is_begun_watched_while_it_grows_finished_and_deleted(
    node: Node, window: Window, film: Film
) -> None:
    page = window.page
    async with Counted(film, window=8, keeps=LONG) as source:
        await page.goto("/recordings")
        await page.evaluate("window.sameDocument = true")
        form = page.locator("form[action='/recordings']")
        await form.get_by_label("Address").fill(source.url)
        await form.get_by_label("Name").fill("Film <i>")
        await form.get_by_role("button", name="Record").click()
        row = page.locator("#now tr", has_text="Film <i>")
        await expect(row.locator(".pill")).to_have_text("recording")
        await expect(row.locator("td[data-label=Size]")).to_contain_text("kB")
        assert await page.evaluate("window.sameDocument") is True
        number = (await node.get("/api/v1/recordings"))["items"][0]["id"]
        await seconds(node, number, 8)

        await row.get_by_role("link", name="Film <i>").click()
        await page.get_by_role("button", name="Play from the beginning").click()
        before = await window.played(2)
        assert await page.evaluate("document.querySelector('video').videoWidth") > 0
        await page.get_by_role("button", name="New part").click()
        await expect(page.locator(".timeline .part")).to_have_count(2)
        await window.played(before + 1)

        await page.get_by_role("button", name="Stop").click()
        await finished(node, number)
        await expect(page.locator("#recording .pill").first).to_have_text("done")
    await page.goto(f"/recordings/{number}")
    await page.evaluate("document.querySelector('video').play()")
    await window.played(1)

    await page.get_by_role("link", name="Delete …").click()
    await expect(page.get_by_role("dialog", name="Delete Film <i>?")).to_contain_text("This frees")
    await page.get_by_role("button", name="Delete the recording").click()
    await expect(page.locator("#films")).to_contain_text("No finished recordings yet.")


async def test_the_page_of_one_that_waits_gets_its_player_when_there_is_something_to_play(
    node: Node, window: Window, film: Film
) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        source.offline = True
        row = await record(node, source.url)
        await window.page.goto(f"/recordings/{row['id']}")
        await expect(window.page.locator("#recording .pill").first).to_have_text("waiting")
        await expect(window.page.locator("video")).to_have_count(0)
        source.offline = False
        await window.page.get_by_role("button", name="Play live").click()
        await window.played(await window.played(0.1) + 1)


async def test_a_stream_is_watched_and_a_wrong_window_is_told(node: Node, window: Window) -> None:
    page = window.page
    await page.goto("/recordings")
    form = page.locator("form[action='/recordings/watches']")
    await form.get_by_label("Address").fill("http://127.0.0.1:9/live.m3u8")
    await form.get_by_label("Name").fill("Owl cam")
    await form.get_by_label("When").fill("someday")
    await form.get_by_role("button", name="Watch", exact=True).click()
    await expect(form.locator("#watch-windows-error")).to_contain_text("is not a time window")
    await form.get_by_label("When").fill("2031-12-31 20:00-23:30")
    await form.get_by_role("button", name="Watch", exact=True).click()
    row = page.locator("#watched tr", has_text="Owl cam")
    await expect(row.locator("code")).to_have_text("2031-12-31 20:00-23:30")
    await row.get_by_role("button", name="Switch off").click()
    await expect(row.locator(".pill")).to_have_text("off")
    await row.get_by_role("link", name="Remove …").click()
    await page.get_by_role("button", name="Stop watching").click()
    await expect(page.locator("#watched")).to_contain_text("No watched streams yet.")
    await expect(page.locator("#dialog")).to_be_empty()
    window.complaints = [said for said in window.complaints if "422" not in said and not said.endswith("/watches")]


async def test_who_opened_the_page_before_the_end_plays_the_finished_file(
    node: Node, window: Window, film: Film
) -> None:
    async with Counted(film, window=8, keeps=LONG) as source:
        row = await record(node, source.url)
        await seconds(node, row["id"], 6)
        await window.page.goto(f"/recordings/{row['id']}")
        await finish(node, row["id"])
    await window.page.get_by_role("button", name="Play from the beginning").click()
    await window.played(1)
    assert (await window.page.evaluate("document.querySelector('video').src")).endswith("/file.mp4")
    window.complaints = [said for said in window.complaints if "404" not in said and not said.endswith("/play.m3u8")]
