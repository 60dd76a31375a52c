"""Words that name another recording of the same song: live, a remix, a cover. In English, Spanish, German, French and Japanese."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from nightcrew.music.matching.words import CACHED, SMALL, Words, is_slip, similarity, words

_KINDS: dict[str, str] = {
    "live": "live|en vivo|en directo|en concierto|ao vivo|en public|en concert|in concert|im konzert|konzert|concert|ライブ|生演奏|dal vivo",
    "session": "session|sessions|sesion|sesiones",
    "unplugged": "unplugged",
    "acoustic": "acoustic|acustico|acustica|akustik|akustisch|acoustique|アコースティック|acoustics",
    "remix": "remix|remixed|remixes|rmx|rework|reworked|bootleg|flip|refix|vip|dub|mashup|mix|remezcla|リミックス|club|dubstep|bounce",
    "edit": "edit|re edit|radio edit|radio mix|radio version|radio cut|single edit|single mix|short version|short edit",
    "extended": "extended|extended mix|extended version|long version|12 inch|12 mix|12 version|langfassung|version larga",
    "instrumental": "instrumental|instrumentals|instrumentale|instrumentalversion|off vocal|no vocals|without vocals|インスト|インストゥルメンタル|instrumental version",
    "karaoke": "karaoke|backing track|sing along|singalong|playback|originally performed by|made famous by|in the style of|karaokeversion|カラオケ",
    "cover": "cover|covers|covered by|tribute|tributo|hommage|coverversion|カバー|lullaby|lullabies|8 bit|8bit|as made famous",
    "demo": "demo|demos|rough mix|early version|outtake|alternate take|alternate version|alternate mix|alternative version|maqueta|demoversion",
    "cappella": "a cappella|acapella|acappella|a capella|vocals only",
    "piano": "piano version|piano|piano cover",
    "orchestral": "orchestral|symphonic|orchestra version|strings version|string quartet",
    "sped": "sped up|speed up|spedup|nightcore|speedup|faster",
    "slowed": "slowed|slowed down|reverb|chopped|screwed|daycore",
    "eight": "8d|8d audio|16d",
    "reprise": "reprise",
    "clean": "clean|censored|clean version",
    "commentary": "commentary|interview|track by track",
    "excerpt": "snippet|preview|teaser|ringtone|excerpt",
    "medley": "medley|megamix|mixed|continuous mix|dj mix|nonstop",
    "rerecorded": "taylors version|re recorded|rerecorded|re recording|new recording",
    "spanish": "spanish version|version en espanol|en espanol|spanish",
    "english": "english version|version en ingles|english",
    "french": "french version|version francaise",
    "german": "german version|deutsche version|auf deutsch",
    "italian": "italian version|versione italiana",
    "japanese": "japanese version|japanese ver|korean version|korean ver|chinese version",
}
_SURE = frozenset(["mix", "club", "flip", "dub", "vip", "bounce", "piano", "spanish", "english", "clean", "concert", "faster", "cover", "edit", "8d"])
"""Words that name a version only where a version is named: between brackets, behind a dash, or as what a title has too many."""

_NEUTRAL = frozenset(
    ["remaster", "remastered", "remasterizado", "remasterise", "remasterisee", "remasters", "digital", "digitally", "mono", "stereo"]
    + ["explicit", "dirty", "bonus", "track", "deluxe", "edition", "anniversary", "version", "ver", "versione", "original", "album", "single"]
    + ["lp", "ep", "official", "video", "audio", "lyric", "lyrics", "hd", "hq", "320", "320kbps", "kbps", "full", "new", "master", "expanded"]
    + ["special", "from", "theme", "motion", "picture", "soundtrack", "ost", "film", "feature", "main", "title", "visualizer", "visualiser"]
    + ["mp3", "flac", "m4a", "web", "cd", "vinyl", "rip", "itunes", "amazon", "music", "hi", "res", "24bit", "16bit", "24", "96", "44", "khz"]
)
"""Words beside which two names are still those of one recording."""
_PLAIN_MIXES = frozenset([("original", "mix"), ("original", "version"), ("album", "version"), ("lp", "version"), ("main", "mix"), ("full", "mix")])


OF_FOLDERS = frozenset(
    ["live", "unplugged", "session", "acoustic", "karaoke", "instrumental", "cover", "demo", "sped", "slowed", "piano", "orchestral", "commentary"]
)
"""What the name of an album says of all that is in it. One of remixes holds the song as it was, too."""


@dataclass(frozen=True, slots=True)
class VersionWords:
    """What versions are named, and which words say whose or where: a remixer, a place."""

    kinds: frozenset[str] = frozenset()
    whose: Words = ()

    def __or__(self, other: VersionWords) -> VersionWords:
        """Both."""
        return VersionWords(self.kinds | other.kinds, self.whose + other.whose)


NONE = VersionWords()


def _phrases() -> tuple[dict[str, str], dict[str, tuple[tuple[Words, str], ...]]]:
    single: dict[str, str] = {}
    several: dict[str, list[tuple[Words, str]]] = {}
    for kind, listed in _KINDS.items():
        for phrase in listed.split("|"):
            found = words(phrase)
            if len(found) == 1:
                single[found[0]] = kind
            else:
                several.setdefault(found[0], []).append((found, kind))
    ordered = {first: tuple(sorted(rows, key=lambda row: -len(row[0]))) for first, rows in several.items()}
    return single, ordered


_SINGLE, _SEVERAL = _phrases()


@lru_cache(maxsize=CACHED)
def named_in(found: Words, *, loose: bool = False) -> VersionWords:
    """The versions that words name. `loose`: they are part of a title or of a folder's name, where only the clear ones count."""
    kinds, whose, at = set[str](), list[str](), 0
    if found[-2:] in _PLAIN_MIXES:
        found = found[:-2]
    while at < len(found):
        phrase = next((row for row in _SEVERAL.get(found[at], ()) if found[at : at + len(row[0])] == row[0]), None)
        if phrase is not None:
            kinds.add(phrase[1])
            at += len(phrase[0])
            continue
        word = found[at]
        kind = _SINGLE.get(word)
        if kind is not None and not (loose and word in _SURE):
            kinds.add(kind)
        elif word not in _NEUTRAL and word not in SMALL and not is_year(word):
            whose.append(word)
        at += 1
    return VersionWords(frozenset(kinds), tuple(whose)) if kinds else NONE


@lru_cache(maxsize=CACHED)
def is_neutral(found: Words) -> bool:
    """Whether words say nothing that makes another recording: "2011 Remaster", "Explicit"."""
    if found[-2:] in _PLAIN_MIXES:
        return True
    return all(word in _NEUTRAL or is_year(word) or is_ordinal(word) for word in found)


def is_year(word: str) -> bool:
    """Whether a word is one of the years of recorded music."""
    return len(word) == 4 and word.isdigit() and "1900" <= word <= "2100"


def is_ordinal(word: str) -> bool:
    """Such as 40th."""
    return len(word) > 2 and word[-2:] in {"st", "nd", "rd", "th"} and word[:-2].isdigit()


def is_version_word(word: str) -> bool:
    """Whether one word alone names a version or is neutral."""
    return word in _SINGLE or word in _NEUTRAL


def disagreement(wanted: VersionWords, found: VersionWords) -> str:
    """Why two names are those of two recordings, empty when they may be one's."""
    missing, more = _without_alike(wanted.kinds, found.kinds)
    if more:
        return f"it is another version ({', '.join(sorted(more))})"
    if missing:
        return f"it is not the version that is wanted ({', '.join(sorted(missing))})"
    if wanted.whose and found.whose and _agreement(wanted.whose, found.whose) < 0.5:
        return f"it is another version ({' '.join(found.whose)})"
    dated = "live" in found.kinds  # a date says when it was played
    if _numbers(wanted.whose, dated=dated) != _numbers(found.whose, dated=dated):
        return f"it is another version ({' '.join(found.whose) or 'without a number'})"
    return ""


def _numbers(found: Words, *, dated: bool) -> frozenset[str]:
    if not found:
        return frozenset()
    return frozenset(
        word for last, word in zip(("", *found), found, strict=False) if word.isdigit() and (not dated or last in {"part", "volume", "number"})
    )


def _without_alike(wanted: frozenset[str], found: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What each has alone. A session or an unplugged one is live and acoustic, an extended mix need not be called a mix."""
    if "unplugged" in wanted or "unplugged" in found:
        drop = frozenset(["unplugged", "live", "acoustic", "session"])
        if wanted & drop and found & drop:
            wanted, found = wanted - drop, found - drop
    if "session" in wanted and "session" in found:
        wanted, found = wanted - {"live"}, found - {"live"}
    if ("extended" in wanted and "extended" in found) or ("edit" in wanted and "edit" in found):
        wanted, found = wanted - {"remix"}, found - {"remix"}
    return wanted - found, found - wanted


def agreement(wanted: VersionWords, found: VersionWords) -> float:
    """How well they agree, from 0 to 1, where nothing speaks against it. A remix without a name may be any."""
    if wanted.whose and found.whose:
        return _agreement(wanted.whose, found.whose)
    if wanted.whose or found.whose:
        return 0.6
    return 1.0


def _agreement(wanted: Words, found: Words) -> float:
    if is_slip("".join(wanted), "".join(found)):
        return 0.9
    return max(similarity(wanted, found), 0.9 if set(wanted) <= set(found) or set(found) <= set(wanted) else 0.0)


def versions_of(text: str) -> VersionWords:
    """Of a text that names a version, such as what stands in brackets."""
    return named_in(words(text))
