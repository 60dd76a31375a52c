"""What a quality profile asks for, in words; and its main fields as lines that a person types. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nightcrew.kernel.errors import Invalid
from nightcrew.movies.releases.model import ReleaseSource
from nightcrew.movies.releases.profile import HDR_KINDS, ORIGINAL, ReleaseProfile, Sizes

SOURCE_WORDS = {
    ReleaseSource.REMUX: "Remux",
    ReleaseSource.DISC: "Disc",
    ReleaseSource.BLURAY: "Blu-ray",
    ReleaseSource.WEB_DL: "WEB-DL",
    ReleaseSource.WEBRIP: "WEBRip",
    ReleaseSource.HDTV: "HDTV",
    ReleaseSource.DVD: "DVD",
    ReleaseSource.VHS: "VHS",
    ReleaseSource.SCREENER: "Screener",
    ReleaseSource.TELECINE: "Telecine",
    ReleaseSource.TELESYNC: "Telesync",
    ReleaseSource.CAM: "Cam",
    ReleaseSource.WORKPRINT: "Workprint",
    ReleaseSource.UNKNOWN: "not said",
}
NOT_SAID = SOURCE_WORDS[ReleaseSource.UNKNOWN]
_SIGNS = re.compile(r"[\W_]+")
_CODE = re.compile(r"[a-z]{2}")
_BY_WORD = {_SIGNS.sub("", word.casefold()): one for one, words in SOURCE_WORDS.items() for word in (words, one.value)}


def described(profile: ReleaseProfile) -> list[str]:
    """What it asks for, one line each, what counts most first. In each line the best comes first."""
    said = [
        f"Resolution: {', '.join(map(resolution_words, profile.resolutions))}",
        f"Made from: {', '.join(SOURCE_WORDS[one] for one in profile.sources)}",
    ]
    if profile.languages:
        said.append(f"Language: {', '.join(map(_language, profile.languages))}")
    if profile.languages_required:
        said.append(f"Must be spoken in: {' or '.join(sorted(map(_language, profile.languages_required)))}")
    said += _sizes(profile)
    if profile.codecs:
        said.append(f"Codec: {', '.join(profile.codecs)}")
    if profile.hdr_wanted:
        said.append(f"HDR is liked: {', '.join(one for one in HDR_KINDS if one in profile.hdr_wanted)}")
    said += _seeds(profile)
    if profile.until is not None:
        best = f"{resolution_words(profile.until.resolution)} {SOURCE_WORDS[profile.until.source]}"
        said.append(f"Good enough: {best}; then nothing better is looked for")
    if profile.formats:
        said.append(f"Custom formats: {len(profile.formats)}")
    return said


def _seeds(profile: ReleaseProfile) -> list[str]:
    least = f"at least {profile.seeds_least}" if profile.seeds_least else ""
    per_gb = f"{profile.seeds_per_gb:g} for each GB" if profile.seeds_per_gb else ""
    words = ", ".join(one for one in (least, per_gb) if one)
    return [f"Seeds: {words}"] if words else []


def _sizes(profile: ReleaseProfile) -> list[str]:
    first = next((one for one in profile.resolutions if one in profile.sizes), None)
    if first is None:
        return []
    least, ideal, most = (
        f"{one * 60 / 1000:.1f}"
        for one in (profile.sizes[first].least, profile.sizes[first].ideal, profile.sizes[first].most)
    )
    return [f"Size in {first}p: best {ideal} GB an hour, from {least} to {most}"]


def _language(code: str) -> str:
    return "the film's own" if code == ORIGINAL else code


def resolution_words(lines: int) -> str:
    """A resolution as people write it."""
    return f"{lines}p" if lines else NOT_SAID


# -- lines that a person types -----------------------------------------------------------------------------------------


def size_lines(profile: ReleaseProfile) -> list[str]:
    """The sizes of the resolutions that it takes: "1080p: 8 60 320"."""
    known = [(one, profile.sizes[one]) for one in profile.resolutions if one in profile.sizes]
    return [f"{one}p: {size.least:g} {size.ideal:g} {size.most:g}" for one, size in known]


def resolutions_of(lines: Sequence[str]) -> tuple[int, ...]:
    """Resolutions, the best first. Raises `Invalid`."""
    return tuple(_resolution(one, "resolutions") for one in lines)


def sources_of(lines: Sequence[str]) -> tuple[ReleaseSource, ...]:
    """What releases may be made from, the best first. Raises `Invalid`."""
    found = []
    for line in lines:
        known = _BY_WORD.get(_SIGNS.sub("", line.casefold()))
        if known is None:
            raise Invalid(
                f"sources: “{line[:40]}” is not known; known are {', '.join(SOURCE_WORDS.values())}", field="sources"
            )
        found.append(known)
    return tuple(found)


def sizes_of(lines: Sequence[str]) -> dict[int, Sizes]:
    """Sizes by resolution, from lines such as "1080p: 8 60 320". Raises `Invalid`."""
    found = {}
    for line in lines:
        name, _, rest = line.partition(":")
        try:
            least, ideal, most = (float(one.replace(",", ".")) for one in rest.split())
            found[_resolution(name, "sizes")] = Sizes(least=least, ideal=ideal, most=most)
        except ValueError as exc:
            said = f"sizes: “{line[:40]}” is not like 1080p: 8 60 320, three numbers up to 5000 that rise"
            raise Invalid(said, field="sizes") from exc
    return found


def languages_of(lines: Sequence[str], field: str) -> tuple[str, ...]:
    """Languages, the one that is liked best first. Raises `Invalid`."""
    found = tuple(one.casefold() for one in lines)
    if wrong := next((one for one in found if one != ORIGINAL and not _CODE.fullmatch(one)), ""):
        raise Invalid(f"{field}: “{wrong[:40]}” is no language: write two letters such as de, or original", field=field)
    return found


def _resolution(text: str, field: str) -> int:
    plain = text.strip().casefold().removesuffix("p")
    if plain == NOT_SAID.casefold():
        return 0
    if not (plain.isascii() and plain.isdecimal() and len(plain) < 6):
        raise Invalid(f"{field}: “{text[:40]}” is no resolution, such as 1080p", field=field)
    return int(plain)
