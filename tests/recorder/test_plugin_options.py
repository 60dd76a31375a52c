"""Options of streamlink's plugins: what may be set is what the installed streamlink knows, and nothing that opens ways around."""

from __future__ import annotations

from typing import Any

import pytest
from streamlink import Streamlink

from nightcrew.recorder.plugin_options import PLUGIN_OPTIONS, options_of, read_option, secrets_in
from nightcrew.recorder.session import plugin_of, session_of
from nightcrew.recorder.wire import Order


@pytest.fixture(scope="module")
def known() -> dict[str, tuple[str, Any]]:
    """All options of all plugins of the installed streamlink by their names, with their plugin."""
    plugins = Streamlink().plugins
    plugins.load_builtin()
    return {
        argument.argument_name(name).removeprefix("--"): (name, argument)
        for name in plugins.get_names()
        for argument in plugins[name].arguments or ()
    }


@pytest.mark.parametrize("name", sorted(PLUGIN_OPTIONS))
def test_each_option_is_one_of_the_installed_streamlink(known: dict[str, tuple[str, Any]], name: str) -> None:
    option = PLUGIN_OPTIONS[name]
    plugin, argument = known[name]
    assert (plugin, argument.name) == (option.plugin, option.key)
    assert (argument.options.get("action") == "store_true") is (option.shape == "flag")
    assert (argument.options.get("action") == "append") is (option.shape == "pairs")
    assert option.secret or not argument.sensitive


def test_every_login_that_streamlink_asks_for_can_be_given(known: dict[str, tuple[str, Any]]) -> None:
    older = {name for name in known if name.startswith("afreeca-")}  # the former name of soop
    assert {name for name, (_, argument) in known.items() if argument.sensitive} - older <= set(PLUGIN_OPTIONS)


REFUSED = [
    "player",
    "output",
    "ffmpeg-ffmpeg",
    "ffmpeg-verbose-path",
    "plugin-dir",
    "http-proxy",
    "https-proxy",
    "http-cookies-file",
    "http-ssl-verify",
    "http-trust-env",
    "interface",
    "webbrowser-executable",
    "webbrowser-cdp-host",
    "twitch-force-client-integrity",
    "twitch-purge-client-integrity",
    "config",
    "--twitch-api-header",
    "",
]


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_is_not_allowed_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError) as wrong:
        read_option(name, "geheim-4711")
    assert name in str(wrong.value) and "geheim" not in str(wrong.value)


GOOD = [
    ("twitch-api-header", "Authorization=OAuth abc=", [("Authorization", "OAuth abc=")]),
    ("twitch-api-header", ["a=1", "b=2"], [("a", "1"), ("b", "2")]),
    ("twitch-supported-codecs", "h264, av1", ["h264", "av1"]),
    ("twitch-low-latency", True, True),
    ("twitch-low-latency", "no", False),
    ("steam-password", "p w", "p w"),
    ("steam-password", ["p"], "p"),
]


@pytest.mark.parametrize(("name", "value", "read"), GOOD)
def test_values_are_read_by_their_shape(name: str, value: object, read: object) -> None:
    assert read_option(name, value) == read


BAD = [
    ("twitch-api-header", "geheim"),
    ("twitch-api-header", []),
    ("twitch-api-header", ["a=1"] * 51),
    ("twitch-low-latency", "geheim"),
    ("twitch-low-latency", ["yes"]),
    ("twitch-low-latency", None),
    ("steam-password", ""),
    ("steam-password", "geheim\nx"),
    ("steam-password", "geheim" * 1000),
    ("steam-password", ["geheim", "b"]),
    ("steam-password", True),
    ("steam-password", {"geheim": 1}),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_wrong_value_is_not_repeated(name: str, value: object) -> None:
    with pytest.raises(ValueError) as wrong:
        read_option(name, value)
    assert name in str(wrong.value) and "geheim" not in str(wrong.value)


GIVEN = {
    "twitch-api-header": [["Authorization", "OAuth geheim"]],
    "twitch-low-latency": True,
    "steam-password": "pw",
    "gone-since": "x",
}


def test_a_plugin_gets_its_own_options_alone() -> None:
    assert options_of("twitch", GIVEN) == {"api-header": [("Authorization", "OAuth geheim")], "low-latency": True}
    assert secrets_in(GIVEN) == ["OAuth geheim", "pw", "x"]
    order = Order(1, "", "", "https://www.twitch.tv/somebody", options=GIVEN)
    made = session_of(order)
    plugin = plugin_of(made, order, *made.resolve_url_no_redirect(order.url))
    assert plugin.get_option("api-header") == [("Authorization", "OAuth geheim")]
    assert plugin.api.headers["Authorization"] == "OAuth geheim"
    assert plugin.get_option("password") is None


def test_what_logs_a_plugin_in_is_remembered_for_its_own_options_and_in_no_file() -> None:
    def plugin(password: str) -> Any:
        order = Order(1, "", "", "https://www.twitch.tv/somebody", options={"twitch-api-header": [["p", password]]})
        made = session_of(order)
        return plugin_of(made, order, *made.resolve_url_no_redirect(order.url))

    first = plugin("one")
    first.session.http.cookies.set("sid", "geheim", domain="twitch.tv")
    first.save_cookies()
    assert plugin("one").session.http.cookies.get("sid") == "geheim"
    assert plugin("two").session.http.cookies.get("sid") is None
    assert not first.cache.filename.exists()
