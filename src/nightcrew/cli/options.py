"""Commands about settings and tokens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nightcrew.client import Failed, Out, Row, Server, as_json, note, read_json
from nightcrew.client.secrets import exposed, page_password, typed
from nightcrew.kernel.words import parse_value

SETTINGS = "/api/v1/settings"
TOKENS = "/api/v1/tokens"

SettingKey = Annotated[str, Argument(metavar="KEY", help="Its name, as `nightcrew settings list` says.")]


def settings_list(server: Server, out: Out) -> None:
    """All options with their values."""
    out.table(server.rows(Row, SETTINGS), ["key", "value", "unit", "origin", "help"])


def settings_get(server: Server, out: Out, key: SettingKey) -> None:
    """One option's value, as JSON. With --json, all that is known of the option."""
    for row in server.rows(Row, SETTINGS):
        if key in {row["key"], row["name"]}:
            out.one(row, lambda option: as_json(option["value"]))
            return
    raise Failed(f"there is no setting {key!r}")


def settings_set(
    server: Server,
    out: Out,
    key: SettingKey,
    value: Annotated[
        str,
        Argument(help="JSON or plain text; `null` goes back to the default. - asks for it, or reads a line of stdin."),
    ],
) -> None:
    """Change one option."""
    if value == "-":
        value = typed(key)
    elif value != "null" and _is_secret(server, key):
        exposed(f"the value of {key}", "write - in its place and the value to stdin")
    out.one(server.patch(Row, SETTINGS, {key: parse_value(value)}), _changes)


def _changes(answer: Row) -> str:
    return "\n".join(f"{name} = {as_json(new)}" for name, new in answer["changed"].items()) or "unchanged"


def _is_secret(server: Server, key: str) -> bool:
    return any(row["secret"] for row in server.rows(Row, SETTINGS) if key in {row["key"], row["name"]})


def settings_import(
    server: Server,
    out: Out,
    file: Annotated[
        Path,
        Argument(exists=True, dir_okay=False, help="A config.json, also that of a program that Nightcrew replaces."),
    ],
) -> None:
    """Import a configuration file."""
    answer = server.post(Row, f"{SETTINGS}/import", read_json(file))
    out.one(answer, lambda found: f"imported: {', '.join(found['imported']) or 'nothing'}")
    if answer["ignored"] and not out.as_json:
        note(f"ignored: {', '.join(answer['ignored'])}")


# -- tokens ------------------------------------------------------------------------------------------------------------


def token_list(server: Server, out: Out) -> None:
    """API keys and players' tokens, without their text."""
    out.table(
        server.rows(Row, TOKENS), ["id", "scope", "permission", "name", "output", "created_at"], empty="No tokens."
    )


def token_make(
    server: Server,
    out: Out,
    scope: Annotated[str, Argument(help="api or player.")],
    name: Annotated[str, Argument(help="What it is for.")],
    output: Annotated[
        str, Option("--output", help="Bind a player's token to tuner, panel, guide or a playlist (playlist/DE).")
    ] = "",
    may: Annotated[
        str, Option("--may", help="What an API key may do: read, players, operate or admin (all but making keys).")
    ] = "admin",
) -> None:
    """Make a token. It is shown only this once. Keys make no keys: where a password is set you are asked
    for it, or it comes from NIGHTCREW_PASSWORD or NIGHTCREW_PASSWORD_FILE."""
    password = page_password() or ""
    wanted = {"scope": scope, "name": name, "output": output, "permission": may, "password": password}
    try:
        made = server.post(Row, TOKENS, wanted)
    except Failed as exc:
        if password or "password" not in str(exc) or not sys.stdin.isatty():
            raise
        made = server.post(Row, TOKENS, wanted | {"password": typed("Password")})
    out.one(made, lambda token: str(token["token"]))


def token_revoke(
    server: Server, out: Out, token: Annotated[int, Argument(help="Its number, as `nightcrew token list` says.")]
) -> None:
    """Revoke a token at once."""
    out.one(server.delete(Row, f"{TOKENS}/{token}"), lambda _: "revoked")
