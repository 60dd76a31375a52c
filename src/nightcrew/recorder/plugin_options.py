"""Which of streamlink's options a recording may have: logins and choices of its plugins. Pure.

Only what is named here is taken. Options that name programs, files, players, outputs or proxies would be ways around the guards of
the recorder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Shape = Literal["text", "flag", "list", "pairs"]
"""One text, a switch, several texts, or pairs of a name and a value."""
OptionValue = bool | str | list[str] | list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PluginOption:
    """An option of a plugin of streamlink, as the plugin knows it. `secret`: it is never shown."""

    plugin: str
    key: str
    shape: Shape = "text"
    secret: bool = True


def _logins(plugin: str, *keys: str, word: str = "") -> dict[str, PluginOption]:
    return {f"{word or plugin}-{key}": PluginOption(plugin, key) for key in keys}


PLUGIN_OPTIONS: Mapping[str, PluginOption] = {
    "twitch-api-header": PluginOption("twitch", "api-header", "pairs"),
    "twitch-access-token-param": PluginOption("twitch", "access-token-param", "pairs"),
    "twitch-supported-codecs": PluginOption("twitch", "supported-codecs", "list", secret=False),
    "twitch-low-latency": PluginOption("twitch", "low-latency", "flag", secret=False),
    "kick-low-latency": PluginOption("kick", "low-latency", "flag", secret=False),
    "bbciplayer-hd": PluginOption("bbciplayer", "hd", "flag", secret=False),
    "zattoo-stream-types": PluginOption("zattoo", "stream-types", "list", secret=False),
    "pixiv-performer": PluginOption("pixiv", "performer", secret=False),
    "sbscokr-id": PluginOption("sbscokr", "id", secret=False),
    **_logins("bbciplayer", "username", "password"),
    **_logins("clubbingtv", "username", "password"),
    **_logins("nicolive", "email", "password", "user-session", word="niconico"),
    **_logins("openrectv", "email", "password"),
    **_logins("pixiv", "sessionid", "devicetoken"),
    **_logins("raiplay", "email", "password"),
    **_logins("soop", "username", "password", "stream-password"),
    **_logins("steam", "email", "password"),
    **_logins("tf1", "email", "password"),
    **_logins("twitcasting", "password"),
    **_logins("ustreamtv", "password", word="ustream"),
    **_logins("ustvnow", "username", "password"),
    **_logins("wwenetwork", "email", "password"),
    **_logins("yupptv", "boxid", "yuppflixtoken"),
    **_logins("zattoo", "email", "password"),
}
ELSEWHERE = {
    "http-header": "as one of the headers",
    "http-headers": "as one of the headers",
    "http-cookie": "among the cookies",
    "http-cookies": "among the cookies",
    "http-proxy": "as the proxy",
    "https-proxy": "as the proxy",
    "http-query-param": "in the address",
}
"""What streamlink takes as options and is given in another way here."""
MAX_TEXT = 4_000
MAX_PAIRS = 50


def collected(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Options that were given one by one: one that is there several times has a list of values."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def read_option(name: str, value: object) -> OptionValue:
    """The value of an option as the plugin takes it. Raises ValueError, with a sentence that shows no value."""
    if name in ELSEWHERE:
        raise ValueError(f"{name} is given {ELSEWHERE[name]}")
    known = PLUGIN_OPTIONS.get(name)
    if known is None:
        raise ValueError(f"{name[:60]} is none of the options that can be set: {', '.join(sorted(PLUGIN_OPTIONS))}")
    if known.shape == "flag":
        return _flag(name, value)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 0 < len(texts) <= MAX_PAIRS:
        raise ValueError(f"{name} takes a text" + ("" if known.shape == "text" else " or a list of them"))
    if not all(isinstance(text, str) and text and text.isprintable() and len(text) <= MAX_TEXT for text in texts):
        raise ValueError(f"{name} takes texts of one line and at most {MAX_TEXT} characters")
    match known.shape:
        case "text" if len(texts) == 1:
            return str(texts[0])
        case "list":
            return [word for text in texts for part in text.split(",") if (word := part.strip())]
        case "pairs":
            return [_pair(name, text) for text in texts]
    raise ValueError(f"{name} takes one text")


def _flag(name: str, value: object) -> bool:
    words: dict[object, bool] = {True: True, False: False, "": True, "true": True, "yes": True, "on": True}
    words |= {"false": False, "no": False, "off": False}
    found = words.get(value.lower() if isinstance(value, str) else value) if isinstance(value, bool | str) else None
    if found is None:
        raise ValueError(f"{name} is a switch: true or false")
    return found


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (equals and key.strip() and value.strip()):
        raise ValueError(f"{name} takes NAME=VALUE")
    return key.strip(), value.strip()


def options_of(plugin: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that were given that are meant for a plugin. Pairs have become lists where they were stored."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        known = PLUGIN_OPTIONS.get(name)
        if known is not None and known.plugin == plugin:
            found[known.key] = [tuple(pair) for pair in value] if known.shape == "pairs" else value
    return found


def secrets_in(given: Mapping[str, Any]) -> list[str]:
    """The values of secret options, for who hides them."""
    found: list[str] = []
    for name, value in given.items():
        known = PLUGIN_OPTIONS.get(name)
        if known is not None and not known.secret:
            continue
        texts: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
        found += [str(text[1]) if isinstance(text, list | tuple) else str(text) for text in texts]
    return found
