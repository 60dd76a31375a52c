"""Which addresses a player's token opens, and that it opens no other."""

from __future__ import annotations

import pytest

from nightcrew.kernel.errors import Invalid
from nightcrew.playlists.standing import PLAYER_OUTPUTS
from nightcrew.web.outputs import PlayerOutputs

OUTPUTS = PlayerOutputs(PLAYER_OUTPUTS)

FOR_PLAYERS = {
    "tuner": {"/discover.json", "/lineup.json", "/lineup_status.json", "/device.xml", "/play/12", "/guide.xml"},
    "panel": {"/player_api.php", "/get.php", "/xmltv.php", "/live/any/key/12.ts", "/play/12", "/guide.xml"},
    "guide": {"/guide.xml", "/xmltv.php"},
    "playlist/DE": {"/playlist/DE.m3u", "/vavoo/playlist/DE.m3u", "/playlist/de.M3U", "/play/12", "/guide.xml"},
    "playlist/DE/News": {"/playlist/DE/News.m3u", "/vavoo/playlist/DE/News.m3u", "/play/12", "/guide.xml"},
}
FOR_PEOPLE = {"/", "/settings", "/api/v1/sources", "/metrics", "/health", "/recordings", "/login", "", "play/12"}
NEAR = {"/playlist/DE", "/playlist/DEU.m3u", "/playlist/AT.m3u", "/playlist/DE.m3u/more", "/x/playlist/DE.m3u"}


@pytest.mark.parametrize("output", FOR_PLAYERS)
def test_a_token_opens_its_output_and_what_that_leads_to_and_nothing_else(output: str) -> None:
    every = {path for paths in FOR_PLAYERS.values() for path in paths} | FOR_PEOPLE | NEAR
    assert {path for path in every if OUTPUTS.opens(output, path)} == FOR_PLAYERS[output]


def test_a_token_for_everything_opens_all_that_is_for_players_and_nothing_for_people() -> None:
    every = {path for paths in FOR_PLAYERS.values() for path in paths}
    assert [path for path in every if not OUTPUTS.opens("", path)] == []
    assert [path for path in FOR_PEOPLE if OUTPUTS.opens("", path)] == []


def test_an_output_that_nobody_knows_opens_nothing() -> None:
    every = {path for paths in FOR_PLAYERS.values() for path in paths} | FOR_PEOPLE
    assert [path for path in every if OUTPUTS.opens("recorder", path)] == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", ""),
        ("  ", ""),
        ("tuner", "tuner"),
        (" panel ", "panel"),
        ("guide", "guide"),
        ("playlist/DE", "playlist/DE"),
        ("playlist/DE.m3u", "playlist/DE"),
        ("playlist/Österreich / News", "playlist/Österreich / News"),
        (f"playlist/{'x' * 200}", f"playlist/{'x' * 200}"),
    ],
)
def test_an_output_is_written_as_in_its_address(given: str, meant: str) -> None:
    assert OUTPUTS.checked(given) == meant


@pytest.mark.parametrize(
    "given",
    ["tuners", "Tuner", "playlist", "playlist/", f"playlist/{'x' * 201}", "playlist/a\nb", "/playlist/DE", "api"],
)
def test_any_other_output_is_refused_with_the_words_that_there_are(given: str) -> None:
    with pytest.raises(Invalid, match="tuner, panel, guide"):
        OUTPUTS.checked(given)
