"""Marks of a release that the library reads wrongly or not at all, in what stands behind title and year. Pure."""

from __future__ import annotations

import re

from nightcrew.movies.releases.model import ReleaseSource

_B, _E = r"(?<![^\W_])", r"(?![^\W_])"
"""Where a word begins and ends: an underscore is none of its letters."""


def _mark(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_B}(?:{pattern}){_E}", re.IGNORECASE)


_S = r"[ ._-]?"
_SOURCES = (
    (ReleaseSource.CAM, _mark(rf"(?:h[dq]{_S}|new{_S}|clean{_S})*cam(?:{_S}rip)?|camhd|qscam")),
    (
        ReleaseSource.TELESYNC,
        _mark(rf"(?:h[dq]{_S}|new{_S})*(?:tele{_S}sync|ts)(?:{_S}rip)?|s{_S}print|pre{_S}dvd(?:{_S}rip)?|predvdrp"),
    ),
    (ReleaseSource.TELECINE, _mark(rf"(?:hd{_S})?(?:tele{_S}cine|tc)(?:{_S}rip)?")),
    (ReleaseSource.WORKPRINT, _mark("workprint|wp")),
    (ReleaseSource.SCREENER, _mark(rf"(?:dvd|bd|br|web|hd|vhs)?{_S}scr(?:eener)?|r[56](?:{_S}line)?")),
    (ReleaseSource.REMUX, _mark(rf"(?:(?:bd|br|uhd|blu{_S}ray|dvd){_S})?remux")),
    (
        ReleaseSource.DISC,
        _mark(
            rf"complete{_S}(?:uhd{_S})?blu{_S}ray|bdmv|bd{_S}?(?:25|50|66|100)|bd{_S}iso|(?:full{_S})(?:uhd{_S})?blu{_S}ray"
        ),
    ),
    (
        ReleaseSource.WEBRIP,
        _mark(rf"web{_S}(?:dl{_S})?rip|web{_S}cap|(?:hd|micro){_S}(?:rip|hd)|hdrip|vod{_S}rip|ppv{_S}rip"),
    ),
    (
        ReleaseSource.WEB_DL,
        _mark(rf"web{_S}dl|web{_S}mux|dl{_S}mux|web{_S}hd|hd{_S}web|web|(?:amzn|nf|dsnp|itunes){_S}web"),
    ),
    (
        ReleaseSource.BLURAY,
        _mark(
            rf"blu{_S}ray(?:{_S}rip)?|b[dr]{_S}rip|bd{_S}mux|bd(?:{_S}(?=\d{{3,4}}p))?|bdr|brip|uhd{_S}rip|uhd{_S}bd|hd{_S}dvd(?:{_S}rip)?"
        ),
    ),
    (
        ReleaseSource.HDTV,
        _mark(
            rf"(?:u?hd|p|sd|a|ds){_S}tv(?:{_S}rip)?|dsr(?:ip)?|dvb(?:{_S}[stc]2?)?(?:{_S}rip)?|sat{_S}rip|tv{_S}rip|dth{_S}rip"
        ),
    ),
    (
        ReleaseSource.DVD,
        _mark(rf"(?:\d{_S}x{_S})?dvd(?:{_S}r(?:ip)?|[59])?|dvd{_S}mux|laser{_S}disc|ld{_S}rip|ntsc|pal"),
    ),
    (ReleaseSource.VHS, _mark(rf"vhs(?:{_S}rip)?")),
)
"""The first that is found counts: who admits that it was filmed in a cinema has no reason to lie."""
_BITMAPPED = re.compile(rf"{_B}[xh]{_S}26[45]{_E}", re.IGNORECASE)
_RESOLUTION = re.compile(
    rf"{_B}(?:(?P<lines>\d{{3,4}})[ip]|(?P<width>\d{{3,4}})x(?P<height>\d{{3,4}})|(?P<uhd>4k|uhd)|(?P<fhd>fhd)){_E}",
    re.IGNORECASE,
)
_HDR = (
    ("dv", _mark(rf"dv|do{_S}vi|dolby{_S}vision|dvp\d")),
    ("hdr10+", re.compile(rf"{_B}hdr10(?:\+|{_S}p(?:lus)?{_E})", re.IGNORECASE)),
    ("hdr10", _mark(r"hdr(?:10(?:bit)?)?(?!\+)|pq10?")),
    ("hlg", _mark("hlg")),
)
_EDITIONS = (
    ("director's cut", _mark(rf"director'?s?{_S}cut|dc")),
    ("final cut", _mark(rf"(?:the{_S})?final{_S}cut")),
    ("extended", _mark(rf"extended(?:{_S}(?:cut|edition|version))?|langfassung")),
    ("unrated", _mark("unrated|uncut|uncensored")),
    ("theatrical", _mark(rf"theatrical(?:{_S}cut)?|kinofassung")),
    ("imax", _mark("imax")),
    ("open matte", _mark(rf"open{_S}matte")),
    ("special edition", _mark(rf"special{_S}edition|se{_S}cut")),
    ("ultimate", _mark(rf"ultimate(?:{_S}(?:cut|edition))?")),
    ("assembly cut", _mark(rf"assembly{_S}cut")),
    ("rogue cut", _mark(rf"rogue{_S}cut")),
    ("redux", _mark("redux")),
    ("black and white", _mark(rf"black{_S}and{_S}(?:white|chrome)|b{_S}w{_S}(?:edition|version)")),
    ("despecialized", _mark("despeciali[sz]ed|4k77|4k80|4k83")),
    ("criterion", _mark(rf"criterion(?:{_S}collection)?")),
    ("remastered", _mark("remaster(?:ed)?|restored|restoration")),
    ("anniversary", _mark(rf"(?:\d\d(?:th|st|nd|rd)?{_S})?anniversary(?:{_S}edition)?")),
    ("collector's", _mark(rf"collector'?s?(?:{_S}edition)?")),
)
FLAGS = {
    "is_3d": _mark(rf"3d|h?{_S}?sbs|half{_S}(?:sbs|ou)|h{_S}ou|mvc"),
    "is_hardcoded": _mark(rf"hc|hard{_S}(?:coded|subs?(?:bed)?)|kor{_S}subs?|hc{_S}subs?"),
    "is_dubbed": _mark(rf"dubbed|(?:line|mic|md|ld){_S}(?:dub(?:bed)?|audio)|ac3{_S}?[ml]d|dub"),
    "is_upscaled": _mark(rf"(?:ai{_S})?(?:upscaled?|upscaling)|ai{_S}enhanced|upsuhd|regrade"),
    "is_internal": _mark("internal|int"),
    "is_hybrid": _mark("hybrid"),
    "is_multi": _mark(rf"multi(?:{_S}?(?:\d|audio|lang))?|dual(?:{_S}audio)?|dl(?<!web.dl)(?<!webdl)"),
}
SUBTITLES = re.compile(
    rf"{_B}(?:(?!multi|dual|dub)[a-z]{{2,10}}{_S})?(?:[em]{_S})?sub(?:s|bed|titles?|titled)?{_E}|{_B}vost\w*|{_B}[a-z]{{3}}subs?{_E}",
    re.IGNORECASE,
)
"""Languages of subtitles, which are none of the sound."""
_PROPER = _mark(r"(?P<what>proper|repack|rerip|real)(?P<count>\d)?")
_SITE_TAG = re.compile(r"\s{0,8}\[[^\[\]]{0,200}\]\s{0,8}$")
_GROUP = re.compile(r"-\s?(?P<group>[^\W_][\w@&!$]{0,28})(?:\[[^\[\]]*\])?\s*$")
_GROUP_FIRST = re.compile(r"\s*[\[【]([^\[\]【】]{2,30})[\]】]")
_GROUP_BRACKET = re.compile(r"\s(?P<group>[A-Za-z][A-Za-z0-9]{2,14})\s*[)\]]\s*$")
_NO_GROUP = re.compile(
    r"(?:dl|(?:dl)?rip|ray|hd|hdma|ma|x|es|ou|sbs|\d+|[xh]26[45]|web|dts|bit|10bit|cd\d|part\d*|s\d+.*|e\d+.*|\d+p|1|aac.*|ac3|hevc|remux)",
    re.IGNORECASE,
)


def source_of(tail: str) -> ReleaseSource:
    """What a release was made from."""
    found = next((source for source, mark in _SOURCES if mark.search(tail)), ReleaseSource.UNKNOWN)
    is_whole = (
        found is ReleaseSource.BLURAY
        and not _BITMAPPED.search(tail)
        and re.search(r"\bavc\b|\biso\b|\bvc-?1\b", tail, re.IGNORECASE)
    )
    return ReleaseSource.DISC if is_whole else found


def resolution_of(tail: str) -> int:
    """Lines; 0 when the name does not say. A size in pixels counts by its width, as films are often less high."""
    named = 0
    for found in _RESOLUTION.finditer(tail):
        if found["lines"] and 240 <= int(found["lines"]) <= 4320:
            return int(found["lines"])
        if found["width"]:
            named = _by_width(int(found["width"]), int(found["height"]))
        elif not named:
            named = 2160 if found["uhd"] else 1080
    return named


def _by_width(width: int, height: int) -> int:
    for least, lines in ((3000, 2160), (1800, 1080), (1200, 720), (1000, 576)):
        if width >= least:
            return lines
    return 576 if height > 500 else 480


def hdr_of(tail: str) -> tuple[str, ...]:
    """Of dv, hdr10+, hdr10 and hlg those that are named."""
    return tuple(kind for kind, mark in _HDR if mark.search(tail))


def edition_of(tail: str) -> str:
    """All editions that are named, with commas between them."""
    return ", ".join(edition for edition, mark in _EDITIONS if mark.search(tail))


def proper_of(tail: str) -> int:
    """How often it was corrected: "PROPER", "REPACK2"."""
    return sum(int(found["count"] or 1) for found in _PROPER.finditer(tail) if found["what"].lower() != "real")


def group_of(name: str, tail: str) -> str:
    """Who made it: behind the last hyphen, or in brackets before everything; sites and terms are nobody."""
    shown = _SITE_TAG.sub("", tail)
    for pattern, text in ((_GROUP, tail), (_GROUP_BRACKET, tail), (_GROUP_BRACKET, shown)):
        if (found := pattern.search(text)) and not _NO_GROUP.fullmatch(found["group"]):
            return found["group"].strip("._")
    first = _GROUP_FIRST.match(name)
    return first[1].strip() if first and "." not in first[1] else ""
