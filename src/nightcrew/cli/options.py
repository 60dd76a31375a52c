"""Commands about settings and tokens."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from nightcrew.client import DEFAULT_URL, AsJson, Failed, Key, Server, Url, show
from nightcrew.kernel.words import parse_value


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


def token_list(url: Url = DEFAULT_URL, api_key: Key = "", as_json: AsJson = False) -> None:
    """API keys and players' tokens, without their text."""
    rows = Server(url, api_key).ask("GET", "/api/v1/tokens")["items"]
    show(rows, ["id", "scope", "name", "output", "created_at"], as_json=as_json, empty="No tokens.")


def token_make(
    scope: Annotated[str, typer.Argument(help="api or player.")],
    name: str,
    output: Annotated[
        str, typer.Option("--output", help="Bind a player's token to tuner, panel, guide or a playlist (playlist/DE).")
    ] = "",
    url: Url = DEFAULT_URL,
    api_key: Key = "",
) -> None:
    """Make a token; it is shown this once."""
    wanted = {"scope": scope, "name": name, "output": output}
    print(Server(url, api_key).ask("POST", "/api/v1/tokens", json=wanted)["token"])


def token_revoke(token: int, url: Url = DEFAULT_URL, api_key: Key = "") -> None:
    """Revoke a token at once."""
    Server(url, api_key).ask("DELETE", f"/api/v1/tokens/{token}")
    print("revoked")
