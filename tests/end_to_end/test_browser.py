"""The pages in a real browser: headless Chromium against a server process and the demo world.

Whatever a test does, the browser may report no error and no breach of the Content-Security-Policy: see `Watch`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from support import free_port

from .conftest import Process

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 15_000
LINEUP = 60
"""Channels of each provider in the demo world."""
PASSWORD = "correct horse battery"


# -- the browser, what it complains about, and what it looks at --------------------------------------------------------


@dataclass
class Watch:
    """Collects what a browser complains about. `provoked` are HTTP statuses that a test means to see."""

    site: str
    provoked: set[int] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        context.on("console", lambda message: self._console(message.type, message.text))
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        context.on("response", lambda answer: self._answer(answer.status, answer.url))

    def _console(self, kind: str, text: str) -> None:
        meant = any(f"status of {status} " in text for status in self.provoked)
        if kind in {"error", "warning", "assert"} and not meant:
            self.complaints.append(f"console: {text}")

    def _answer(self, status: int, url: str) -> None:
        if status >= 400 and status not in self.provoked and url.startswith(self.site):
            self.complaints.append(f"HTTP {status} for {url}")


@dataclass
class World:
    """The demo world as a process, driven over its HTTP interface."""

    url: str

    @property
    def list_url(self) -> str:
        return f"{self.url}/m3u/list.m3u"

    def fault(self, service: str, fault: str) -> None:
        httpx2.post(
            f"{self.url}/_faults", json={"service": service, "fault": fault}, trust_env=False
        ).raise_for_status()

    def shrink(self, keep: float) -> None:
        body = {"service": "m3u", "keep": keep}
        httpx2.post(f"{self.url}/_lineup/shrink", json=body, trust_env=False).raise_for_status()

    def restore(self) -> None:
        httpx2.delete(f"{self.url}/_faults", trust_env=False).raise_for_status()
        httpx2.post(f"{self.url}/_lineup/restore", trust_env=False).raise_for_status()


@dataclass
class Site:
    """One browser window on the server."""

    server: Process
    world: World
    context: BrowserContext
    page: Page
    watch: Watch

    def open(self, path: str) -> Page:
        """Go to a page; it is whole when its script runs."""
        self.page.goto(path)
        self.page.wait_for_function("document.readyState === 'complete' && !!window.htmx")
        return self.page

    def add_list(self, name: str = "Harbour list") -> int:
        """The demo's list as a source, added by a script and fetched."""
        return self.add(kind="m3u", name=name, url=self.world.list_url, region="DE")

    def add(self, **body: Any) -> int:
        """A source, added by a script; returns its id when its first refresh is over."""
        made = self.server.post("/api/v1/sources", body)
        assert made.status_code == 201, made.text
        source = made.json()
        for feed in source["feeds"]:
            self.wait_for_job(feed["run"])
        return int(source["id"])

    def refresh(self, source_id: int) -> None:
        """One refresh by a script, to its end."""
        for job in self.server.post(f"/api/v1/sources/{source_id}/refresh").json()["jobs"]:
            self.wait_for_job(job)

    def wait_for_job(self, job: str | None) -> None:
        if job is not None:
            poll(lambda: self.server.get(f"/api/v1/jobs/{job}").json()["state"] not in {"queued", "running"}, job)

    def playlist(self) -> str:
        """What a player gets."""
        return self.server.get("/playlist/DE.m3u").text

    def playlist_has(self, count: int) -> None:
        poll(lambda: self.playlist().count("#EXTINF") == count, f"a playlist of {count}")

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("article", name=name)

    def status_of(self, name: str) -> Locator:
        return self.card(name).locator("td[data-label=Status]")

    def setting(self, key: str) -> Any:
        return self.server.get("/api/v1/settings").json()["values"][key]


def poll(done: Any, what: str) -> None:
    """Wait until something that the page does not show is so."""
    import time

    for _ in range(300):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError(f"there was no end to waiting for {what}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing, and CI must have it")
        pytest.skip(f"{CHROMIUM} is not here: apt-get install chromium")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One server for all tests of this file that need none of their own; it is not waited for here."""
    process = Process(tmp_path_factory.mktemp("browser") / "data", free_port())
    process.start(wait=False)
    yield process
    process.stop()
    assert "Traceback" not in process.log()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    command = [sys.executable, "-m", "nightcrew.demo", "--no-streams", "--channels", str(LINEUP)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    yield World(process.stdout.readline().strip())
    process.terminate()
    process.wait(20)


@pytest.fixture
def site(server: Process, world: World, chromium: Browser) -> Iterator[Site]:
    """A fresh window on a server without sources. At the end the browser must have had nothing to complain about."""
    server.wait_ready()
    world.restore()
    for source in server.get("/api/v1/sources").json()["items"]:
        httpx2.delete(f"{server.url}/api/v1/sources/{source['id']}", trust_env=False).raise_for_status()
    with window(chromium, server, world) as opened:
        yield opened


class window:
    """A browser window on a server, watched from its opening to its closing."""

    def __init__(self, browser: Browser, server: Process, world: World, **options: Any) -> None:
        self._watch = Watch(server.url)
        size = {"width": 1280, "height": 900}
        self._context = browser.new_context(base_url=server.url, **{"viewport": size, **options})
        self._context.set_default_timeout(WAIT_MS)
        self._watch.attach(self._context)
        self._server, self._world = server, world

    def __enter__(self) -> Site:
        return Site(self._server, self._world, self._context, self._context.new_page(), self._watch)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._context.close()
        if kind is None:
            assert self._watch.complaints == []


# -- sources -----------------------------------------------------------------------------------------------------------


def test_the_first_source_turns_fresh_without_reloading_the_page(site: Site) -> None:
    page = site.open("/")
    expect(page.locator("#start")).to_contain_text("Welcome. There is nothing to fetch yet.")
    expect(page.locator("#start form")).to_be_visible()
    site.open("/sources")
    expect(page.locator("#sources")).to_contain_text("No sources yet.")
    page.evaluate("window.sameDocument = true")
    form = page.locator("#add-form")
    form.get_by_label("Name (needed)", exact=True).fill("Harbour list")
    form.get_by_label("Address or file").fill(site.world.list_url)
    form.get_by_label("Region").fill("de")
    form.get_by_role("button", name="Add the source").click()
    expect(page.locator("#notes")).to_contain_text("Harbour list was added and is being fetched.")
    expect(site.status_of("Harbour list")).to_have_text("fresh")
    expect(site.card("Harbour list").locator("td[data-label=Channels]")).to_have_text("60")
    expect(page.locator("#addresses")).to_contain_text("/playlist/DE.m3u")
    assert page.evaluate("window.sameDocument") is True
    assert form.get_by_label("Name (needed)", exact=True).input_value() == "", "the form is empty for the next source"
    site.open("/")
    expect(page.locator("#standing .sentence")).to_have_text("Everything is all right.")
    expect(page.locator("#region-DE")).to_contain_text("fresh")
    expect(page.locator("#region-DE td[data-label=Channels]")).to_have_text("60")


def test_the_first_source_can_be_added_on_the_overview(site: Site) -> None:
    page = site.open("/")
    page.evaluate("window.sameDocument = true")
    form = page.locator("#start form")
    form.get_by_label("Name (needed)", exact=True).fill("Harbour list")
    form.get_by_label("Address or file").fill(site.world.list_url)
    form.get_by_label("Region").fill("DE")
    form.get_by_role("button", name="Add the source").click()
    expect(page.locator("#region-DE td[data-label=Channels]")).to_have_text("60")
    expect(page.locator("#recent")).to_contain_text("Harbour list")
    assert page.evaluate("window.sameDocument") is True


def test_wrong_input_is_told_at_its_field_and_what_was_typed_stays(site: Site) -> None:
    site.add_list("Taken")
    site.watch.provoked.add(422)
    page = site.open("/sources")
    form = page.locator("#add-form")
    name, url, region = (
        form.get_by_label("Name (needed)", exact=True),
        form.get_by_label("Address"),
        form.get_by_label("Region"),
    )

    def send(error_at: Locator, words: str) -> None:
        form.get_by_role("button", name="Add the source").click()
        expect(error_at).to_have_attribute("aria-invalid", "true")
        expect(error_at).to_have_accessible_description(re.compile(words, re.IGNORECASE))
        expect(form.locator("[aria-invalid]")).to_have_count(1)

    url.first.fill("https://lists.example/a.m3u")
    region.fill("at")
    send(name, "needs a name")
    expect(url.first).to_have_value("https://lists.example/a.m3u")
    expect(region).to_have_value("at")
    name.fill("Taken")
    send(name, "already")
    name.fill("Free")
    url.first.fill("gopher://lists.example/a.m3u")
    send(url.first, "must begin with http://")
    expect(name).to_have_value("Free")
    expect(url.first).to_have_value("gopher://lists.example/a.m3u")
    assert len(site.server.get("/api/v1/sources").json()["items"]) == 1


def test_the_form_of_a_kind_asks_for_what_the_kind_needs_and_never_shows_a_secret(site: Site) -> None:
    page = site.open("/sources")
    page.locator("#add-form .kinds").get_by_text("Xtream panel").click()
    form = page.locator("#add-form")
    expect(form.get_by_label("Panel address")).to_be_visible()
    form.get_by_label("Name (needed)", exact=True).fill("Lantern panel")
    form.get_by_label("Panel address").fill(f"{site.world.url}/xtream")
    form.get_by_label("User name").fill("demo")
    form.get_by_label("Password").fill("not the demo password")
    form.get_by_label("Region").fill("AT")
    form.get_by_role("button", name="Add the source").click()
    expect(site.card("Lantern panel")).to_contain_text("This needs you.")
    expect(site.card("Lantern panel").locator(".error").first).to_contain_text("refuses the login")
    assert "not the demo password" not in page.content()
    site.card("Lantern panel").get_by_role("link", name="Edit").click()
    edit = site.card("Lantern panel").locator(".panel")
    expect(edit.get_by_label("Password")).to_have_value("")
    expect(edit.get_by_label("Panel address")).to_have_value(f"{site.world.url}/xtream")
    edit.get_by_label("Password").fill("demo-password")
    edit.get_by_role("button", name="Save").click()
    expect(site.status_of("Lantern panel").first).to_have_text("fresh")
    expect(site.card("Lantern panel").locator("td[data-label=Channels]").first).to_have_text("60")
    site.open("/")
    expect(page.locator("#standing .sentence")).to_have_text("Everything is all right.")


def test_a_shrunken_list_is_held_back_until_a_person_accepts_it(site: Site) -> None:
    site.add_list()
    page = site.open("/sources")
    site.world.shrink(0.5)
    site.card("Harbour list").get_by_role("button", name="Refresh").click()
    held = site.card("Harbour list").locator(".held-back")
    expect(held).to_contain_text("DE: held back")
    expect(held).to_contain_text("lacks 30 of 60 channels (30 gone)")
    site.playlist_has(60)
    site.open("/")
    expect(page.locator("#standing .sentence")).to_have_text("Mostly fine, with something to look at.")
    page.locator("#standing .need").get_by_role("link", name="Look at it").click()
    held.get_by_role("button", name="Accept: 30 channels stay").click()
    expect(held).to_have_count(0)
    expect(site.card("Harbour list").locator("td[data-label=Channels]")).to_have_text("30")
    site.playlist_has(30)
    site.open("/")
    expect(page.locator("#standing .sentence")).to_have_text("Everything is all right.")


def test_a_rejected_change_leaves_everything_as_it_was(site: Site) -> None:
    site.add_list()
    before = site.playlist()
    page = site.open("/sources")
    site.world.shrink(0.5)
    site.card("Harbour list").get_by_role("button", name="Refresh").click()
    held = site.card("Harbour list").locator(".held-back")
    held.get_by_role("button", name="Reject").click()
    expect(page.locator("#notes")).to_contain_text("The change was rejected.")
    expect(held).to_have_count(0)
    expect(site.card("Harbour list").locator("td[data-label=Channels]")).to_have_text("60")
    assert site.playlist() == before


def test_a_failing_source_says_why_while_its_channels_stay(site: Site) -> None:
    source = site.add_list()
    before = site.playlist()
    page = site.open("/sources")
    site.world.fault("m3u", "html")
    site.card("Harbour list").get_by_role("button", name="Refresh").click()
    expect(site.status_of("Harbour list")).to_contain_text("failing")
    expect(site.card("Harbour list").locator("tbody .error")).to_contain_text(
        re.compile("html|web page|playlist", re.IGNORECASE)
    )
    expect(site.card("Harbour list").locator("td[data-label=Channels]")).to_have_text("60")
    assert site.playlist() == before
    for _ in range(2):
        site.refresh(source)
    site.open("/")
    expect(page.locator("#standing .need")).to_contain_text("Harbour list (DE) failed 3 times in a row")
    expect(page.locator("#standing .sentence")).to_have_text("Mostly fine, with something to look at.")
    site.world.restore()
    site.refresh(source)
    expect(page.locator("#standing .sentence")).to_have_text("Everything is all right.")


def test_a_refused_login_needs_a_person(site: Site) -> None:
    panel = {"url": f"{site.world.url}/xtream", "username": "demo", "password": "wrong", "region": "AT"}
    site.add(kind="xtream", name="Lantern panel", **panel)
    page = site.open("/")
    expect(page.locator("#standing .sentence")).to_have_text("Something needs you.")
    expect(page.locator("#standing .need.is-bad").first).to_contain_text("refuses the login")
    page.locator("#standing .need.is-bad").first.get_by_role("link", name="Look at it").click()
    expect(site.card("Lantern panel")).to_contain_text("This needs you.")


def test_a_source_is_renamed_switched_off_and_removed_at_its_card(site: Site) -> None:
    site.add_list()
    page = site.open("/sources")
    site.card("Harbour list").get_by_role("link", name="Edit").click()
    edit = site.card("Harbour list").locator(".panel")
    edit.get_by_label("Name").first.fill("Old harbour")
    edit.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Old harbour")).to_be_visible()
    site.card("Old harbour").get_by_role("button", name="Switch off").click()
    expect(site.card("Old harbour").get_by_role("button", name="Switch on")).to_be_visible()
    site.card("Old harbour").get_by_role("button", name="Switch on").click()
    expect(site.status_of("Old harbour")).to_have_text("fresh")
    site.card("Old harbour").get_by_role("link", name="Remove").click()
    panel = page.get_by_role("dialog", name="Remove Old harbour?")
    expect(panel).to_contain_text("This cannot be undone.")
    panel.get_by_role("button", name="Remove the source and 60 channels").click()
    expect(site.card("Old harbour")).to_have_count(0)
    assert site.server.get("/api/v1/channels").json()["items"] == []


def test_the_removal_of_a_source_that_is_off_says_how_many_channels_go(site: Site) -> None:
    source = site.add_list()
    site.server.patch(f"/api/v1/sources/{source}", {"enabled": False})
    page = site.open("/sources")
    site.card("Harbour list").get_by_role("link", name="Remove").click()
    panel = page.get_by_role("dialog", name="Remove Harbour list?")
    expect(panel).to_contain_text("This cannot be undone.")
    assert "deletes the source and 60 channels" in panel.inner_text()


def test_the_history_of_a_source_is_drawn(site: Site) -> None:
    source = site.add_list()
    site.refresh(source)
    page = site.open("/sources")
    site.card("Harbour list").get_by_role("link", name="History").click()
    panel = site.card("Harbour list").locator(".panel")
    expect(panel.locator("[data-plot] canvas")).to_be_visible()
    expect(panel.locator("table.runs tbody tr")).to_have_count(2)
    expect(panel.locator("table.runs tbody")).to_contain_text("60 new")
    canvas = panel.get_by_role("group", name=re.compile("Channels. The last 2 refreshes"))
    canvas.focus()
    page.keyboard.press("Home")
    expect(panel.locator(".readout")).to_contain_text("DE 60 channels")
    page.keyboard.press("End")
    expect(panel.locator(".readout")).to_contain_text("Duration")
    panel.get_by_text("Table of values").click()
    expect(panel.locator("[data-plot] details tbody tr")).to_have_count(2)


# -- channels ----------------------------------------------------------------------------------------------------------


def test_search_narrows_and_an_edited_and_hidden_channel_shows_in_the_playlist(site: Site) -> None:
    site.add_list()
    found = site.server.get("/api/v1/channels", q="lantern").json()["items"]
    page = site.open("/channels")
    rows = page.locator("#list li.channel:not(.channel-more)")
    expect(rows).to_have_count(60)
    page.get_by_label("Search").fill("lantern")
    expect(rows).to_have_count(len(found))
    assert 0 < len(found) < 20
    assert all("lantern" in text.casefold() for text in rows.all_inner_texts())
    poll(lambda: page.url.endswith("/channels?q=lantern"), "an address that can be kept")

    row = page.locator(f"#channel-{found[0]['id']}")
    row.locator("summary").click()
    row.get_by_label("Name").fill("My lantern")
    row.get_by_label("Number").fill("777")
    row.get_by_role("button", name="Save").click()
    expect(row.locator(".name")).to_contain_text("My lantern (edited)")
    expect(row.locator("summary .number")).to_have_text("777")
    playlist = site.playlist()
    assert re.search(r'#EXTINF[^\n]*tvg-chno="777"[^\n]*,My lantern\n', playlist), playlist[:800]
    assert found[0]["name"] not in playlist

    row.get_by_role("button", name="Hide").click()
    expect(row.get_by_role("button", name="Show")).to_be_visible()
    assert "My lantern" not in site.playlist()
    site.playlist_has(59)
    row.get_by_role("button", name="Show").click()
    expect(row.get_by_role("button", name="Hide")).to_be_visible()
    site.playlist_has(60)


# -- workers and settings ----------------------------------------------------------------------------------------------


def test_a_worker_is_paused_resumed_and_run_from_the_board(site: Site) -> None:
    page = site.open("/")

    def board(worker: str) -> Locator:
        return page.locator(f'[id="worker-{worker}"]')

    refresher = board("playlists.refresh")
    refresher.get_by_role("button", name="Pause").click()
    expect(refresher).to_contain_text("Paused by web.")
    expect(refresher.locator(".pill")).to_have_text("paused")
    expect(page.locator("#standing")).to_contain_text("Worker playlists.refresh is paused by web")
    refresher.get_by_role("button", name="Resume").click()
    expect(refresher.get_by_role("button", name="Pause")).to_be_visible()
    expect(refresher).not_to_contain_text("Paused by")
    nightly = board("kernel.nightly")
    nightly.get_by_role("button", name="Run now").click()
    expect(page.locator("#notes")).to_contain_text("Worker kernel.nightly was started by hand.")
    expect(nightly).to_contain_text(re.compile(r"Last .*took"))
    jobs = site.server.get("/api/v1/jobs", state="done").json()["items"]
    assert any(job["name"] == "kernel.clean_up" for job in jobs)
    site.open("/jobs")
    expect(page.locator("main table")).to_contain_text("done")


def test_a_setting_is_saved_and_a_wrong_value_is_told_with_its_bounds(site: Site) -> None:
    page = site.open("/settings")
    interval = page.get_by_label("Refresh interval", exact=True)
    save = page.get_by_role("button", name="Save settings")
    interval.fill("300")
    save.click()
    expect(page.locator("main")).to_contain_text("Saved 1 setting.")
    assert site.setting("playlists.refresh_interval") == 300
    assert site.setting("playlists.shrink_guard") == 30

    interval.fill("5")
    save.click()
    assert "60" in str(interval.evaluate("field => field.validationMessage")), "the browser itself says the bound"
    site.watch.provoked.add(422)
    interval.evaluate("field => { field.form.noValidate = true }")
    save.click()
    expect(interval).to_have_attribute("aria-invalid", "true")
    expect(interval).to_have_accessible_description(re.compile("60"))
    expect(interval).to_have_value("5")
    assert site.setting("playlists.refresh_interval") == 300

    site.open("/settings")
    page.get_by_role("button", name="Back to the default of refresh_interval").click()
    expect(interval).to_have_value("600")
    assert site.setting("playlists.refresh_interval") == 600


def test_a_token_is_made_and_revoked(site: Site) -> None:
    page = site.open("/settings")
    access = page.locator("#access")
    access.get_by_label("Name of a new token").fill("television")
    access.get_by_label("It opens").select_option("the tuner (HDHomeRun)")
    access.get_by_role("button", name="Make a token").click()
    expect(access).to_contain_text("television is ready. Copy it now")
    expect(access.locator(".tokens")).to_contain_text("for the tuner")
    access.get_by_text("Revoke …").click()
    dialog = page.get_by_role("dialog", name="Revoke television?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(access.locator(".tokens")).to_contain_text("television")
    access.get_by_text("Revoke …").click()
    dialog.get_by_role("button", name="Revoke television").click()
    expect(access.locator(".tokens")).to_have_count(0)
    expect(dialog).to_be_hidden()


# -- keyboard, small screens, no script --------------------------------------------------------------------------------


def test_a_source_can_be_added_with_the_keyboard_alone(site: Site) -> None:
    page = site.open("/sources")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "new-name":
            break
    expect(page.locator("#new-name")).to_be_focused()
    page.keyboard.type("Harbour list")
    page.keyboard.press("Tab")
    page.keyboard.type(site.world.list_url)
    page.keyboard.press("Tab")
    page.keyboard.type("DE")
    page.keyboard.press("Enter")
    expect(site.status_of("Harbour list")).to_have_text("fresh")


def test_a_slash_goes_to_the_search_field(site: Site) -> None:
    site.add_list()
    page = site.open("/channels")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.get_by_label("Search")).to_have_value("a/b")


def test_nothing_is_wider_than_a_telephone(site: Site) -> None:
    source = site.add_list("A provider with a long name that goes on and on and on")
    panel = {"url": f"{site.world.url}/xtream", "username": "demo", "password": "wrong", "region": "AT"}
    site.add(kind="xtream", name="Lantern panel", **panel)
    site.world.shrink(0.5)
    site.refresh(source)
    site.page.set_viewport_size({"width": 375, "height": 700})
    channel = site.server.get("/api/v1/channels").json()["items"][0]["id"]
    paths = ["/", "/sources", "/channels", "/settings", "/jobs", "/activity", "/login", "/api/docs", "/recordings"]
    wide = {}
    paths += ["/connections", "/sources?kind=catalogue", f"/channels/{channel}", f"/sources/{source}/history"]
    for path in paths:
        site.open(path)
        site.page.wait_for_timeout(100)
        width = site.page.evaluate("document.documentElement.scrollWidth")
        if width > 375:
            wide[path] = width
    assert wide == {}


def test_without_scripts_a_source_can_be_added_and_refreshed(site: Site, chromium: Browser) -> None:
    with window(chromium, site.server, site.world, java_script_enabled=False) as plain:
        plain.page.goto("/sources")
        form = plain.page.locator("#add-form")
        form.get_by_label("Name (needed)", exact=True).fill("Harbour list")
        form.get_by_label("Address or file").fill(site.world.list_url)
        form.get_by_label("Region").fill("DE")
        form.get_by_role("button", name="Add the source").click()
        expect(plain.page.get_by_role("heading", name="Harbour list")).to_be_visible()
        site.playlist_has(60)
        plain.card("Harbour list").get_by_role("button", name="Refresh").click()
        expect(plain.page.get_by_role("heading", name="Sources", exact=True)).to_be_visible()


# -- a password, a lost server -----------------------------------------------------------------------------------------


def test_a_password_keeps_strangers_out_and_a_lost_server_is_told(
    tmp_path: Path, world: World, chromium: Browser
) -> None:
    server = Process(tmp_path / "data", free_port(), env={"NIGHTCREW_PASSWORD": PASSWORD})
    server.start()
    try:
        with window(chromium, server, world) as site:
            page = site.page
            page.goto("/settings")
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            assert "Refresh interval" not in page.content()
            site.watch.provoked.add(422)
            page.get_by_label("Password").fill("a guess")
            page.keyboard.press("Enter")
            expect(page.get_by_label("Password")).to_have_accessible_description(re.compile("not the password"))
            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(page.get_by_role("heading", name="Settings")).to_be_visible()
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            page.goto("/")
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            assert server.get("/api/v1/sources").status_code == 401

            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(page.locator("#standing .sentence")).to_be_visible()
            assert site.watch.complaints == []
            server.kill()
            server.start(wait=False)
            expect(page.locator("#offline")).to_be_visible()
            server.wait_ready()
            expect(page.locator("#offline")).to_be_hidden(timeout=60_000)
            meant = ("net::ERR_", "Failed to fetch")
            site.watch.complaints[:] = [c for c in site.watch.complaints if not any(words in c for words in meant)]

            site.watch.provoked.add(401)
            site.context.clear_cookies()
            # at once: what the page asks for by itself may lead to the same place first
            page.evaluate("document.querySelector('[id=\"worker-kernel.nightly\"] button')?.click()")
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    finally:
        server.stop()


# -- the watch itself --------------------------------------------------------------------------------------------------


def test_the_watch_sees_a_breach_of_the_policy_and_an_uncaught_error(site: Site) -> None:
    page = site.open("/")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.injected = true";
            document.body.append(script);
            setTimeout(() => { throw new Error("on purpose"); });
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.injected") is None
    assert any("Content Security Policy" in text for text in site.watch.complaints)
    assert any("on purpose" in text for text in site.watch.complaints)
    site.watch.complaints.clear()
