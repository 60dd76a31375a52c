"""Options of commands for what a stream asks of who records it. Logins are asked for, or read from stdin: never arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import BadParameter, Option

from nightcrew.client import Failed
from nightcrew.client.secrets import address_of, line_of_stdin, typed
from nightcrew.recorder.login import goes_everywhere
from nightcrew.recorder.plugin_options import PLUGIN_OPTIONS, collected

Header = Annotated[
    list[str] | None,
    Option(
        "--header",
        metavar="NAME[=-]",
        help="A header that its requests have, such as Authorization. Its value is asked for, or a line of stdin; "
        "'User-Agent=…' and others that are no login may be written out. Can be repeated.",
    ),
]
CookiesStdin = Annotated[
    bool, Option("--cookies-stdin", help="Read its cookies from stdin, one line: NAME=VALUE; NAME=VALUE.")
]
CookiesFile = Annotated[Path | None, Option("--cookies-file", help="A file with its cookies, as NAME=VALUE.")]
Setting = Annotated[
    list[str] | None,
    Option(
        "--option",
        metavar="NAME[=VALUE]",
        help="An option of a plugin of streamlink, such as twitch-api-header. That of a login is asked for, or a line of "
        "stdin. Can be repeated.",
    ),
]
ProxyOption = Annotated[
    str | None,
    Option("--proxy", metavar="URL", help="Everything goes through this proxy: http, https or socks5. - asks for it."),
]
MOST = 20_000


def access_of(
    header: Sequence[str] | None,
    cookies_stdin: bool,
    cookies_file: Path | None,
    option: Sequence[str] | None,
    proxy: str | None,
) -> dict[str, Any]:
    """As the API takes it; without what was not given. Raises `BadParameter` and `Failed`."""
    found: dict[str, Any] = {}
    if header:
        found["headers"] = dict(_header(text) for text in header)
    if cookies_stdin and cookies_file:
        raise BadParameter("give the cookies once: --cookies-stdin or --cookies-file")
    if cookies_stdin:
        found["cookies"] = line_of_stdin("the cookies")
    if cookies_file:
        found["cookies"] = _text_of(cookies_file)
    if option:
        found["options"] = collected(map(_option, option))
    if proxy is not None:
        found["proxy"] = address_of(proxy, "the proxy")
    return found


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if equals and value != "-" and not goes_everywhere(name):
        raise BadParameter(
            f"a login is never an argument, since others on this machine can see those: use --header {name}=- and "
            "write its value to stdin"
        )
    return name, value if equals and value != "-" else typed(name)


def _option(text: str) -> tuple[str, str | bool]:
    name, equals, value = text.removeprefix("--").partition("=")
    known = PLUGIN_OPTIONS.get(name)
    if known is None:
        return name, ""  # the server says which ones there are
    if known.shape == "flag":
        return name, value or True
    if equals and value != "-" and known.secret:
        raise BadParameter(
            f"a login is never an argument, since others on this machine can see those: use --option {name}=- and "
            "write its value to stdin"
        )
    return name, value if equals and value != "-" else typed(name)


def _text_of(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(MOST)
    except (OSError, UnicodeDecodeError) as exc:
        raise Failed(f"cannot read {file}: {getattr(exc, 'strerror', None) or 'it is no text'}") from exc
