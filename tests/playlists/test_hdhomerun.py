"""What a media server reads of our tuner."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from nightcrew.playlists.formats import hdhomerun
from nightcrew.playlists.models import Channel

BASE = "http://tv.example:8780"


def channel(**known: Any) -> Channel:
    values: dict[str, Any] = {**dict.fromkeys(Channel.__dataclass_fields__), "id": 12, "name": "News", "number": ""}
    return Channel(**{**values, **known})


def test_an_installation_is_known_again_and_told_from_others() -> None:
    one, other = hdhomerun.device_id("living-room"), hdhomerun.device_id("attic")
    assert one == hdhomerun.device_id("living-room") != other
    assert re.fullmatch(r"[0-9A-F]{8}", one)
    assert hdhomerun.discover(BASE, "living-room", None)["DeviceID"] == one
    assert one in hdhomerun.device_xml(BASE, "living-room")


@pytest.mark.parametrize(("token", "suffix"), [(None, ""), ("", ""), ("a b/?", "?token=a%20b/%3F")])
def test_the_lineup_and_its_channels_carry_the_token_that_was_given(token: str | None, suffix: str) -> None:
    found = hdhomerun.discover(BASE, "n", token)
    assert (found["BaseURL"], found["LineupURL"]) == (BASE, f"{BASE}/lineup.json{suffix}")
    assert found["TunerCount"] > 0
    assert json.loads(hdhomerun.lineup_item(channel(), "12", BASE, token))["URL"] == f"{BASE}/play/12{suffix}"


@pytest.mark.parametrize(("number", "shown"), [("", "12"), ("7", "7"), ("7.1", "7.1")])
def test_a_channel_without_a_number_is_known_by_its_id(number: str, shown: str) -> None:
    one = channel(number=number, name='Té"lé')
    found = json.loads(hdhomerun.lineup_item(one, hdhomerun.GuideNumbers([]).of(one), BASE, None))
    assert (found["GuideNumber"], found["GuideName"]) == (shown, 'Té"lé')


def test_the_description_is_xml_whatever_the_address() -> None:
    root = ET.fromstring(hdhomerun.device_xml("http://h/?a=1&b=<2>", "n"))
    assert root.findtext("{urn:schemas-upnp-org:device-1-0}URLBase") == "http://h/?a=1&b=<2>"
