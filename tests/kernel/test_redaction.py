"""Secrets do not survive redaction, whatever stands around them; ordinary text does."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nightcrew.kernel import redaction
from nightcrew.kernel.redaction import MASK, credentials_in, know, log_processor, redact
from support import is_linear

AROUND = st.sampled_from(["", "cannot read ", "'", '"', "(", "<a href=", "GET ", "url=", "x\n"])
AFTER = st.sampled_from(["", " failed", "'", '"', ")", ">", "\n", ": it answers HTTP 500"])
TYPED = st.text(string.ascii_letters + string.digits + "-._~!$*+%", min_size=1, max_size=20).map(
    lambda text: "S3" + text
)
"""What people have in addresses as a password, as it stands there."""


@given(st.text(max_size=30), st.text(min_size=4, max_size=30), st.text(max_size=30))
def test_a_given_secret_never_survives(before: str, secret: str, after: str) -> None:
    assume(MASK[0] not in secret)
    assert secret not in redact(before + secret + after, [secret])


@given(st.text(string.ascii_letters, min_size=4, max_size=10), st.text(string.ascii_letters, min_size=1, max_size=10))
def test_a_secret_that_begins_like_another_one_leaves_no_rest(short: str, rest: str) -> None:
    """The demo panel's own login is demo / demo-password."""
    for secrets in ((short, short + rest), (short + rest, short)):
        assert redact(f"<{short + rest}>", secrets) == f"<{MASK}>"


def test_a_very_short_secret_does_not_blank_out_ordinary_words() -> None:
    assert redact("a banana", ["a"]) == "a banana"


@given(AROUND, TYPED, AFTER)
def test_the_password_before_a_host_never_survives(before: str, password: str, after: str) -> None:
    assert password not in redact(f"{before}https://user:{password}@host.example/list.m3u{after}")


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter22@host/",
        "http://u:hunter22@@host/x",
        "http://u:a@hunter22@host/x",
        "http://u:a:hunter22@host/x",
        "rtsp://u:hunter22@host:554/x",
        "HTTP://U:hunter22@HOST/",
        "postgresql+psycopg://u:hunter22@db/name",
    ],
)
def test_odd_user_info_leaves_nothing_of_the_password(url: str) -> None:
    assert "hunter22" not in redact(f"cannot read {url} now")


KEYS = (
    "password",
    "token",
    "api_key",
    "username",
    "user",
    "key",
    "access_token",
    "sid",
    "PASSWORD",
    "Sig",
    "mac",
    "auth",
    "passkey",
    "authkey",
    "torrent_pass",
    "client_secret",
    "code_verifier",
    "id_token",
    "api-key",
)


@given(AROUND, st.sampled_from(KEYS), TYPED, st.sampled_from(["", "&x=1", "#frag"]), AFTER)
def test_a_secret_query_value_never_survives(before: str, key: str, value: str, more: str, after: str) -> None:
    for url in (f"http://h/get.php?{key}={value}{more}", f"http://h/get.php?a=b&{key}={value}{more}"):
        text = redact(f"{before}{url}{after}")
        assert value not in text
        assert "http://h/get.php?" in text


@given(AROUND, TYPED, TYPED, st.sampled_from(["/live", "/movie", "/series", "/timeshift"]), AFTER)
def test_an_xtream_path_shows_no_login(before: str, user: str, password: str, kind: str, after: str) -> None:
    text = redact(f"{before}http://panel.example:8080{kind}/{user}/{password}/1234.ts{after}")
    assert user not in text
    assert password not in text
    assert "1234.ts" in text


def test_an_xtream_path_without_its_host_shows_no_login() -> None:
    """So it stands in the log when a request fails: `path=/live/<user>/<token>/1.ts`."""
    assert "s3cr3t" not in redact("http://host.example/live/hans/s3cr3t/index.m3u8")
    assert "s3cr3t" not in redact("/live/hans/s3cr3t/1.ts")
    assert "s3cr3t" not in str(
        log_processor(None, "error", {"event": "request failed", "path": "/live/hans/s3cr3t/1.ts"})
    )


@pytest.mark.parametrize(
    "url", ["http://panel.example:8080/hans/s3cr3t/1234", "http://panel.example/hans/s3cr3t/1234.ts"]
)
def test_the_short_form_of_an_xtream_address_shows_no_login(url: str) -> None:
    """`get.php?type=m3u_plus&output=ts` writes addresses without `/live`: the commonest ones in lists."""
    assert "s3cr3t" not in redact(f"cannot play {url} now")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t",
        "authorization: Basic s3cr3t, Accept: x",
        '{"Authorization": "Bearer s3cr3t"}',
        "{'X-Api-Key': 's3cr3t'}",
        "X-Api-Key=s3cr3t",
        "x-plex-token: s3cr3t",
        "Cookie: session=s3cr3t",
        "Cookie: theme=dark; lang=de; session=s3cr3t",
        "Set-Cookie: a=1; Path=/; x=s3cr3t",
        'Authorization: Digest username="u", realm="r", response="s3cr3t"',
    ],
)
def test_a_header_shows_no_secret(text: str) -> None:
    assert "s3cr3t" not in redact(f"sent {text}")


@given(st.text(string.ascii_letters + string.digits + " .,-/_()'\näöü€漢", max_size=200))
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "url", ["http://host.example/guide.xml?days=3&lang=de", "https://[::1]:8780/live/news/master.m3u8"]
)
def test_a_harmless_address_stays_as_it_is(url: str) -> None:
    assert redact(f"see {url}.") == f"see {url}."


@given(TYPED.map(lambda text: text + "tail"), TYPED.map(lambda text: text + "tail"))
def test_the_secrets_of_a_source_address_are_found(user: str, password: str) -> None:
    assume(user != password)
    assert set(credentials_in(f"http://h/get.php?username={user}&password={password}&type=m3u")) == {user, password}
    assert set(credentials_in(f"http://{quote(user)}:{quote(password)}@h/list.m3u")) == {quote(user), quote(password)}


def test_a_quote_inside_of_a_password_hides_no_part_of_it() -> None:
    url = "http://h/get.php?password=abcd'efgh&x=1"
    assert "efgh" not in redact(url, credentials_in(url))


@pytest.mark.parametrize(
    "text",
    [
        '{"client_secret": "hunter2hunter2", "x": 1}',
        "{'refresh_token': 'hunter2hunter2'}",
        "grant_type=refresh_token&refresh_token=hunter2hunter2",
        "client_secret=hunter2hunter2&grant_type=x",
        "OAuth(client_secret='hunter2hunter2')",
        "cannot read http://tracker.example:80/hunter2hunter2hunter2/announce: HTTP 500",
        "https://tracker.example/t/hunter2hunter2hunter2/scrape?info_hash=abc",
    ],
)
def test_no_secret_of_a_form_an_answer_or_a_tracker_is_shown(text: str) -> None:
    shown = redact(text)
    assert "hunter2" not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "it refuses the login: check user name and password, and the token: both may be old",
        "password: it is needed",
        "http://tracker.example:80/announce is away",
        "http://tracker.example/a/b/announcements",
    ],
)
def test_ordinary_words_about_secrets_stay(text: str) -> None:
    assert redact(text) == text


def test_what_is_known_to_be_a_secret_is_hidden_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    monkeypatch.setattr(redaction, "MOST_KNOWN", 3)
    redact_before = redact("it said k3y of anna!")
    know(["k3y of anna", "short"])
    assert redact_before == "it said k3y of anna!"
    assert redact("it said k3y of anna! and /k3y%20of%20anna/ in short") == f"it said {MASK}! and /{MASK}/ in short"
    know(["one more secret", "and another one"])
    assert len(redaction._known) == 3
    assert "and another one" not in redact("<and another one>")


def test_a_log_line_is_redacted_in_every_value() -> None:
    line = log_processor(None, "info", {"event": "x http://u:s3cr3t@h/", "exception": "?token=s3cr3t", "n": 3})
    assert "s3cr3t" not in str(line)
    assert line["n"] == 3


@pytest.mark.parametrize(
    "word", ["a-", "a.b+", "://x", "?key=", "/live/a/", "http://a:", "authorization ", "token=", "://a/", "b/"]
)
def test_redacting_four_times_as_much_takes_about_four_times_as_long(word: str) -> None:
    """A provider's answer may end up in an error; with a quadratic pattern 40 KB stop everything for seconds."""
    assert is_linear(lambda size: redact(word * (size // len(word)) + " http://x/?a=b"), 10_000)
