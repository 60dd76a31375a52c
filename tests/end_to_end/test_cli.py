"""Every command of the command line against a running server process.

Commands are called in this process, through the same `main` that the script calls. Those that serve, and those whose end
by a signal matters, run as processes of their own.
"""

from __future__ import annotations

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from nightcrew import __version__
from nightcrew.client import exits
from support import free_port, patient, pauses
from terminal import commands, ok, run, spawn

from .conftest import Process, Start

PASSWORD = "correct horse battery"


# -- a server, and lists for it ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One server for all commands that ask one."""
    process = Process(tmp_path_factory.mktemp("cli") / "data", free_port())
    process.start()
    yield process
    assert process.stop() == 0
    assert "Traceback" not in process.log()


@pytest.fixture
def server(running: Process, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Process:
    """The server without sources; commands find it through the environment, and are called in an empty folder."""
    for source in running.get("/api/v1/sources").json()["items"]:
        httpx2.delete(f"{running.url}/api/v1/sources/{source['id']}", trust_env=False).raise_for_status()
    monkeypatch.setenv("NIGHTCREW_URL", running.url)
    monkeypatch.chdir(tmp_path)
    return running


def write_list(file: str, count: int, name: str = "Channel", host: str = "192.0.2.1") -> None:
    """A playlist in the present folder."""
    entries = [
        f'#EXTINF:-1 tvg-id="c{n}.example" group-title="G{n % 2}",{name} {n}\nhttp://{host}/{n}.ts'
        for n in range(count)
    ]
    Path(file).write_text("#EXTM3U\n" + "\n".join(entries) + "\n")


def add_list(name: str = "List", region: str = "DE", count: int = 10) -> int:
    """A source with so many channels; returns its id."""
    write_list(f"{name}.m3u", count)
    ok("source", "add", "m3u", name, f"{name}.m3u", "--region", region)
    return next(int(row["id"]) for row in json.loads(ok("source", "list", "--json")) if row["name"] == name)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield int(listener.getsockname()[1])


def until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + patient(20)
    for pause in pauses():
        if done():
            return
        if time.monotonic() > end:
            break
        time.sleep(pause)
    raise AssertionError(f"there was no end to waiting for {what}")


# -- commands that ask the server --------------------------------------------------------------------------------------


def test_status_says_how_everything_is(server: Process) -> None:
    assert "NO DATA" in ok("status"), "the setting LOCALES asks for DE from the first start on"
    add_list()
    text = ok("status")
    assert text.startswith(f"Everything is all right. Nightcrew 0.1.0 at {server.url}.")
    assert "playlists.refresh" in text
    assert "FRESH" in text
    assert json.loads(ok("status", "--json"))["regions"][0]["channels"] == 10
    assert ok("status", "--url", server.url + "/").splitlines()[0].endswith(f"{server.url}/.")


def test_status_ends_with_1_while_something_needs_a_person(server: Process) -> None:
    source = add_list()
    assert "Everything is all right." in ok("status")
    write_list("List.m3u", 3)
    run("source", "refresh", source)
    ill = run("status")
    assert (ill.code, ill.err) == (1, "")
    assert "a change is held back" in ill.out
    assert run("status", "--json").code == 1
    ok("source", "reject", source)
    assert "Everything is all right." in ok("status")


def test_a_source_is_added_from_a_path_relative_to_the_caller(server: Process, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    write_list("here/list.m3u", 3)
    assert ok("source", "add", "m3u", "List", "here/list.m3u", "--region", "at").endswith(
        "List, region AT: 3 channels, FRESH\n"
    )
    assert server.get("/playlist/AT.m3u").text.count("#EXTINF") == 3
    (tmp_path / "guide.xml").write_text(
        '<tv><channel id="c0.example"><display-name>C</display-name></channel>'
        '<programme channel="c0.example" start="20300101000000 +0000" stop="20300101010000 +0000">'
        "<title>T</title></programme></tv>"
    )
    assert "guide: " in ok("source", "add", "guide", "Guide", "guide.xml", "--no-wait")


def test_a_source_that_cannot_be_fetched_is_said_to_fail(server: Process) -> None:
    result = run("source", "add", "m3u", "Gone", "gone.m3u", "--region", "DE")
    assert result.code == 1
    assert "gone.m3u" in result.out
    assert "NO DATA" in result.out
    run("source", "add", "nonsense", "A", "http://192.0.2.1/").failed("there is no source kind 'nonsense'")
    run("source", "add", "m3u", "Gone", "other.m3u").failed("Gone")
    run("source", "add", "xtream", "Panel", "http://192.0.2.1/").failed("username")


def test_a_config_file_that_cannot_be_read_is_one_clear_line(server: Process, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{oops")
    add = ("source", "add", "catalogue", "C", "http://192.0.2.1/", "--config")
    run(*add, "broken.json").failed("broken.json")
    assert run(*add, "missing.json").code in {1, 2}
    (tmp_path / "list.json").write_text("[]")
    run(*add, "list.json").failed("list.json")


def test_sources_are_listed_edited_and_removed(server: Process) -> None:
    source = add_list()
    assert "List" in ok("source", "list")
    assert "Evening" in ok("source", "edit", source, "name=Evening", "enabled=false")
    (row,) = json.loads(ok("source", "list", "--json"))
    assert (row["name"], row["enabled"]) == ("Evening", False)
    assert " off " in ok("source", "list")
    ok("source", "edit", source, "enabled=true")
    assert "Late" in ok("source", "edit", "evening", "name=Late"), "a name will do"
    ok("source", "edit", "Late", "name=Evening")
    run("source", "refresh", "Nobody").failed("there is no source 'Nobody'; `nightcrew source list` has all of them")
    assert ok("source", "remove", source, "--dry-run") == "would remove Evening and its 10 channels\n"
    assert len(json.loads(ok("source", "list", "--json"))) == 1
    assert ok("source", "remove", source) == "removed Evening and its 10 channels\n"
    assert ok("source", "list") == "No sources yet.\n"
    run("source", "remove", source).failed("there is no source")
    run("source", "edit", source, "name=A").failed("there is no source")


def test_an_edit_that_is_not_field_equals_value_is_refused(server: Process) -> None:
    source = add_list()
    assert run("source", "edit", source, "name").code in {1, 2}
    run("source", "edit", source, "colour=red").failed("colour")
    assert json.loads(ok("source", "list", "--json"))[0]["name"] == "List"


def test_a_held_back_change_is_rejected_then_accepted(server: Process) -> None:
    source = add_list()
    write_list("List.m3u", 3)
    assert "`source accept` or `source reject`" in run("source", "refresh", source).err
    assert "held back: " in ok("source", "list")
    assert ok("source", "reject", source) == "rejected\n"
    assert "held back: " not in ok("source", "list")
    assert run("source", "refresh", source, "--rebuild").code == 0
    assert server.get("/playlist/DE.m3u").text.count("#EXTINF") == 10
    assert ok("source", "accept", source) == "accepted: 0 new, 0 changed, 7 gone\n"
    assert server.get("/playlist/DE.m3u").text.count("#EXTINF") == 3
    run("source", "accept", source).failed("nothing is held back")
    run("source", "reject", source).failed("nothing is held back")


def test_refresh_waits_for_a_region_or_for_all(server: Process) -> None:
    source = add_list()
    add_list("Other", "AT", 4)
    write_list("List.m3u", 11)
    assert "done" in ok("refresh", "de")
    assert server.get("/playlist/DE.m3u").text.count("#EXTINF") == 11
    jobs = json.loads(ok("refresh", "*", "--rebuild", "--json"))
    assert [job["state"] for job in jobs] == ["done", "done"]
    run("refresh", "QQ").failed("there is no region 'QQ'")
    Path("List.m3u").unlink()
    result = run("refresh", "*")
    assert result.code == 1
    assert "failed" in result.out
    assert "List.m3u" in result.out
    assert run("source", "refresh", source).code == 1
    assert server.get("/playlist/DE.m3u").text.count("#EXTINF") == 11


def test_channels_are_searched(server: Process) -> None:
    add_list()
    add_list("Other", "AT", 4)
    assert len(json.loads(ok("channels", "--json"))) == 14
    (found,) = json.loads(ok("channels", "channel 7", "--json"))
    assert (found["name"], found["group"], found["region"]) == ("Channel 7", "G1", "DE")
    assert len(json.loads(ok("channels", "--region", "AT", "--group", "G1", "--json"))) == 2
    assert len(json.loads(ok("channels", "--limit", "3", "--json"))) == 3
    assert "Channel 7" in ok("channels", "7")
    assert ok("channels", "no such channel") == "No channel matches.\n"


def test_jobs_are_listed_shown_cancelled_and_retried(server: Process, silent_port: int) -> None:
    ok("source", "add", "m3u", "Silent", f"http://127.0.0.1:{silent_port}/a.m3u", "--region", "SI", "--no-wait")
    until(lambda: bool(json.loads(ok("jobs", "list", "--state", "running", "--json"))), "a running job")
    (job,) = json.loads(ok("jobs", "list", "--state", "running", "--json"))
    assert job["id"] in ok("jobs", "list").replace("\n", "").replace(" ", "") or job["id"][:20] in ok("jobs", "list")
    assert "running" in ok("jobs", "show", job["id"])
    assert ok("jobs", "cancel", job["id"]) == f"{job['id']} is cancelled\n"
    shown = json.loads(ok("jobs", "show", job["id"], "--json"))
    assert shown["state"] == "cancelled"
    again = ok("jobs", "retry", job["id"]).removeprefix("started again as ").strip()
    assert again != job["id"]
    ok("jobs", "cancel", again)
    run("jobs", "show", "no-such-job").failed("no-such-job")
    run("jobs", "cancel", "no-such-job").failed("no-such-job")
    run("jobs", "retry", "no-such-job").failed("no-such-job")
    run("jobs", "list", "--state", "sleeping").failed("state")


def test_workers_are_paused_resumed_and_run(server: Process) -> None:
    assert "playlists.refresh" in ok("workers", "list")
    assert ok("workers", "pause", "playlists.refresh") == "playlists.refresh is paused\n"
    states = {row["name"]: row["state"] for row in json.loads(ok("workers", "list", "--json"))}
    assert states["playlists.refresh"] == "paused"
    assert ok("status").startswith("Everything is all right."), "a pause is a person's decision and breaks no promise"
    ok("workers", "resume", "playlists.refresh")
    states = {row["name"]: row["state"] for row in json.loads(ok("workers", "list", "--json"))}
    assert states["playlists.refresh"] in {"waiting", "running"}
    ok("workers", "run", "kernel.nightly")
    until(lambda: "kernel.clean_up" in server.get("/api/v1/jobs", state="done").text, "the nightly job")
    run("workers", "run", "nobody").failed("there is no worker 'nobody'")


def test_settings_are_listed_read_changed_and_checked(server: Process) -> None:
    assert "refresh_interval" in ok("settings", "list")
    assert ok("settings", "set", "refresh_interval", "300") == "playlists.refresh_interval = 300\n"
    assert ok("settings", "get", "refresh_interval") == "300\n"
    assert ok("settings", "get", "playlists.refresh_interval") == "300\n"
    assert ok("settings", "set", "refresh_interval", "300") == "unchanged\n"
    run("settings", "set", "refresh_interval", "5").failed("60")
    assert ok("settings", "get", "refresh_interval") == "300\n"
    ok("settings", "set", "refresh_interval", "null")
    assert ok("settings", "get", "refresh_interval") == "600\n"
    run("settings", "get", "nothing").failed("there is no setting 'nothing'")
    run("settings", "set", "nothing", "1").failed("there is no setting 'nothing'")


def test_the_seeds_configuration_is_imported(server: Process, tmp_path: Path) -> None:
    config = {
        "RES": False,
        "PLAYLIST_REBUILD_ON_START": True,
        "FILTER_ENABLED": False,
        "LOCALES": [["de", "DE"]],
        "COMBINED_PLAYLISTS": [],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    text = ok("settings", "import", "config.json")
    assert text.startswith("imported: ")
    assert set(text.removeprefix("imported: ").strip().split(", ")) == {f"playlists.{key}" for key in config}
    assert ok("settings", "get", "LOCALES") == '[["de", "DE"]]\n'
    (tmp_path / "config.json").write_text(json.dumps({"RES": True, "unheard_of": 1}))
    result = run("settings", "import", "config.json")
    assert (result.code, result.out, result.err) == (0, "imported: playlists.RES\n", "ignored: unheard_of\n")
    assert ok("settings", "get", "RES") == "true\n"
    ok("settings", "set", "RES", "null")
    (tmp_path / "config.json").write_text("{oops")
    run("settings", "import", "config.json").failed("config.json is not valid JSON")
    (tmp_path / "config.json").write_text(json.dumps({"RES": False, "refresh_interval": 1}))
    run("settings", "import", "config.json").failed("refresh_interval")
    (tmp_path / "config.json").write_text("[]")
    assert run("settings", "import", "config.json").code == 1


def test_tokens_are_made_listed_and_revoked(server: Process) -> None:
    text = ok("token", "make", "api", "backup script").strip()
    assert len(text) > 20
    (row,) = json.loads(ok("token", "list", "--json"))
    assert (row["scope"], row["name"]) == ("api", "backup script")
    assert text not in ok("token", "list")
    assert "backup script" in ok("token", "list")
    assert ok("token", "revoke", row["id"]) == "revoked\n"
    assert ok("token", "list") == "No tokens.\n"
    run("token", "revoke", row["id"]).failed("there is no token")
    run("token", "make", "everything", "a").failed("scope")


def test_people_are_told_where_the_command_line_says(server: Process) -> None:
    run("notify", "add", "webhook", "Hook", "ftp://127.0.0.1/x").failed("it is not an http or https address")
    address = f"{server.url}/api/v1/needs?token=T0pS3cret"
    added = ok("notify", "add", "webhook", "Hook", address, "--wants", "broken", "--quiet", "22:30-07:00", "--loud")
    assert "Hook will be notified from now on" in added
    listed = ok("notify", "list")
    assert "22:30-07:00" in listed
    assert "T0pS3cret" not in listed + added
    (row,) = json.loads(ok("notify", "list", "--json"))
    assert (row["wants"], row["loud"], row["state"]) == (["broken"], True, "new")
    run("notify", "test", "Hook").failed("Hook did not accept the test: ")
    ok("notify", "add", "heartbeat", "Beat", f"{server.url}/health")
    assert "Beat accepted the call" in ok("notify", "test", "Beat")
    run("notify", "remove", "Other").failed("there is no target 'Other'")
    assert "is not told any more" in ok("notify", "remove", "Hook")
    assert json.loads(ok("notify", "remove", "Beat", "--json"))["removed"]
    assert ok("notify", "list").startswith("Nobody is told.")


def test_activity_is_listed_newest_last(server: Process) -> None:
    add_list()
    moments = [line.split()[0] for line in ok("activity", "--limit", "5").splitlines()]
    assert len(moments) == 5
    assert moments == sorted(moments)
    entries = [json.loads(line) for line in ok("activity", "--kind", "source.", "--json").splitlines()]
    assert entries[-1]["message"] == "Source List (M3U playlist) was added"
    assert {entry["kind"].partition(".")[0] for entry in entries} == {"source"}


def test_activity_is_followed_until_interrupted(server: Process) -> None:
    command = [sys.executable, "-m", "nightcrew", "activity", "--follow", "--limit", "1"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background has them ignore the interrupt, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stdout is not None
    assert process.stderr is not None
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=lambda out=process.stdout: [lines.put(line) for line in out], daemon=True)
    reader.start()
    try:
        lines.get(timeout=20)
        ok("settings", "set", "keep_gone_days", "31")
        seen = ""
        while "keep_gone_days = 31" not in seen:
            seen = lines.get(timeout=20)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == exits.INTERRUPTED
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        ok("settings", "set", "keep_gone_days", "null")


WITH_A_SERVICE = {("connections", verb) for verb in ("add", "change", "remove", "test")}
"""Tried with one in tests/client/test_connection_commands.py."""
WITH_DOWNLOADS = {("music", verb) for verb in ("accept", "cancel", "choose", "reject", "retry")} | {
    ("music", "wanted", "upgrade")
}
"""Tried with some in tests/music/test_music_commands.py."""
WITH_FILMS = {
    *(
        ("movies", verb)
        for verb in [
            "show",
            "sources",
            "search",
            "unwant",
            "refuse",
            "accept",
            "use",
            "copy",
            "profile",
            "formats",
            "fetch",
            "drop",
            "blocked",
            "allow",
        ]
    ),
    *(("movies", "indexer", verb) for verb in ("add", "test")),
    *(("lists", verb) for verb in ["add", "want", "unwant", "refresh", "accept", "pause", "resume", "remove"]),
    ("shows", "show"),
}
"""Tried with some in tests/movies/test_movie_commands.py."""
WITH_ROUTES = {("routes", verb) for verb in ("add", "test", "remove")}
"""Tried with one in tests/web/test_routes.py."""
JSON_COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("movies", "list"): (),
    ("movies", "tasks"): (),
    ("movies", "profiles"): (),
    ("movies", "downloads"): (),
    ("movies", "plan"): (),
    ("movies", "indexer", "list"): (),
    ("shows", "list"): (),
    ("lists", "list"): (),
    ("routes", "list"): (),
    ("checks", "pause"): ("{run}",),
    ("checks", "resume"): ("{run}",),
    ("checks", "cancel"): ("{run}",),
    ("connections", "list"): (),
    ("connections", "kinds"): (),
    ("status",): (),
    ("activity",): ("--limit", "1"),  # a line of JSON for each entry
    ("doctor",): ("--data-dir", "{folder}"),
    ("backup",): ("{backup}", "--data-dir", "{folder}"),
    ("restore",): ("{backup}", "--data-dir", "{elsewhere}"),
    ("refresh",): ("DE",),
    ("channels",): (),
    ("jobs", "list"): (),
    ("jobs", "show"): ("{job}",),
    ("jobs", "cancel"): ("{running}",),
    ("jobs", "retry"): ("{running}",),
    ("workers", "list"): (),
    ("workers", "pause"): ("playlists.refresh",),
    ("workers", "resume"): ("playlists.refresh",),
    ("workers", "run"): ("kernel.nightly",),
    ("settings", "list"): (),
    ("settings", "get"): ("keep_gone_days",),
    ("settings", "set"): ("keep_gone_days", "null"),
    ("settings", "import"): ("{config}",),
    ("source", "add"): ("m3u", "Other", "List.m3u"),
    ("source", "list"): (),
    ("source", "edit"): ("{source}", "name=Evening"),
    ("source", "accounts"): (),
    ("source", "add-profile"): ("{source}", "second", "--search", "192.0.2.1", "--replace", "192.0.2.2"),
    ("source", "profiles"): ("{source}",),
    ("source", "remove-profile"): ("{source}", "second"),
    ("source", "reject"): ("First",),
    ("source", "accept"): ("Second",),
    ("source", "remove"): ("Second",),
    ("check",): ("--all", "--no-wait"),
    ("checks", "list"): (),
    ("checks", "show"): ("1",),
    ("checks", "runs"): (),
    ("source", "refresh"): ("{source}",),
    ("token", "make"): ("player", "Set-top box"),
    ("token", "list"): (),
    ("token", "revoke"): ("{token}",),
    ("record",): ("http://127.0.0.1:9/live.m3u8",),
    ("recordings", "list"): (),
    ("recordings", "show"): ("{recording}",),
    ("recordings", "rotate"): ("{recording}",),
    ("recordings", "keep"): ("{recording}",),
    ("recordings", "release"): ("{recording}",),
    ("recordings", "stop"): ("{recording}",),
    ("recordings", "delete"): ("{failed}", "--dry-run"),
    ("recordings", "retry"): ("{failed}",),
    ("recordings", "retention"): (),
    ("recordings", "stuck"): (),
    ("recordings", "watch", "add"): ("http://127.0.0.1:9/live.m3u8", "--name", "Watched"),
    ("recordings", "watch", "access"): ("Watched",),
    ("recordings", "watch", "list"): (),
    ("recordings", "watch", "on"): ("Watched",),
    ("recordings", "watch", "off"): ("Watched",),
    ("recordings", "watch", "remove"): ("Watched",),
    ("music", "match"): ("{match}",),
    ("music", "autosync"): ("--dry-run",),
    ("music", "downloads"): (),
    ("music", "review"): (),
    ("music", "wanted", "add"): ("Somebody", "Home"),
    ("music", "wanted", "list"): (),
    ("music", "wanted", "import"): ("{tracks}",),
    ("music", "wanted", "search"): ("1",),
    ("music", "wanted", "ignore"): ("1",),
    ("music", "wanted", "remove"): ("1",),
    ("notify", "add"): ("heartbeat", "Beat", "{url}/health"),
    ("notify", "list"): (),
    ("notify", "test"): ("Beat",),
    ("notify", "remove"): ("Beat",),
}


def held_back(name: str, region: str) -> None:
    """A source with a change that waits for a person."""
    source = add_list(name, region)
    write_list(f"{name}.m3u", 3)
    assert run("source", "refresh", source).code == 0


def test_json_can_be_parsed_wherever_it_is_offered(server: Process, tmp_path: Path, silent_port: int) -> None:
    match = tmp_path / "match.json"
    question = {"track": {"title": "Home", "artists": ["Somebody"]}, "candidates": [{"path": "x/Somebody - Home.mp3"}]}
    match.write_text(json.dumps(question))
    tracks = tmp_path / "tracks.txt"
    tracks.write_text("Somebody - Away\n")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"RES": False, "unheard_of": 1}))
    offered = {words for words, command in commands() if any("--json" in p.opts for p in command.params)}
    assert offered == {*JSON_COMMANDS, *WITH_A_SERVICE, *WITH_DOWNLOADS, *WITH_FILMS, *WITH_ROUTES}
    source = add_list()
    job = json.loads(ok("source", "refresh", source, "--json"))[0]["id"]
    failed, recording = (json.loads(ok("record", "http://127.0.0.1:9/live.m3u8", "--json"))["id"] for _ in range(2))
    assert run("recordings", "stop", failed, "--follow").code == 1, "there is nothing to make a file of"
    known = {"job": job, "source": source, "failed": failed, "recording": recording, "url": server.url}
    known |= {"match": match, "tracks": tracks, "config": config, "folder": server.folder}
    known |= {"backup": tmp_path / "backup.tar.gz", "elsewhere": tmp_path / "elsewhere"}
    held_back("First", "AT")
    held_back("Second", "CH")
    ok("source", "add", "m3u", "Silent", f"http://127.0.0.1:{silent_port}/a.m3u", "--region", "SI", "--no-wait")
    until(lambda: bool(json.loads(ok("jobs", "list", "--state", "running", "--json"))), "a running job")
    known["running"] = json.loads(ok("jobs", "list", "--state", "running", "--json"))[0]["id"]
    write_list("Slow.m3u", 2, host=f"127.0.0.1:{silent_port}")
    ok("source", "add", "m3u", "Slow", "Slow.m3u", "--region", "SL")
    known["run"] = json.loads(ok("check", "--source", "Slow", "--no-wait", "--json"))["id"]
    ok("token", "make", "api", "script")
    known["token"] = json.loads(ok("token", "list", "--json"))[0]["id"]
    for words, more in JSON_COMMANDS.items():
        result = run(*words, *(text.format(**known) for text in more), "--json")
        assert (result.code, result.err) == (int(words == ("status",)), ""), (words, result)
        assert isinstance(json.loads(result.out), list | dict), words


def test_every_command_explains_itself(server: Process) -> None:
    for words, command in commands():
        assert command.help, words
        result = run(*words, "--help")
        assert (result.code, result.err) == (0, ""), words


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["status", "--nonsense"],
        ["refresh"],
        ["activity", "--limit", "0"],
        ["source", "add", "m3u", "OnlyAName"],
        ["source", "remove"],
        ["settings", "import", "/no/such/file"],
        ["token", "revoke", "it"],
        ["serve", "--port", "99999"],
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2(server: Process, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 2, result
    assert result.out == ""
    assert "Traceback" not in result.err


def test_without_a_server_every_asking_command_ends_with_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NIGHTCREW_URL", f"http://127.0.0.1:{free_port()}")
    (tmp_path / "config.json").write_text("{}")
    local = {"serve", "worker", "demo", "doctor", "passwd", "backup", "restore"}
    values = {
        "source": "1",
        "token": "1",
        "stream": "1",
        "run": "1",
        "recording": "1",
        "download": "1",
        "offer": "1",
        "track": "1",
        "movie": "1",
        "show": "1",
        "number": "1",
        "handover": "1",
        "file": str(tmp_path / "config.json"),
        "field": "name=A",
    }
    asked = 0
    for words, command in commands():
        if words[0] not in local:
            needed = [values.get(p.name, "x") for p in command.params if p.param_type_name == "argument" and p.required]
            needed += ["--all"] if words == ("check",) else []
            needed += ["--no-key"] if words == ("movies", "indexer", "add") else []
            needed += ["http://192.0.2.1/"] if words in {("record",), ("recordings", "watch", "add")} else []
            run(*words, *needed).failed("no Nightcrew answers at http://127.0.0.1:")
            asked += 1
    assert asked > 20


def test_an_address_that_is_no_nightcrew_is_one_clear_line(server: Process) -> None:
    run("status", "--url", f"{server.url}/api/docs?").failed("does not speak Nightcrew's API")
    run("status", "--url", "no address").failed("no address")


def test_the_script_itself_ends_with_1_and_no_traceback() -> None:
    spawn("status", "--url", f"http://127.0.0.1:{free_port()}").failed("no Nightcrew answers at")


# -- commands that run here --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_said(option: str) -> None:
    assert ok(option) == f"nightcrew {__version__}\n"


def test_a_shell_completes_commands_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_NIGHTCREW_COMPLETE" in completion(shell)
    assert completed(monkeypatch, "rec") == ["record", "recordings"]
    assert "--region" in completed(monkeypatch, "source", "add", "--")


def completion(shell: str) -> str:
    """The script that teaches a shell our words."""
    script = ok("--show-completion", shell)
    assert "nightcrew" in script
    return script


def completed(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """What bash offers behind these words."""
    monkeypatch.setenv("_NIGHTCREW_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(["nightcrew", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    return run().out.split()


def test_a_second_server_on_a_data_directory_is_refused(server: Process) -> None:
    run("serve", "--data-dir", server.folder, "--port", free_port()).failed("another Nightcrew already uses")
    server.check_alive()


def test_a_port_that_is_taken_is_one_clear_line(server: Process, tmp_path: Path) -> None:
    result = run("serve", "--data-dir", tmp_path / "data", "--port", server.port)
    result.failed(f"cannot listen on 127.0.0.1 port {server.port}")


def test_without_a_password_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    result = run("serve", "--host", "0.0.0.0", "--data-dir", tmp_path / "data", "--port", free_port())
    result.failed("before Nightcrew listens on 0.0.0.0, set a password")


def test_a_data_directory_or_database_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "nightcrew.toml").write_text("[[x")
    run("serve", "--data-dir", tmp_path / "settings").failed("nightcrew.toml is not valid TOML")
    (tmp_path / "file").write_text("")
    run("serve", "--data-dir", tmp_path / "file").failed(str(tmp_path / "file"))


def test_a_database_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    url = f"postgresql://someone:secret-password@127.0.0.1:{free_port()}/nightcrew"
    result = run("serve", "--data-dir", tmp_path / "data", "--database-url", url)
    result.failed("database")
    assert "secret-password" not in result.err


def test_a_password_from_stdin_holds_from_the_next_start_on(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("passwd", "--data-dir", tmp_path / "data", stdin="short\n").failed("8 or more characters")
    assert "The password is set." in run("passwd", "--data-dir", tmp_path / "data", stdin=f"{PASSWORD}\n").out
    server = start("data", command=("serve", "--host", "0.0.0.0"))
    monkeypatch.setenv("NIGHTCREW_URL", server.url)
    run("channels").failed("send an API key")
    with httpx2.Client(base_url=server.url, trust_env=False) as person:
        assert person.post("/login", data={"password": "a guess"}).status_code == 422
        assert person.post("/login", data={"password": PASSWORD}).status_code == 303
        key = person.post("/api/v1/tokens", json={"scope": "api", "name": "shell"}).json()["token"]
    assert ok("channels", "--api-key", key) == "No channel matches.\n"
    monkeypatch.setenv("NIGHTCREW_API_KEY", key)
    assert "shell" in ok("token", "list")
    run("token", "make", "api", "second").failed("send the password too")
    monkeypatch.setenv("NIGHTCREW_PASSWORD", PASSWORD)
    assert len(ok("token", "make", "api", "second", "--may", "read").strip()) > 20
    assert "read" in ok("token", "list")
    monkeypatch.delenv("NIGHTCREW_PASSWORD")
    assert server.stop() == 0, server.log()
    assert "Traceback" not in server.log()


def test_the_doctor_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_PORT", str(free_port()))  # a Nightcrew of this machine's may run beside the tests
    healthy = run("doctor", "--data-dir", tmp_path / "data")
    assert healthy.code == 0, healthy
    found = {line.split(":")[0].split(None, 1)[1] for line in healthy.out.splitlines()}
    assert found >= {"Python", "data directory", "database", "disk", "ffmpeg", "clock"}
    ill = run("doctor", "--data-dir", tmp_path / "data", "--database-url", "mysql://a:secret@192.0.2.1/b")
    assert ill.code == 1
    assert "MISSING database" in ill.out
    assert "secret" not in ill.out + ill.err
    assert "Traceback" not in ill.err


def test_a_worker_without_a_page_starts_and_stops(start: Start, postgres: str) -> None:
    worker = start("worker", command=("worker", "--database-url", postgres), wait=False)
    until(lambda: worker.check_alive() or "Working as " in worker.log(), "the worker")
    assert worker.stop() == 0, worker.log()
    assert "Traceback" not in worker.log()
