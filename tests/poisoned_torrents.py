"""Torrents that are not what they say, as strangers make them."""

from __future__ import annotations

import random
from dataclasses import replace

from made_releases import MB, SEEN, UNSEEN, Files, Made, Maker, Release, claiming, expected, release, torrent
from nightcrew.movies.torrents.model import Metainfo, TorrentFile

PROGRAMS = {
    True: ("exe", "scr", "lnk", "bat", "msi"),
    False: (
        "vbs",
        "js",
        "hta",
        "ps1",
        "cmd",
        "com",
        "pif",
        "jar",
        "apk",
        "wsf",
        "dmg",
        "sh",
        "desktop",
        "EXE",
        "Scr",
        "jse",
        "vbe",
        "reg",
        "dll",
        "xlsm",
    ),
}
ARCHIVES = {True: ("rar", "zip"), False: ("7z", "ace", "tar.gz", "zipx", "RAR", "r00", "7z.001", "cab", "lzh", "tgz")}
PASSWORDS = {
    True: ("password.txt", "Password.html", "PASSWORD - read me.txt"),
    False: (
        "Passwort.txt", "the password is here.url", "Contraseña.txt", "пароль.txt", "Mot de passe.txt", "archive passcode.rtf", "pass.txt",
        "Get Password Here.html", "PW.txt", "密码.txt", "key.txt", "unlock code.txt", "READ ME - rar password.docx", "senha.txt",
    ),
}  # fmt: skip
PAGES = {
    True: ("To play this video.html", "Codec.txt", "Install the player.url", "How to play.txt"),
    False: (
        "READ ME - video does not play.html", "Download player here.url", "Click here to play.html", "Missing codec.txt", "codec-pack-setup.zip",
        "How to open this file.txt", "Video Error FIX.txt", "Required Plugin.url", "HOWTOPLAY.txt", "ToPlayThisVideo.html", "Cannot watch it.txt",
        "PLEASE READ BEFORE PLAYING.txt", "Watch online HD.url", "HOW TO OPEN.jpg", "License.html", "Use DivX Player only.txt", "кодек.txt",
        "Playback problems.pdf", "Media Player.rar", "Decoder.zip",
    ),
}  # fmt: skip
TURNS = {True: ("\u202e",), False: ("\u202d", "\u2066", "\u202b", "\u2067")}


def _plain(made: Release) -> tuple[str, Files]:
    """A film that is good so far."""
    name = made.rng.choice((made.name, made.words))
    return name, {f"{name}.mkv": made.size()}


def _done(made: Release, name: str, files: Files, label: str, **options: bool) -> Made:
    found = torrent(name, files, **options)
    return Made(found, expected(made, found.size), label)


def program(made: Release) -> Made:
    name, files = _plain(made)
    ending = made.rng.choice(PROGRAMS[made.is_seen])
    where = ["{name}.{ending}", "Setup.{ending}", "{name}.mp4.{ending}"]
    if not made.is_seen:
        where += [
            "Subs/English.srt.{ending}",
            "{name}.mkv            .{ending}",
            "Codec/install.{ending}",
            "Sample/sample.{ending}",
            "{name}.{ending} ",
        ]
        where += [
            "{name}.mp4\u200b.{ending}",
            "{name}.mkv．{ending}",
            "BDMV/STREAM/00000.{ending}",
            "Play.app/Contents/MacOS/play",
        ]
    path = made.rng.choice(where).format(name=name, ending=ending)
    if made.rng.random() < 0.4:
        return _done(made, name, {path: made.size()}, "program")
    return _done(made, name, {**files, path: made.rng.choice((99, 400_000, 5 * MB, 80 * MB))}, "program")


def program_as_pad(made: Release) -> Made:
    name, files = _plain(made)
    found = torrent(name, files)
    pad = TorrentFile(("Setup.exe",), 300_000, pad=True)
    return Made(replace(found, files=(*found.files, pad)), expected(made, found.size), "program as pad")


def disguise(made: Release) -> Made:
    name, _ = _plain(made)
    turn = made.rng.choice(TURNS[made.is_seen])
    bad = f"{name}{turn}{made.rng.choice(('4pm.exe', 'vkm.scr'))[::-1] if made.is_seen else 'ivа'}.mkv"
    if not made.is_seen and made.rng.random() < 0.5:
        bad = f"{name}.{made.rng.choice(('exe', 'bat', 'msi', 'lnk'))}.{made.rng.choice(('mkv', 'mp4'))}"
    return _done(made, name, {bad: made.size()}, "disguise")


def archive(made: Release) -> Made:
    name = made.rng.choice((made.name, made.words))
    ending = made.rng.choice(ARCHIVES[made.is_seen])
    files: Files = {f"{name}.{ending}": made.size()}
    if made.rng.random() < 0.5:
        files |= made.rng.choice(
            ({f"{name}.nfo": 900}, {"Sample.mkv": 9 * MB}, {"poster.jpg": 90_000}, {"readme.txt": 90})
        )
    if not made.is_seen and made.rng.random() < 0.3:
        size = made.size()
        files = {f"{name}.part{at}.rar": size // 2 for at in (1, 2)}
    return _done(made, name, files, "archive", single=len(files) == 1)


def password(made: Release) -> Made:
    name, files = _plain(made)
    hint = made.rng.choice(PASSWORDS[made.is_seen])
    size = made.size()
    match made.rng.randrange(3):
        case 0:
            files = {f"{name}.rar": size}
        case 1:
            files = {f"{name}.part{at}.rar": size // 5 for at in range(1, 6)} | {"info.nfo": 900}
    return _done(made, name, {**files, hint: 200}, "password")


def page(made: Release) -> Made:
    name, files = _plain(made)
    return _done(
        made, name, {**files, made.rng.choice(PAGES[made.is_seen]): made.rng.choice((150, 2000, 90_000))}, "page"
    )


def small(made: Release) -> Made:
    """Far fewer bytes than the name claims."""
    lines = made.lines or 480
    rate = {2160: 4, 1080: 1.8, 720: 1, 480: 0.4}[lines] * made.rng.uniform(0.02, 1)
    tags = {2160: "2160p.UHD.BluRay.x265", 1080: "1080p.BluRay.x264", 720: "720p.WEB-DL", 480: "DVDRip.x264"}[lines]
    name = f"{'.'.join(made.title.split())}.{made.year}.{tags}-GRP"
    found = torrent(name, {f"{name}.mkv": int(made.minutes * rate * MB), "info.nfo": 900})
    return Made(found, replace(expected(made, found.size), runtime_min=made.minutes), "small")


def large(made: Release) -> Made:
    lines = made.lines or 720
    rate = {2160: 1400, 1080: 800, 720: 350, 480: 200}[lines] * made.rng.uniform(1, 4)
    tags = {2160: "2160p", 1080: "1080p", 720: "720p", 480: "DVDRip"}[lines]
    name = f"{made.title} {made.year} {tags}"
    found = torrent(name, {f"{name}.mkv": int(made.minutes * rate * MB)})
    return Made(found, replace(expected(made, found.size), runtime_min=made.minutes), "large")


def wrong_claim(made: Release) -> Made:
    name, files = _plain(made)
    factor = made.rng.choice((made.rng.uniform(0.05, 0.7), made.rng.uniform(1.5, 20)))
    return claiming(_done(made, name, files, "wrong claim"), factor)


def wrong_hash(made: Release) -> Made:
    name, files = _plain(made)
    done = _done(made, name, files, "wrong hash")
    return replace(done, expected=replace(done.expected, claimed_hash=f"{made.rng.randrange(1 << 160):040x}"))


def other_film(made: Release) -> Made:
    """The torrent is called like the film, or not even that."""
    others = [film for film in (SEEN if made.is_seen else UNSEEN) if film[0] != made.film[0]]
    other = replace(release(made.rng, is_seen=made.is_seen, films=others), lines=made.lines, tags=made.tags)
    inner = made.rng.choice((other.name, f"{other.title} ({other.year})"))
    if not made.is_seen and made.rng.random() < 0.3:
        inner = other.film[0][0]
    outer = made.rng.choice((inner, made.name))
    return _done(made, outer, {f"{inner}.mkv": made.size()}, "other film")


def other_year(made: Release) -> Made:
    """A remake, or what came after."""
    year = min(2026, made.year + made.rng.choice((-9, 12, 25, 61)))
    title = made.title
    if not made.is_seen:
        title = made.rng.choice(
            (title, f"{title} 2", f"{title} Part II", f"Return of the {title}", f"Bride of {title}")
        )
    name = f"{'.'.join(title.split())}.{year}.{made.tags or '1080p'}-GRP"
    outer = made.rng.choice((name, made.name))
    return _done(made, outer, {f"{name}.mkv": made.size()}, "other year")


def no_film(made: Release) -> Made:
    name, size = made.name, made.size()
    choices: list[Files] = [
        {f"{name}.txt": size},
        {"Sample/sample.mkv": 20 * MB, f"{name}.nfo": 900},
        {f"{name}.jpg": size},
    ]
    if not made.is_seen:
        choices += [
            {f"{name}.pdf": size},
            {f"{at:02}.mp3": 6 * MB for at in range(12)},
            {f"{name}.bin2": size},
            {name: size},
            {f"{name}.epub": 900_000},
        ]
        choices += [
            {f"{name}.mkv": size // 50, "padding.dat": size},
            {f"{name}.torrent": 90_000},
            {f"trailer-{name}.mp4": 30 * MB},
        ]
    return _done(made, name, made.rng.choice(choices), "no film")


def copies(made: Release) -> Made:
    name, size = made.name, made.size()
    names = [f"{name}.mkv", f"{name}.HD.mkv", f"{name}.FULL.mp4"]
    if not made.is_seen:
        names = [
            f"{made.title} {word}.{ending}"
            for word, ending in (("HD", "mkv"), ("HD", "mp4"), ("1080p", "mkv"), ("720p", "mkv"), ("English", "avi"))
        ]
        names = names[: made.rng.randrange(2, 6)]
    return _done(made, name, dict.fromkeys(names, size), "copies")


def licence(made: Release) -> Made:
    """A video whose player fetches a licence from a page."""
    ending = "wmv" if made.is_seen else made.rng.choice(("asf", "wmv", "rm", "WMV"))
    name = f"{'.'.join(made.title.split())}.{made.year}.{made.rng.choice(('1080p.BluRay.x264', '720p.BRRip.XviD', 'HEVC.1080p'))}-GRP"
    return _done(made, name, {f"{name}.{ending}": int(made.minutes * 10 * MB)}, "licence")


MAKERS: tuple[Maker, ...] = (
    program, program, program, disguise, archive, archive, password, password, page, page, small, small, large, wrong_claim, wrong_hash,
    other_film, other_film, other_year, no_film, copies, licence, program_as_pad,
)  # fmt: skip


def poisoned(rng: random.Random, *, is_seen: bool) -> Made:
    """Any of them."""
    return rng.choice(MAKERS)(release(rng, is_seen=is_seen))


__all__ = ["Metainfo", "poisoned"]
