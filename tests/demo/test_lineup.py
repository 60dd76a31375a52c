import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.lineup import KINDS, Lineup, make_lineup


def test_every_kind_has_the_asked_number_of_channels_with_unique_ids_and_names():
    lineup = make_lineup(1000)
    assert [len(lineup.of(kind)) for kind in KINDS] == [1000] * 3
    assert len({c.id for c in lineup.channels}) == 3000
    assert len({c.name for c in lineup.channels}) == 3000


def test_two_lineups_are_the_same():
    assert make_lineup(60) == make_lineup(60)


def test_names_contain_what_parsers_trip_over():
    names = "".join(c.name for c in make_lineup(60).of("m3u"))
    assert all(mark in names for mark in ['"', ",", "ü", "夜", "<"])


def test_regions_of_the_catalogue_differ():
    lineup = make_lineup(60)
    slices = [{c.id for c in lineup.of("catalogue", region)} for region in ("DE", "AT", "CH")]
    assert all(slices)
    assert len(set.union(*slices)) == sum(map(len, slices)) == 60


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1)), max_size=5))
def test_restore_undoes_any_shrinks(steps):
    lineup = make_lineup(20)
    before = list(lineup.channels)
    for kind, keep in steps:
        expected = round(len(lineup.of(kind)) * keep)
        lineup.shrink(kind, keep)
        assert len(lineup.of(kind)) == expected
    lineup.restore()
    assert lineup.channels == before


def test_changes_while_shrunk_survive_the_restore():
    lineup = make_lineup(10)
    lineup.shrink("m3u", 0.5)
    lineup.rename("m00001", "Renamed")
    lineup.remove("m00002")
    lineup.restore()
    found = lineup.find("m00001")
    assert found is not None
    assert found.name == "Renamed"
    assert len(lineup.of("m3u")) == 9


def test_moving_urls_changes_every_token():
    lineup = make_lineup(10)
    before = {c.id: lineup.token(c.id) for c in lineup.channels}
    lineup.move_urls()
    assert all(lineup.token(key) != token for key, token in before.items())


def test_impossible_changes_are_refused():
    lineup = Lineup([])
    with pytest.raises(KeyError):
        lineup.rename("nobody", "x")
    channel = make_lineup(1).channels[0]
    lineup.add(channel)
    with pytest.raises(ValueError, match="taken"):
        lineup.add(dataclasses.replace(channel, name="Other"))
    with pytest.raises(ValueError, match="share"):
        lineup.shrink("m3u", 1.5)
