"""Which names may be those of one channel."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.playlists.likeness import contradict, is_renamed

BRANDS = st.sampled_from(["BBC One", "Sky Sports", "RTL", "News", "Canal+", "Das Erste", "E!", "Falcon"])
MARKS = st.sampled_from(["", " HD", " FHD", " 4K", " [Geo-blocked]"])
NAMES = st.one_of(st.text(max_size=60), st.builds("{}{} {}".format, BRANDS, MARKS, st.integers(1, 30)))


@given(NAMES, NAMES)
def test_the_order_of_names_does_not_count(one: str, other: str) -> None:
    assert is_renamed(one, other) == is_renamed(other, one)
    assert contradict(one, other) == contradict(other, one)


@given(NAMES)
def test_a_name_is_its_own(name: str) -> None:
    assert is_renamed(name, name)
    assert not contradict(name, name)


@given(BRANDS, MARKS, MARKS, st.integers(1, 99), st.integers(1, 99))
def test_a_number_tells_siblings_apart_and_a_quality_does_not(
    brand: str, mark: str, other: str, one: int, two: int
) -> None:
    assert is_renamed(f"{brand} {one}{mark}", f"{brand} {two}{other}") == (one == two)
    assert contradict(f"{brand} {one}{mark}", f"{brand} {two}{other}") == (one != two)
