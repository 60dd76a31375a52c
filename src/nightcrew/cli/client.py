"""Commands that ask a running server over its HTTP API, and print a table for people or JSON for scripts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nightcrew.kernel.settings import parse_value

DEFAULT_URL = "http://127.0.0.1:8780"

Url = Annotated[str, typer.Option("--url", envvar="NIGHTCREW_URL", help="The server's address.")]
Key = Annotated[str, typer.Option("--api-key", envvar="NIGHTCREW_API_KEY", help="An API key, where a password is set.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Failed(Exception):
    """The server refused or cannot be reached; the message is for a person."""


class Server:
    """The API of one server."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Accept": "application/json", "User-Agent": "nightcrew-cli"}
        if key:
            headers["X-Api-Key"] = key
        self._url = url.rstrip("/")
        self._client = httpx2.Client(base_url=self._url, headers=headers, timeout=60, trust_env=False)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The JSON answer. Raises `Failed` with the problem's sentence."""
        try:
            answer = self._client.request(method, path, **more)
        except httpx2.TransportError as exc:
            raise Failed(
                f"no Nightcrew answers at {self._url}: start it with `nightcrew serve`, or name another with --url"
            ) from exc
        try:
            body = answer.json()
        except ValueError as exc:
            raise Failed(f"{self._url} does not speak Nightcrew's API (HTTP {answer.status_code})") from exc
        if answer.status_code >= 400 and path != "/health":
            raise Failed(str(body.get("detail") or f"HTTP {answer.status_code}"))
        return body

    def pages(self, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
        """Up to `limit` items over as many pages as that takes."""
        items: list[dict[str, Any]] = []
        cursor = None
        while len(items) < limit:
            query = {**params, "limit": min(1000, limit - len(items)), "cursor": cursor}
            body = self.ask("GET", path, params={k: v for k, v in query.items() if v is not None})
            items += body["items"]
            cursor = body.get("next")
            if cursor is None:
                break
        return items


def show(rows: list[dict[str, Any]], columns: list[str], *, as_json: bool, empty: str = "Nothing there.") -> None:
    """A table for people, or everything as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        print(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row.get(column)) for column in columns))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help="Is everything all right? Exit 1 when a worker broke its promise.")(status)
    app.command(help="What happened.")(activity)
    app.command(help="Refresh a region, or * for all, and wait for the end.")(refresh)
    app.command(help="Channels.")(channels)
    for name, text, commands in (
        ("jobs", "Jobs: list, show, cancel, retry.", (jobs_list, jobs_show, jobs_cancel, jobs_retry)),
        ("workers", "Workers: list, run, pause, resume.", (workers_list, workers_run, workers_pause, workers_resume)),
        ("settings", "Settings: list, get, set, import.", (settings_list, settings_get, settings_set, settings_import)),
        (
            "source",
            "Sources of channels: add, list, edit, remove, refresh, accept, reject.",
            (source_add, source_list, source_edit, source_remove, source_refresh, source_accept, source_reject),
        ),
        ("token", "API keys and players' tokens: list, make, revoke.", (token_list, token_make, token_revoke)),
    ):
        group = typer.Typer(help=text, no_args_is_help=True)
        for command in commands:
            group.command(command.__name__.partition("_")[2], help=command.__doc__)(command)
        app.add_typer(group, name=name)


def status(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Health, workers and regions."""
    server = Server(url, api_key)
    health, regions = server.ask("GET", "/health"), server.ask("GET", "/api/v1/regions")["items"]
    if as_json:
        print(json.dumps({**health, "regions": regions}, indent=2, ensure_ascii=False))
    else:
        words = {
            "ok": "Everything is all right",
            "degraded": "Some results are old",
            "failing": "A worker broke its promise",
        }
        print(f"{words[health['status']]}. Nightcrew {health['version']} at {url}.")
        show(health["workers"], ["name", "state", "fresh", "age_s", "promise_s", "next_run", "error"], as_json=False)
        show(
            regions,
            ["region", "status_text", "channels", "resolved", "age", "size"],
            as_json=False,
            empty="No regions yet.",
        )
    if health["status"] == "failing":
        raise typer.Exit(1)


def activity(
    follow: Annotated[bool, typer.Option("--follow", help="Go on as things happen.")] = False,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only this kind; `playlist.` means all that begin so.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 30,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Newest last."""
    server = Server(url, api_key)
    entries = server.pages("/api/v1/activity", limit, kind=kind)[::-1]
    _print_entries(entries, as_json)
    seen = entries[-1]["id"] if entries else 0
    while follow:
        time.sleep(1)
        fresh = [e for e in server.pages("/api/v1/activity", 200, kind=kind)[::-1] if e["id"] > seen]
        _print_entries(fresh, as_json)
        seen = fresh[-1]["id"] if fresh else seen


def _print_entries(entries: list[dict[str, Any]], as_json: bool) -> None:
    for entry in entries:
        line = (
            json.dumps(entry, ensure_ascii=False)
            if as_json
            else f"{entry['at']}  {entry['level']:7}  {entry['message']}"
        )
        print(line, flush=True)


def refresh(
    region: Annotated[str, typer.Argument(help="A region such as DE, or * for all.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Fetch everything anew, without caches.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Exit 1 when a refresh failed."""
    server = Server(url, api_key)
    started = server.ask("POST", f"/api/v1/refresh/{region}", params={"rebuild": rebuild})["jobs"]
    _wait(server, started, as_json)


def _wait(server: Server, job_ids: list[str], as_json: bool) -> None:
    """Follow jobs to their end with a progress bar."""
    ended: dict[str, dict[str, Any]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bars:
        tasks = {job_id: bars.add_task(job_id, total=None) for job_id in job_ids}
        while len(ended) < len(job_ids):
            for job_id in job_ids:
                job = server.ask("GET", f"/api/v1/jobs/{job_id}")
                share = job["progress"]
                bars.update(
                    tasks[job_id],
                    total=1 if share else None,
                    completed=share or 0,
                    description=job["message"] or job_id,
                )
                if job["state"] not in {"queued", "running"}:
                    ended[job_id] = job
            time.sleep(0.3)
    show(list(ended.values()), ["id", "state", "error"], as_json=as_json, empty="There is nothing to refresh.")
    if any(job["state"] == "failed" for job in ended.values()):
        raise typer.Exit(1)


def channels(
    query: Annotated[str, typer.Argument(help="Words to look for.")] = "",
    group: Annotated[str | None, typer.Option("--group")] = None,
    region: Annotated[str | None, typer.Option("--region")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000)] = 50,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """In playlist order."""
    rows = Server(url, api_key).pages("/api/v1/channels", limit, q=query or None, group=group, region=region)
    show(rows, ["id", "number", "name", "group", "region"], as_json=as_json, empty="No channel matches.")


# -- jobs --------------------------------------------------------------------------------------------------------------


def jobs_list(
    state: Annotated[str | None, typer.Option("--state", help="queued, running, done, failed or cancelled.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 30,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Newest first."""
    rows = Server(url, api_key).pages("/api/v1/jobs", limit, state=state)
    show(rows, ["id", "state", "created_at", "ended_at", "error"], as_json=as_json, empty="No jobs.")


def jobs_show(job: str, url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """One job with its steps."""
    found = Server(url, api_key).ask("GET", f"/api/v1/jobs/{job}")
    steps = found.pop("steps")
    if as_json:
        print(json.dumps({**found, "steps": steps}, indent=2, ensure_ascii=False))
        return
    show([{"field": k, "value": v} for k, v in found.items() if v not in (None, "")], ["field", "value"], as_json=False)
    show(steps, ["name", "started_at", "ended_at", "error"], as_json=False, empty="No finished steps.")


def jobs_cancel(job: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """End a job now."""
    print(f"{job} is {Server(url, api_key).ask('POST', f'/api/v1/jobs/{job}/cancel')['state']}")


def jobs_retry(job: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Run a failed job again."""
    print(f"started again as {Server(url, api_key).ask('POST', f'/api/v1/jobs/{job}/retry')['id']}")


# -- workers -----------------------------------------------------------------------------------------------------------


def workers_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Every worker with its promise."""
    rows = Server(url, api_key).ask("GET", "/api/v1/workers")["items"]
    show(
        rows,
        ["name", "kind", "state", "fresh", "age_s", "promise_s", "last_start", "next_run", "error"],
        as_json=as_json,
    )


def workers_run(name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Start a run now."""
    _worker(url, api_key, name, "run")


def workers_pause(name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Start no further runs, over restarts too."""
    _worker(url, api_key, name, "pause")


def workers_resume(name: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Undo a pause."""
    _worker(url, api_key, name, "resume")


def _worker(url: str, key: str, name: str, action: str) -> None:
    print(f"{name} is {Server(url, key).ask('POST', f'/api/v1/workers/{name}/{action}')['state']}")


# -- settings ----------------------------------------------------------------------------------------------------------


def settings_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """Every option."""
    rows = Server(url, api_key).ask("GET", "/api/v1/settings")["items"]
    show(rows, ["key", "value", "unit", "origin", "help"], as_json=as_json)


def settings_get(key: str, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """One option's value, as JSON."""
    rows = Server(url, api_key).ask("GET", "/api/v1/settings")["items"]
    found = [row for row in rows if key in {row["key"], row["name"]}]
    if not found:
        raise Failed(f"there is no setting {key!r}")
    print(json.dumps(found[0]["value"], ensure_ascii=False))


def settings_set(
    key: str,
    value: Annotated[str, typer.Argument(help="JSON, or a bare text; `null` goes back to the default.")],
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Change one option."""
    changed = Server(url, api_key).ask("PATCH", "/api/v1/settings", json={key: parse_value(value)})["changed"]
    print("\n".join(f"{name} = {json.dumps(new, ensure_ascii=False)}" for name, new in changed.items()) or "unchanged")


def settings_import(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A config.json of ours or of a seed.")],
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Take over a configuration file."""
    try:
        data = json.loads(file.read_text("utf-8"))
    except ValueError as exc:
        raise Failed(f"{file} is not valid JSON: {exc}") from exc
    answer = Server(url, api_key).ask("POST", "/api/v1/settings/import", json=data)
    print(f"imported: {', '.join(answer['imported']) or 'nothing'}")
    if answer["ignored"]:
        print(f"ignored: {', '.join(answer['ignored'])}", file=sys.stderr)


# -- sources -----------------------------------------------------------------------------------------------------------


def source_add(
    kind: Annotated[str, typer.Argument(help="m3u, xtream, catalogue or guide.")],
    name: str,
    address: Annotated[str, typer.Argument(metavar="URL", help="An address, or for m3u and guide a file.")],
    region: Annotated[
        str, typer.Option("--region", help="The region's name; default: made from the source's name.")
    ] = "",
    username: Annotated[str, typer.Option("--username", envvar="NIGHTCREW_SOURCE_USERNAME")] = "",
    password: Annotated[str, typer.Option("--password", envvar="NIGHTCREW_SOURCE_PASSWORD")] = "",
    config: Annotated[Path | None, typer.Option("--config", help="JSON file with further fields (catalogue).")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the first refresh.")] = True,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Add a source, fetch it, and say how many channels it has."""
    body: dict[str, Any] = json.loads(config.read_text("utf-8")) if config else {}
    body |= {"kind": kind, "name": name, "url": _address(kind, address)}
    body |= {key: value for key, value in (("region", region), ("username", username), ("password", password)) if value}
    server = Server(url, api_key)
    source = server.ask("POST", "/api/v1/sources", json=body)
    if wait:
        jobs = [feed["run"] for feed in source["feeds"] if feed["run"]]
        try:
            _wait_quietly(server, jobs)
        finally:
            source = server.ask("GET", f"/api/v1/sources/{source['id']}")
    _print_source(source, as_json)
    if any(feed["error"] for feed in source["feeds"]):
        raise typer.Exit(1)


def _address(kind: str, address: str) -> str:
    """A relative path is meant from here, not from where the server runs."""
    if kind in {"m3u", "guide", "xmltv"} and "://" not in address:
        return str(Path(address).expanduser().absolute())
    return address


def _wait_quietly(server: Server, jobs: list[str]) -> None:
    for job in jobs:
        while server.ask("GET", f"/api/v1/jobs/{job}")["state"] in {"queued", "running"}:
            time.sleep(0.2)


def _print_source(source: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(source, indent=2, ensure_ascii=False))
        return
    for feed in source["feeds"]:
        what = (
            f"region {feed['region']}: {feed['streams']} channels"
            if feed["kind"] == "channels"
            else f"guide: {feed['streams']} programmes"
        )
        print(
            f"source {source['id']} {source['name']}, {what}, {feed['status']}{': ' + feed['error'] if feed['error'] else ''}"
        )


def source_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """All sources with their feeds."""
    items = Server(url, api_key).ask("GET", "/api/v1/sources")["items"]
    rows = items if as_json else list(_flat(items))
    show(
        rows,
        ["id", "kind", "name", "region", "status", "channels", "age", "problem"],
        as_json=as_json,
        empty="No sources yet.",
    )


def _flat(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for source in items:
        for feed in source["feeds"]:
            held = f"held back: {feed['held']['reason']}" if feed["held"] else None
            yield {
                "id": source["id"],
                "kind": source["kind"],
                "name": source["name"],
                "region": feed["region"] or "(guide)",
                "status": feed["status"] if source["enabled"] else "off",
                "channels": feed["streams"],
                "age": feed["age"],
                "problem": feed["error"] or held,
            }


def source_edit(
    source: int,
    field: Annotated[list[str], typer.Argument(help="field=value, one or more, for example name=News enabled=false.")],
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Change fields of a source."""
    pairs = [text.partition("=") for text in field]
    changes = {
        key: parse_value(value) if key in {"enabled", "guide", "locales", "options"} else value
        for key, _, value in pairs
    }
    _print_source(Server(url, api_key).ask("PATCH", f"/api/v1/sources/{source}", json=changes), as_json=False)


def source_remove(
    source: int,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Delete a source and the channels that only it can play."""
    answer = Server(url, api_key).ask("DELETE", f"/api/v1/sources/{source}", params={"dry_run": dry_run})
    print(
        f"{'would remove' if answer['dry_run'] else 'removed'} {answer['source']} and its {answer['channels']} channels"
    )


def source_refresh(
    source: int,
    rebuild: Annotated[bool, typer.Option("--rebuild")] = False,
    url: Url = DEFAULT_URL,
    api_key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Refresh one source and wait for the end."""
    server = Server(url, api_key)
    _wait(server, server.ask("POST", f"/api/v1/sources/{source}/refresh", params={"rebuild": rebuild})["jobs"], as_json)


def source_accept(source: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Apply a held-back change."""
    for change in Server(url, api_key).ask("POST", f"/api/v1/sources/{source}/held/accept")["accepted"]:
        print(f"accepted: {change['new']} new, {change['changed']} changed, {change['gone']} gone")


def source_reject(source: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Forget a held-back change."""
    Server(url, api_key).ask("POST", f"/api/v1/sources/{source}/held/reject")
    print("rejected")


# -- tokens ------------------------------------------------------------------------------------------------------------


def token_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """API keys and players' tokens, without their text."""
    rows = Server(url, api_key).ask("GET", "/api/v1/tokens")["items"]
    show(rows, ["id", "scope", "name", "created_at"], as_json=as_json, empty="No tokens.")


def token_make(
    scope: Annotated[str, typer.Argument(help="api or player.")], name: str, url: Url = DEFAULT_URL, api_key: Key = ""
) -> None:
    """Make a token; it is shown this once."""
    print(Server(url, api_key).ask("POST", "/api/v1/tokens", json={"scope": scope, "name": name})["token"])


def token_revoke(token: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Revoke a token at once."""
    Server(url, api_key).ask("DELETE", f"/api/v1/tokens/{token}")
    print("revoked")
