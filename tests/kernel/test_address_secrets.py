"""What is hidden in addresses, and what stays readable: whoever reads a log wants to know which address it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.address_secrets import MASK, hide, is_random

M = MASK
TOKEN = "aB3dE5fG7hJ9kL1mN2"

HIDDEN = [
    ("http://tv.example/live/anna/s3cret/12.ts", f"http://tv.example/live/{M}/{M}/12.ts"),
    ("http://tv.example/movie/anna/s3cret/12.mp4", f"http://tv.example/movie/{M}/{M}/12.mp4"),
    ("http://tv.example/timeshift/anna/s3cret/60/x/12.ts", f"http://tv.example/timeshift/{M}/{M}/{M}/{M}/12.ts"),
    ("http://tv.example/anna/s3cret/12", f"http://tv.example/{M}/{M}/12"),
    ("http://tv.example/anna/s3cret/12.ts", f"http://tv.example/{M}/{M}/12.ts"),
    ("http://tv.example/a/b/anna/s3cret/12.ts", f"http://tv.example/a/b/{M}/{M}/12.ts"),
    ("http://tv.example/hlsr/tok/anna/s3cret/5/h/1.ts", f"http://tv.example/hlsr/{M}/{M}/{M}/{M}/{M}/1.ts"),
    ("http://tv.example/token/abc/list", f"http://tv.example/token/{M}/list"),
    ("http://tv.example/user/anna77/list", f"http://tv.example/user/{M}/list"),
    ("http://tv.example/token:abc/list", f"http://tv.example/token:{M}/list"),
    ("http://tv.example/key=abc/list", f"http://tv.example/key={M}/list"),
    (
        "http://tv.example/a?username=anna&password=x&type=m3u",
        f"http://tv.example/a?username={M}&password={M}&type=m3u",
    ),
    ("http://tv.example/a#token=abc", f"http://tv.example/a#token={M}"),
    ("http://tv.example/a?x=1;token=abc", f"http://tv.example/a?x=1;token={M}"),
    (f"http://tv.example/{TOKEN}/list", f"http://tv.example/{M}/list"),
    (f"http://tv.example/{TOKEN}.m3u8", f"http://tv.example/{M}.m3u8"),
    (f"http://tv.example/a?v={TOKEN}", f"http://tv.example/a?v={M}"),
    ("http://tv.example/a?box=00:1A:79:12:34:56", f"http://tv.example/a?box={M}"),
    ("http://tv.example/00:1A:79:12:34:56/list", f"http://tv.example/{M}/list"),
    ("http://tv.example/a?u=http://b.example/?token=abc", f"http://tv.example/a?u=http://b.example/?token={M}"),
    ("http://tv.example/a?to=http%3A%2F%2Fb.example%2F%3Ftoken%3Dabc", f"http://tv.example/a?to={M}"),
    ("http://tv.example/a?to=http%3A%2F%2Fanna%3Ax%40b.example%2F", f"http://tv.example/a?to={M}"),
    ("GET path=/live/anna/s3cret/12.ts", f"GET path=/live/{M}/{M}/12.ts"),
    ("GET path=/key=abc/x", f"GET path=/key={M}/x"),
]
PLAIN = [
    "http://tv.example/",
    "http://tv.example/lists/news.m3u",
    "http://tv.example/12.ts",
    "http://tv.example/a/12",
    "http://tv.example/user/lists",
    "http://tv.example/users/anna/list",
    "http://tv.example/monkey=abc/list",
    "http://tv.example/live/news/index.m3u8",
    "http://tv.example/a?type=m3u_plus&output=ts",
    "http://tv.example/a?token=",
    "http://tv.example/InternationalBroadcastingCompany/list",
    "http://tv.example/a?to=http%3A%2F%2Fb.example%2Fnews",
    "nothing to see / here",
]


@pytest.mark.parametrize(("address", "shown"), HIDDEN)
def test_a_login_or_a_token_is_hidden_and_the_rest_stays(address: str, shown: str) -> None:
    assert hide(address) == shown


@pytest.mark.parametrize("address", PLAIN)
def test_what_is_no_secret_stays(address: str) -> None:
    assert hide(address) == address


@pytest.mark.parametrize("address", [address for address, _ in HIDDEN])
def test_what_is_hidden_stays_as_it_is_when_it_is_hidden_again(address: str) -> None:
    once = hide(address)
    assert hide(once) == once


def test_known_secrets_are_hidden_as_whole_parts() -> None:
    known = {"plum", "a b"}
    assert hide("http://tv.example/plum/plums", known) == f"http://tv.example/{M}/plums"
    assert hide("http://tv.example/plum.ts", known) == f"http://tv.example/{M}.ts"
    assert hide("http://tv.example/x?v=plum&w=plums", known) == f"http://tv.example/x?v={M}&w=plums"
    assert hide("http://tv.example/a%20b/x", known) == f"http://tv.example/{M}/x"


def test_addresses_inside_of_addresses_are_looked_through_to_some_depth() -> None:
    address = "http://a.example/?u=x"
    for _ in range(6):
        address = f"http://a.example/?u={address}"
    assert hide(address).startswith("http://a.example/?")
    assert hide(f"{address}&token=abc").count("abc") == 0


@pytest.mark.parametrize(
    ("text", "random"),
    [
        (TOKEN, True),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", True),
        ("d41d8cd98f00b204e9800998ecf8427e", True),
        ("aB3dE5fG7hJ9kL1", False),
        ("internationalbroadcasting", False),
        ("InternationalNewsChannelEurope", False),
        ("20260101120000000000", False),
        ("news-channel-one-two-three", False),
        ("season2026episode", False),
    ],
)
def test_what_a_machine_has_made_up(text: str, random: bool) -> None:
    assert is_random(text) is random


@given(
    st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=3, max_size=10).filter(
        lambda one: "live" not in one
    ),
    st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=3, max_size=10),
    st.integers(1, 10**6),
)
def test_no_login_of_a_panel_is_ever_shown(user: str, password: str, number: int) -> None:
    shown = hide(f"http://192.0.2.1:8080/live/{user}/{password}/{number}.ts")
    assert shown == f"http://192.0.2.1:8080/live/{M}/{M}/{number}.ts"
