"""What a recording shows its server: headers, cookies and a proxy, as they are read, and which of it is secret."""

from __future__ import annotations

import pytest

from nightcrew.kernel.errors import Invalid
from nightcrew.recordings.models import Watch
from nightcrew.recordings.stream_access import StreamAccess, read_cookies, read_headers, read_proxy


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("a=1; b=2", "a=1; b=2"),
        ("Cookie: a=1;b=2;", "a=1; b=2"),
        ("a=1\nb=x=y==\n", "a=1; b=x=y=="),
        ('a="quoted, or not"', 'a="quoted, or not"'),
    ],
)
def test_cookies_are_read_as_browsers_show_them(text: str, read: str) -> None:
    assert read_cookies(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("socks5://Me:w%40rt@Proxy.Example", "socks5h://Me:w%40rt@proxy.example:1080"),
        ("socks5h://10.0.0.1:9050", "socks5h://10.0.0.1:9050"),
        ("http://proxy", "http://proxy:80"),
        ("HTTPS://proxy:8443/", "https://proxy:8443"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_a_proxy_finds_names_itself_and_may_be_at_home(text: str, read: str) -> None:
    assert read_proxy(text) == read


def test_headers_keep_their_names_and_cookies_are_known_by_theirs() -> None:
    assert read_headers({"x-Token": " a b ", "COOKIE": "a=1"}) == {"x-Token": "a b", "Cookie": "a=1"}
    with pytest.raises(Invalid):
        read_headers({"Cookie": "a=1", "cookie": "b=1"})


def test_secrets_are_all_but_what_every_browser_says() -> None:
    access = StreamAccess(
        {"User-Agent": "Player/1.0", "Authorization": "Bearer abc.def-1", "Cookie": "sid=s1; lang=de"},
        {"steam-password": "pw", "twitch-low-latency": True},
        "socks5h://me:w%40rt@proxy:1080",
    )
    assert {"abc.def-1", "s1", "pw", "w@rt", "w%40rt"} <= set(access.secrets())
    assert not {"Player/1.0", "True", "me", "proxy"} & set(access.secrets())
    assert access.names.words == [
        "headers: Authorization, User-Agent",
        "cookies: sid, lang",
        "options: steam-password, twitch-low-latency",
        "proxy: socks5://proxy:1080",
    ]


def test_a_watch_has_no_field_for_secrets_in_the_clear() -> None:
    assert not {"headers", "cookies", "options", "proxy"} & set(Watch.__slots__)
