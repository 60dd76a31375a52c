"""Options: where values come from, partial changes, errors that name key and bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from nightcrew.kernel import upkeep
from nightcrew.kernel.errors import Invalid, NeedsUser, NightcrewError
from nightcrew.kernel.fields import Secret
from nightcrew.kernel.redaction import MASK, redact
from nightcrew.kernel.runtime import KernelSettings
from nightcrew.kernel.settings import Options, Settings, option, setting
from nightcrew.kernel.store import Store, database_url, migrate
from nightcrew.kernel.vault import Vault
from nightcrew.kernel.words import parse_value
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.web.forms import text_of
from nightcrew.web.settings_page import control_for
from support import domain, running


class Radio(Options):
    """A domain's options, as a test needs them."""

    volume: int = option(5, ge=0, le=11, unit="dB", help="How loud.")
    station: str = option("one", max_length=10, help="What plays.")
    presets: list[str] = option([], help="What else could play.")
    mode: Literal["mono", "stereo"] = option("stereo", help="How wide.")


class Lamp(Options):
    """Shares one name with the radio."""

    volume: int = option(1, ge=0, le=3, help="How bright.")
    colour: str = option("red", help="What colour.")


MODELS: dict[str, type[Options]] = {"radio": Radio, "lamp": Lamp}


def make(folder: Path, models: Mapping[str, type[Options]] = MODELS, env: Mapping[str, str] | None = None) -> Settings:
    return Settings(models, data_dir=folder, env=env or {})


@pytest.fixture
async def store(tmp_path: Path, database: str | None) -> AsyncIterator[Store]:
    made = Store(database_url(tmp_path, database))
    folder = Path(migrate.__code__.co_filename).parent / "migrations" / "versions"
    await asyncio.to_thread(migrate, made.url, [folder])
    yield made
    await made.close()


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Store]:
    """SQLite alone, where the database makes no difference."""
    made = Store(database_url(tmp_path, None))
    await asyncio.to_thread(migrate, made.url, [Path(migrate.__code__.co_filename).parent / "migrations" / "versions"])
    yield made
    await made.close()


async def test_a_stored_value_beats_the_environment_beats_the_file_beats_the_default(
    store: Store, tmp_path: Path
) -> None:
    def origin(settings: Settings) -> tuple[Any, str]:
        (found,) = [item for item in settings.describe() if item["key"] == "radio.volume"]
        assert found["value"] == settings.of(Radio).volume
        return found["value"], found["origin"]

    assert origin(make(tmp_path)) == (5, "default")
    (tmp_path / "nightcrew.toml").write_text("[radio]\nvolume = 6\n")
    assert origin(make(tmp_path)) == (6, "file")
    settings = make(tmp_path, env={"NIGHTCREW_VOLUME": "3"})
    assert origin(settings) == (3, "environment")
    await settings.change(store, {"radio.volume": 2}, actor="test")
    assert origin(settings) == (2, "changed")
    await settings.change(store, {"radio.volume": None}, actor="test")
    assert origin(settings) == (3, "environment")


async def test_a_partial_change_touches_nothing_else(store: Store, tmp_path: Path) -> None:
    settings = make(tmp_path)
    before = settings.of(Radio)
    assert await settings.change(store, {"station": "two"}, actor="test") == {"radio.station": "two"}
    assert settings.of(Radio) == before.model_copy(update={"station": "two"})
    assert before.station == "one", "a cycle that has begun keeps its values"
    assert settings.of(Lamp) == Lamp()


async def test_changing_to_the_present_value_changes_nothing(lite: Store, tmp_path: Path) -> None:
    settings = make(tmp_path)
    await settings.change(lite, {"station": "two"}, actor="test")
    assert await settings.change(lite, {"station": "two"}, actor="test") == {}


@pytest.mark.parametrize(
    ("values", "key", "bound"),
    [
        ({"radio.volume": 12}, "radio.volume", "11"),
        ({"radio.volume": -1}, "radio.volume", "0"),
        ({"radio.volume": "loud"}, "radio.volume", "integer"),
        ({"station": "x" * 11}, "radio.station", "10"),
        ({"mode": "quad"}, "radio.mode", "stereo"),
        ({"presets": ["a", 7]}, "radio.presets.1", "string"),
        ({"presets": {}}, "radio.presets", "list"),
    ],
)
async def test_one_wrong_value_changes_nothing_and_is_named_with_its_bound(
    lite: Store, tmp_path: Path, values: dict[str, Any], key: str, bound: str
) -> None:
    settings = make(tmp_path)
    with pytest.raises(Invalid) as caught:
        await settings.change(lite, {"colour": "blue", **values}, actor="test")
    assert caught.value.field == key
    assert key in str(caught.value)
    assert bound in str(caught.value)
    assert (settings.of(Radio), settings.of(Lamp)) == (Radio(), Lamp())
    again = make(tmp_path)
    await again.load(lite)
    assert again.of(Lamp).colour == "red"


@pytest.mark.parametrize("key", ["nothing", "radio.nothing", "volume", ".", "radio."])
async def test_an_unknown_or_ambiguous_name_is_refused(lite: Store, tmp_path: Path, key: str) -> None:
    settings = make(tmp_path)
    with pytest.raises(Invalid, match="no setting|there are 2 settings") as caught:
        await settings.change(lite, {key: 1, "colour": "blue"}, actor="test")
    assert caught.value.field == key
    assert settings.of(Lamp).colour == "red"


async def test_a_bare_name_is_enough_when_only_one_option_has_it(tmp_path: Path) -> None:
    settings = make(tmp_path)
    assert settings.resolve("colour") == "lamp.colour"
    assert settings.resolve("COLOUR") == "lamp.colour"
    assert settings.resolve("radio.volume") == "radio.volume"


async def test_changes_survive_a_restart(store: Store, tmp_path: Path) -> None:
    await make(tmp_path).change(store, {"station": "two", "presets": ["a", "b"]}, actor="test")
    again = make(tmp_path)
    await again.load(store)
    assert again.of(Radio).station == "two"
    assert again.of(Radio).presets == ["a", "b"]


async def test_a_default_list_is_not_shared(tmp_path: Path) -> None:
    make(tmp_path).of(Radio).presets.append("mine")
    assert make(tmp_path).of(Radio).presets == []


async def test_watchers_are_told_what_changed_and_only_then(store: Store, tmp_path: Path) -> None:
    settings, told = make(tmp_path), []
    settings.watch(lambda keys: told.append((keys, settings.of(Radio).station)))
    await settings.change(store, {"station": "two", "colour": "red"}, actor="test")
    assert [station for _, station in told] == ["two"]
    assert "radio.station" in told[0][0]
    await settings.change(store, {"station": "two"}, actor="test")
    assert len(told) == 1


async def test_a_change_by_another_node_is_told(store: Store, tmp_path: Path) -> None:
    here, there = make(tmp_path), make(tmp_path)
    told: list[frozenset[str]] = []
    here.watch(told.append)
    await there.change(store, {"station": "two"}, actor="test")
    await here.load(store)
    assert (told, here.of(Radio).station) == ([frozenset({"radio.station"})], "two")


async def test_reading_back_a_change_of_ones_own_is_no_change(store: Store, tmp_path: Path) -> None:
    """On PostgreSQL each heartbeat loads the settings: a value typed as text must not count as another one."""
    settings, told = make(tmp_path), []
    await settings.change(store, {"radio.volume": "7"}, actor="test")
    settings.watch(told.append)
    await settings.load(store)
    assert told == []


async def test_two_changes_at_once_both_hold(store: Store, tmp_path: Path) -> None:
    settings = make(tmp_path)
    await asyncio.gather(
        settings.change(store, {"station": "two"}, actor="a"), settings.change(store, {"colour": "blue"}, actor="b")
    )
    assert (settings.of(Radio).station, settings.of(Lamp).colour) == ("two", "blue")


async def test_two_changes_of_one_option_at_once_leave_memory_and_database_alike(store: Store, tmp_path: Path) -> None:
    settings = make(tmp_path)
    await asyncio.gather(*(settings.change(store, {"station": f"s{n}"}, actor="a") for n in range(5)))
    again = make(tmp_path)
    await again.load(store)
    assert again.of(Radio).station == settings.of(Radio).station


async def test_a_stored_value_that_no_longer_fits_does_not_stop_the_start(store: Store, tmp_path: Path) -> None:
    """After an upgrade with narrower bounds the option falls back; the rest of the settings holds."""

    class Louder(Options):
        volume: int = option(5, le=100, help="")
        station: str = option("one", help="")

    wide = make(tmp_path, {"radio": Louder})
    await wide.change(store, {"volume": 50, "station": "two"}, actor="test")
    narrow = make(tmp_path, {"radio": Radio})
    await narrow.load(store)
    assert (narrow.of(Radio).volume, narrow.of(Radio).station) == (5, "two")


# -- the file and the environment ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[tv]\nx = 1\n", "tv"),
        ("[radio]\nvolume = 12\n", "radio.volume"),
        ("[radio]\nnothing = 1\n", "radio.nothing"),
        ("radio = 5\n", "radio"),
        ("[radio\n", "TOML"),
        ("\x00", "TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "nightcrew.toml").write_text(text)
    with pytest.raises(NightcrewError) as caught:
        make(tmp_path)
    assert part in str(caught.value)


def test_a_file_that_is_no_text_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "nightcrew.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NeedsUser, match="TOML"):
        make(tmp_path)


@pytest.mark.parametrize(
    ("env", "read"),
    [
        ({"NIGHTCREW_PRESETS": '["a", "b"]'}, {"presets": ["a", "b"]}),
        ({"NIGHTCREW_STATION": "17"}, {"station": "17"}),
        ({"NIGHTCREW_MODE": "mono"}, {"mode": "mono"}),
    ],
)
def test_the_environment_is_read_by_the_type_of_the_option(
    tmp_path: Path, env: dict[str, str], read: dict[str, Any]
) -> None:
    settings = make(tmp_path, {"radio": Radio}, env)
    assert settings.of(Radio).model_dump(include=set(read)) == read


def test_a_wrong_environment_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"radio\.volume"):
        make(tmp_path, {"radio": Radio}, {"NIGHTCREW_VOLUME": "loud"})


def test_a_variable_with_the_domains_name_means_that_domain_and_the_short_one_the_first_that_had_it(
    tmp_path: Path,
) -> None:
    settings = make(tmp_path, env={"NIGHTCREW_VOLUME": "2", "NIGHTCREW_COLOUR": "blue"})
    assert (settings.of(Radio).volume, settings.of(Lamp).volume, settings.of(Lamp).colour) == (2, 1, "blue")
    origins = {item["key"]: item["origin"] for item in settings.describe()}
    assert (origins["radio.volume"], origins["lamp.volume"]) == ("environment", "default")
    settings = make(
        tmp_path, env={"NIGHTCREW_VOLUME": "2", "NIGHTCREW_RADIO_VOLUME": "9", "NIGHTCREW_LAMP_VOLUME": "3"}
    )
    assert (settings.of(Radio).volume, settings.of(Lamp).volume) == (9, 3)


def test_a_bare_name_that_two_domains_have_is_refused_with_both(tmp_path: Path) -> None:
    settings = make(tmp_path)
    assert settings.resolve("colour") == "lamp.colour"
    with pytest.raises(Invalid, match=r"2 settings of that name: radio\.volume, lamp\.volume"):
        settings.resolve("volume")


class Shelf(Options):
    """Where a machine keeps things."""

    folder: str = option("", per_node=True, help="Where on this machine.")
    order: str = option("name", help="The same on all machines.")


async def test_a_folder_is_a_machines_own_and_other_options_are_for_all(store: Store, tmp_path: Path) -> None:
    def at(node: str) -> Settings:
        return Settings({"shelf": Shelf}, data_dir=tmp_path, env={}, node=node)

    attic, cellar = at("attic"), at("cellar")
    await attic.change(store, {"shelf.folder": "/attic", "shelf.order": "age"}, actor="test")
    await cellar.change(store, {"shelf.folder": "/cellar"}, actor="test")
    for name, folder in (("attic", "/attic"), ("cellar", "/cellar"), ("new", "")):
        fresh = at(name)
        await fresh.load(store)
        assert (fresh.of(Shelf).folder, fresh.of(Shelf).order) == (folder, "age"), name
    await attic.change(store, {"shelf.folder": None}, actor="test")
    fresh = at("cellar")
    await fresh.load(store)
    assert fresh.of(Shelf).folder == "/cellar"


def test_a_typed_value_is_json_when_it_reads_as_json() -> None:
    assert [parse_value(text) for text in ("3", "true", '["a"]', "plain", "null")] == [3, True, ["a"], "plain", None]


def test_every_option_describes_itself(tmp_path: Path) -> None:
    found = {
        item["key"]: item
        for item in make(tmp_path, {"kernel": KernelSettings, "playlists": PlaylistSettings}).describe()
    }
    interval = found["playlists.refresh_interval"]
    assert (interval["default"], interval["unit"], interval["env"]) == (
        600,
        "s",
        "NIGHTCREW_PLAYLISTS_REFRESH_INTERVAL",
    )
    assert interval["bounds"] == {"minimum": 60, "maximum": 86_400}
    assert all(item["help"] for item in found.values())
    assert found["playlists.LOCALES"]["value"] == [["de", "DE"]]


# -- options of the playlists domain -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LOCALES", [["de"]]),
        ("LOCALES", [["de", "DE", "x"]]),
        ("LOCALES", [["de", "../etc"]]),
        ("LOCALES", [["de", "ALL"]]),
        ("LOCALES", [["de", ""]]),
        ("LOCALES", "de:DE"),
        ("COMBINED_PLAYLISTS", [{"name": "DACH", "regions": ["DE"]}]),
        ("COMBINED_PLAYLISTS", [{"name": "DACH", "regions": ["DE", "de"]}]),
        ("COMBINED_PLAYLISTS", [{"name": "../x", "regions": ["DE", "AT"]}]),
        ("COMBINED_PLAYLISTS", [{"name": "", "regions": ["DE", "AT"]}]),
        ("COMBINED_PLAYLISTS", [{"regions": ["DE", "AT"]}]),
        ("COMBINED_PLAYLISTS", [{"name": "a", "regions": "DE,AT"}]),
        ("COMBINED_PLAYLISTS", [{"name": "a", "regions": ["DE", "A/T"]}]),
        ("COMBINED_PLAYLISTS", [{"name": "a", "regions": ["DE", 7]}]),
        ("refresh_interval", 59),
        ("shrink_guard", 101),
        ("stream_mode", "carrier pigeon"),
    ],
)
async def test_playlist_options_are_checked(lite: Store, tmp_path: Path, key: str, value: Any) -> None:
    settings = make(tmp_path, {"playlists": PlaylistSettings})
    with pytest.raises(Invalid) as caught:
        await settings.change(lite, {key: value}, actor="test")
    assert str(caught.value).startswith(f"playlists.{key}")


async def test_regions_are_stored_in_one_spelling(lite: Store, tmp_path: Path) -> None:
    settings = make(tmp_path, {"playlists": PlaylistSettings})
    await settings.change(
        lite,
        {"locales": [[" de ", "de"]], "COMBINED_PLAYLISTS": [{"name": " DACH ", "regions": ["de", "At", "de"]}]},
        actor="test",
    )
    values = settings.of(PlaylistSettings)
    assert values.LOCALES == [("de", "DE")]
    assert values.COMBINED_PLAYLISTS == [{"name": "DACH", "regions": ["DE", "AT"]}]


# -- secrets -----------------------------------------------------------------------------------------------------------


class Safe(Options):
    """An option that nobody is shown."""

    pin: Secret = option("", max_length=60, help="What opens it.")
    colour: str = option("grey", help="What colour.")


def safe(folder: Path, vault: Vault | None = None, env: Mapping[str, str] | None = None) -> Settings:
    return Settings({"safe": Safe}, data_dir=folder, env=env or {}, vault=vault)


async def rows(store: Store) -> str:
    async with store.read() as connection:
        return str((await connection.execute(sa.select(setting.c.value))).all())


async def test_a_secret_is_sealed_where_it_is_stored_and_shown_nowhere(tmp_path: Path, lite: Store) -> None:
    vault = Vault.open(tmp_path)
    settings = safe(tmp_path, vault)
    changed = await settings.change(lite, {"pin": "tulip-4711-tulip", "colour": "red"}, actor="web")
    assert changed == {"safe.pin": MASK, "safe.colour": "red"}
    again = safe(tmp_path, vault)
    await again.load(lite)
    for one in (settings, again):
        assert one.of(Safe).pin == "tulip-4711-tulip"
        shown = str(one.describe()) + repr(one.of(Safe)) + redact("it is tulip-4711-tulip") + await rows(lite)
        assert "4711" not in shown
        (pin,) = [option for option in one.describe() if option["name"] == "pin"]
        assert (pin["secret"], pin["value"], pin["origin"]) == (True, MASK, "changed")


async def test_a_secret_that_comes_back_masked_stays_and_null_forgets_it(tmp_path: Path, lite: Store) -> None:
    settings = safe(tmp_path, Vault.open(tmp_path))
    await settings.change(lite, {"pin": "tulip-4711-tulip"}, actor="web")
    assert await settings.change(lite, {"pin": MASK}, actor="web") == {}
    assert settings.of(Safe).pin == "tulip-4711-tulip"
    assert await settings.change(lite, {"pin": None}, actor="web") == {"safe.pin": ""}
    assert (settings.of(Safe).pin, await rows(lite)) == ("", "[]")


async def test_a_secret_is_taken_from_the_file_and_from_the_environment(tmp_path: Path, lite: Store) -> None:
    (tmp_path / "nightcrew.toml").write_text('[safe]\npin = "from-the-file"\n')
    assert safe(tmp_path).of(Safe).pin == "from-the-file"
    given = safe(tmp_path, env={"NIGHTCREW_SAFE_PIN": "123456"})
    assert given.of(Safe).pin == "123456"
    assert "123456" not in str(given.describe())


async def test_a_secret_of_another_key_does_not_stop_a_start(tmp_path: Path, lite: Store) -> None:
    await safe(tmp_path, Vault.open(tmp_path)).change(lite, {"pin": "tulip", "colour": "red"}, actor="web")
    other = safe(tmp_path, Vault(Fernet.generate_key()))
    await other.load(lite)
    assert (other.of(Safe).pin, other.of(Safe).colour) == ("", "red")


async def test_a_wrong_secret_is_refused_without_being_said(tmp_path: Path, lite: Store) -> None:
    with pytest.raises(Invalid, match="safe.pin") as refused:
        await safe(tmp_path, Vault.open(tmp_path)).change(lite, {"pin": "x4711" * 20}, actor="web")
    assert "4711" not in str(refused.value)


async def test_the_page_takes_a_secret_and_never_gives_it_back(tmp_path: Path) -> None:
    lab = replace(domain(), name="safe", title="Safe", settings=Safe)
    async with running(tmp_path, domains=(upkeep.DOMAIN, lab)) as node:
        shown = {one["key"]: text_of(control_for(one).kind, one["value"]) for one in node.runtime.settings.describe()}
        form = shown | {f"was.{key}": text for key, text in shown.items()} | {"safe.pin": "tulip-4711-tulip"}
        assert (await node.http.post("/settings", data=form)).status_code == 303
        assert node.runtime.settings.of(Safe).pin == "tulip-4711-tulip"
        assert (await node.http.post("/settings", data=form | {"safe.pin": ""})).status_code == 303
        assert node.runtime.settings.of(Safe).pin == "tulip-4711-tulip", "an empty field leaves it as it is"
        said = [(await node.http.get(path)).text for path in ("/settings", "/api/v1/settings", "/activity", "/")]
        assert "Set, and not shown." in said[0]
        assert "4711" not in "".join(said)
        assert (await node.http.post("/settings", data={"reset": "safe.pin"})).status_code == 200
        assert node.runtime.settings.of(Safe).pin == ""
