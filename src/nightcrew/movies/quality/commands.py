"""Commands about quality profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from nightcrew.client import Out, Server, read_json
from nightcrew.movies.quality.rows import ImportedJson, ProfileJson

PROFILES = "/api/v1/movies/profiles"
Profile = Annotated[str, Argument(metavar="PROFILE", help="Its name, as `nightcrew movies profiles` says.")]


def movies_profiles(
    server: Server, out: Out, words: Annotated[bool, Option("--words", help="Say what each asks for.")] = False
) -> None:
    """The quality profiles. The setting movies.quality_profile names the one in use."""
    rows = server.rows(ProfileJson, PROFILES)
    columns = ["name", "preset", "in_use", *(["words"] if words else [])]
    out.table(rows, columns, shown=lambda one: {"words": "; ".join(one["words"])})


def movies_use(server: Server, out: Out, name: Profile) -> None:
    """Let a quality profile decide from now on. A job judges all sources by it anew."""
    found = server.post(ProfileJson, f"{PROFILES}/{name}/use")
    out.one(found, lambda one: f"the quality profile {one['name']} is in use: all sources are being judged by it")


def movies_copy(
    server: Server, out: Out, name: Profile, new: Annotated[str, Argument(metavar="NEW", help="What it is called.")]
) -> None:
    """Make a quality profile that is like another one, with its custom formats."""
    found = server.post(ProfileJson, f"{PROFILES}/{name}/copy", {"name": new})
    out.one(found, lambda one: f"the quality profile {one['name']} is there")


def movies_profile(
    server: Server, out: Out, name: Profile, file: Annotated[Path, Argument(help="JSON, as the API shows profiles.")]
) -> None:
    """Make a quality profile, or change it."""
    found = server.put(ProfileJson, f"{PROFILES}/{name}", read_json(file))
    out.one(found, lambda one: f"The quality profile {one['name']} is stored")


def movies_formats(
    server: Server,
    out: Out,
    name: Profile,
    file: Annotated[Path, Argument(help="A custom format in JSON, or a list of them, as Radarr exports it.")],
) -> None:
    """Add custom formats to a quality profile. Exit 1 when one of them cannot be read."""
    read = read_json(file)
    body = {"formats": read if isinstance(read, list) else [read]}
    found = server.post(ImportedJson, f"{PROFILES}/{name}/formats", body)
    if not out.data(found):
        for one in found["taken"]:
            out.say(f"{one} was taken")
        for one in found["refused"]:
            out.say(f"Not taken: {one}")
    if found["refused"]:
        raise Exit(1)
