import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.demo.big import big_playlist


def urls(*args):
    return [line for line in b"".join(big_playlist(*args)).splitlines() if line.startswith(b"http")]


def test_an_entry_takes_about_220_bytes():
    size = sum(map(len, big_playlist(10_000)))
    assert 200 < size / 10_000 < 240


@given(st.integers(0, 700), st.floats(0, 1), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_exactly_the_share_of_urls_changes(n, changed, seed):
    base, other = urls(n), urls(n, changed, seed)
    assert len(base) == len(other) == n
    assert sum(a != b for a, b in zip(base, other, strict=True)) == round(n * changed)


def test_seed_chooses_which_change():
    assert urls(500, 0.1, 1) != urls(500, 0.1, 2)
    assert urls(500, 0.1, 1) == urls(500, 0.1, 1)


def test_chunks_stay_small():
    assert max(map(len, big_playlist(2000))) < 100_000


@pytest.mark.parametrize(("n", "changed"), [(-1, 0), (1, 2), (1, float("nan"))])
def test_impossible_wishes_are_refused_at_once(n, changed):
    with pytest.raises(ValueError, match="cannot make"):
        big_playlist(n, changed)


async def test_big_list_is_served_as_it_is_made(client):
    answer = await client.get("/m3u/big.m3u", params={"n": 1000, "changed": "0.5", "seed": 3})
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.content == b"".join(big_playlist(1000, 0.5, 3))


@pytest.mark.parametrize("query", ["n=x", "n=-1", "changed=2", "changed=x", "n=99999999999", "seed=x"])
async def test_bad_queries_are_answered_400(client, query):
    assert (await client.get(f"/m3u/big.m3u?{query}")).status_code == 400
