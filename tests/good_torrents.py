"""Torrents as they should be, of all kinds that are in use."""

from __future__ import annotations

import random

from made_releases import MB, SHOWS, Files, Made, Maker, Release, expected, finished, release, torrent
from nightcrew.movies.torrents.inspection import Expected


def one_file(made: Release) -> Made:
    name = made.rng.choice((made.name, made.words))
    ending = made.rng.choice(
        ("mkv", "mp4", "avi") if made.is_seen else ("mkv", "mp4", "m4v", "webm", "ogv", "ts", "mpg", "MKV")
    )
    return finished(made, f"{name}.{ending}", {f"{name}.{ending}": made.size()}, "one file", single=True)


def with_companions(made: Release) -> Made:
    name = made.name
    files: Files = {f"{name}.mkv": made.size(), f"{name}.nfo": 4000}
    more = [
        {"Sample/sample.mkv": 9 * MB},
        {"Subs/English.srt": 50_000, "Subs/Deutsch.srt": 60_000},
        {"Subs/a.idx": 90_000, "Subs/a.sub": 5 * MB},
    ]
    more += [{"poster.jpg": 300_000}, {"RARBG.txt": 30}, {f"Sample/{name.lower()}.sample.mkv": 40 * MB}]
    if not made.is_seen:
        more = [
            {"Torrent downloaded from Example.txt": 47},
            {"Visit us.url": 120},
            {"More films on example.org.html": 700},
        ]
        more += [
            {"How To Play HEVC.txt": 600},
            {f"sample-{name[:8].lower()}.mkv": 12 * MB},
            {"Proof/proof-cover.jpg": 900_000},
        ]
        more += [
            {"www.example.org.jpg": 90_000},
            {"README.txt": 300},
            {"Read me.txt": 300},
            {"Screens/screen0001.png": 2 * MB},
            {"mediainfo.txt": 9000},
        ]
        more += [
            {"Subs/subs.rar": 900_000},
            {f"{name}.forced.eng.srt": 700},
            {"About the restoration.pdf": 2 * MB},
            {"Trailer.mp4": 60 * MB},
        ]
        more += [
            {"movie.nfo": 900, "fanart.jpg": 10, "folder.jpg": 10},
            {"subtitles.zip": 40_000},
            {"FRENCH.sup": 20 * MB},
        ]
    for one in made.rng.sample(more, made.rng.randrange(len(more))):
        files |= one
    return finished(made, name, files, "with companions")


def scene(made: Release) -> Made:
    """In volumes of one size."""
    name, rng = made.name, made.rng
    short = f"{name.rpartition('-')[2].lower()}-{''.join(made.title.lower().split())[:5]}"
    base = rng.choice((short, name.lower()))
    size = max(made.size(), 40 * MB)
    volume = 15 * MB if size < 1000 * MB else 50 * MB if size < 9000 * MB else 250 * MB
    count = max(3, -(-size // volume))
    names = [f"{base}.rar", *(f"{base}.{'rstuvwxyz'[at // 100]}{at % 100:02}" for at in range(min(count, 800) - 1))]
    if not made.is_seen and rng.random() < 0.6:
        names = [f"{base}.part{at:02}.rar" for at in range(1, count + 1)]
    files: Files = dict.fromkeys(names, volume)
    files[names[-1]] = rng.randrange(volume) + 1
    files |= {f"{base}.nfo": 5000, f"{base}.sfv": 900}
    if rng.random() < 0.5:
        files["Sample/" + base + "-sample.mkv"] = 15 * MB
    if rng.random() < 0.3:
        files |= {f"Subs/{base}-subs.rar": 2 * MB, f"Subs/{base}-subs.sfv": 60}
    return finished(made, name, files, "scene")


def dvd(made: Release) -> Made:
    rng, folder = made.rng, "VIDEO_TS" if made.is_seen else made.rng.choice(("VIDEO_TS", "video_ts", "Disc 1/VIDEO_TS"))
    size, files = int(made.minutes * MB * rng.uniform(25, 70)), dict[str, int]()
    files |= {f"{folder}/VIDEO_TS.IFO": 12_288, f"{folder}/VIDEO_TS.BUP": 12_288, f"{folder}/VIDEO_TS.VOB": 8 * MB}
    for at in range(-(-size // 1_073_709_056)):
        files[f"{folder}/VTS_01_{at + 1}.VOB"] = min(size - at * 1_073_709_056, 1_073_709_056)
    files |= {f"{folder}/VTS_01_0.IFO": 90_000, f"{folder}/VTS_01_0.BUP": 90_000}
    if not made.is_seen:
        files |= rng.choice(({}, {"AUDIO_TS/empty": 0}, {"cover.jpg": 90_000, "info.txt": 500}))
    return finished(
        made, made.rng.choice((f"{made.title}.{made.year}.DVD9", f"{made.title} ({made.year}) DVD5 NTSC")), files, "dvd"
    )


def blu_ray(made: Release) -> Made:
    rng, files = made.rng, dict[str, int]()
    folder = "" if made.is_seen else rng.choice(("", "Disc/", "BD/"))
    size = int(made.minutes * MB * rng.uniform(120, 350))
    files |= {
        f"{folder}BDMV/index.bdmv": 300,
        f"{folder}BDMV/MovieObject.bdmv": 900,
        f"{folder}BDMV/PLAYLIST/00000.mpls": 2000,
    }
    files |= {
        f"{folder}BDMV/CLIPINF/00000.clpi": 9000,
        f"{folder}BDMV/STREAM/00000.m2ts": size,
        f"{folder}BDMV/STREAM/00001.m2ts": size // 9,
    }
    if rng.random() < 0.5:
        files |= {
            f"{folder}BDMV/JAR/00000.jar": 90_000,
            f"{folder}BDMV/BDJO/00000.bdjo": 700,
            f"{folder}BDMV/AUXDATA/sound.bdmv": 9000,
        }
    if not made.is_seen:
        files |= {
            f"{folder}CERTIFICATE/id.bdmv": 104,
            f"{folder}BDMV/BACKUP/index.bdmv": 300,
            f"{folder}BDMV/META/DL/bdmt_eng.xml": 900,
        }
        files |= rng.choice(
            ({}, {f"{folder}BDMV/BACKUP/JAR/00000.jar": 90_000}, {f"{folder}BDMV/BACKUP/BDJO/00000.bdjo": 700})
        )
    tags = rng.choice(("COMPLETE.BLURAY", "1080p.Blu-ray.AVC.DTS-HD.MA"))
    return finished(made, f"{'.'.join(made.title.split())}.{made.year}.{tags}", files, "blu-ray")


def with_extras(made: Release) -> Made:
    size, name = made.size(), made.words
    folder = (
        "Extras"
        if made.is_seen
        else made.rng.choice(
            ("Featurettes", "Bonus", "Deleted Scenes", "Behind The Scenes", "Interviews", "Special Features")
        )
    )
    files: Files = {
        f"{name}.mkv": size,
        f"{folder}/Restoring the film.mkv": size // 3,
        f"{folder}/An interview.mkv": size // 5,
    }
    if made.rng.random() < 0.4:
        files |= {f"Soundtrack/{at:02} - Track.flac": 20 * MB for at in range(1, 9)} if size > 400 * MB else {}
    return finished(made, name, files, "with extras")


def editions(made: Release) -> Made:
    size = made.size()
    kinds = (
        ("Restored", "1993 Version")
        if made.is_seen
        else made.rng.choice((("Tinted", "B&W"), ("Score by A", "Score by B"), ("PAL", "NTSC")))
    )
    name = f"{made.title} ({made.year})"
    return finished(
        made, name, {f"{name} - {kind}.mkv": int(size * made.rng.uniform(0.8, 1.2)) for kind in kinds}, "editions"
    )


def two_discs(made: Release) -> Made:
    base = f"{made.title} {made.year} DVDRip XviD"
    part = "CD{}" if made.is_seen else made.rng.choice(("cd{}", "Part {}", "Disc {}", "part{}"))
    each = max(30 * MB, int(made.minutes * 4 * MB))
    names = [f"{base} {part.format(at)}.avi" for at in (1, 2)]
    if not made.is_seen and made.rng.random() < 0.4:
        names = [f"CD{at}/{base}.avi" for at in (1, 2)]
    sizes = (each, each) if made.rng.random() < 0.3 else (each, each + 12345)
    return finished(made, base, dict(zip(names, sizes, strict=True)), "two discs")


def archive_org(made: Release) -> Made:
    name = "".join(word.capitalize() for word in made.title.replace("!", "").replace(".", "").split())
    name = (
        name
        if made.is_seen
        else made.rng.choice((name, f"{name}{made.year}", name.lower(), "_".join(made.title.lower().split())))
    )
    size = int(made.minutes * 30 * MB)
    files: Files = {
        f"{name}.mpeg": size,
        f"{name}.mp4": size // 6,
        f"{name}_512kb.mp4": size // 8,
        f"{name}.ogv": size // 7,
    }
    files |= {
        f"{name}.gif": 200_000,
        f"{name}.thumbs/{name}_000001.jpg": 4000,
        f"{name}_meta.xml": 900,
        f"{name}_files.xml": 9000,
    }
    return finished(made, name, files, "archive")


def bare_file(made: Release) -> Made:
    """A folder with a name, and a file with none."""
    stem = made.rng.choice(
        ("movie", "film")
        if made.is_seen
        else ("video", "title_t00", "main", "00800", "a3f9c27b1d", "output", "feature")
    )
    return finished(made, made.name, {f"{stem}.mkv": made.size()}, "bare file")


def abroad(made: Release) -> Made:
    """By another title, in another script, with director or "aka"."""
    title = made.rng.choice(made.film[0])
    first = made.film[0][0]
    forms = [f"{title} ({made.year})", f"{title}.{made.year}.1080p"]
    if not made.is_seen:
        forms += [
            f"F. W. Director - {title} ({made.year})",
            f"{title} AKA Something Else ({made.year})",
            f"{first} aka {title} {made.year}",
        ]
        forms += [
            f"{first.lower()} {made.year}",
            f"{first.upper()} {made.year} 1080P",
            f"{title} ({made.year}, Somebody)",
            f"{first} {made.year} Restored 2014",
        ]
    name = made.rng.choice(forms)
    return finished(made, name, {f"{name}.mkv": int(made.minutes * 12 * MB)}, "abroad")


def disc_image(made: Release) -> Made:
    name = f"{made.title} {made.year} PAL DVD5"
    size = int(made.minutes * MB * made.rng.uniform(30, 70))
    if made.is_seen or made.rng.random() < 0.6:
        return finished(made, name, {f"{name}.iso": size}, "disc image")
    return finished(made, name, {f"{name}.bin": int(made.minutes * 9 * MB), f"{name}.cue": 90}, "disc image")


def season(made: Release) -> Made:
    rng, show = made.rng, made.rng.choice(SHOWS[made.is_seen])
    title, count = show[0][0], rng.randrange(4, 26)
    dots, name = ".".join(title.split()), f"{'.'.join(title.split())}.S01.DVDRip.x264-{rng.choice(('AAA', 'TVS'))}"
    forms = ["{dots}.S01E{at:02}.DVDRip.x264.mkv", "{title} - S01E{at:02} - Night Watch.avi"]
    if not made.is_seen:
        forms += [
            "{at:02} - A Stranger Comes.mkv",
            "Season 1/{dots}.1x{at:02}.mkv",
            "S01/S01E{at:02} The Long Way.mkv",
            "Episode {at:02}.mp4",
        ]
        name = rng.choice((name, f"{title} Season 1 Complete", f"{title} ({show[1] + 4}) S05"))
    form = rng.choice(forms)
    rate = rng.uniform(3, 20)
    files = {
        form.format(dots=dots, title=title, at=at): int(show[2] * MB * rate * rng.uniform(0.85, 1.15))
        for at in range(1, count)
    }
    found = torrent(name, files)
    return Made(found, Expected(show[0], show[1] if rng.random() < 0.5 else None, show[2], found.size), "season")


def linux(made: Release) -> Made:
    """No film is expected."""
    rng = made.rng
    name = rng.choice(("debian-12.5.0-amd64-netinst.iso", "ubuntu-24.04-desktop-amd64.iso"))
    files: Files = {name: rng.randrange(300, 6000) * MB}
    if not made.is_seen:
        name = rng.choice(("fedora-workstation-40", "2024-03-15-raspios-bookworm-arm64.img.xz", "archlinux-2024.04.01"))
        files = (
            {name: 1200 * MB}
            if name.endswith("xz")
            else {f"{name}.iso": 2000 * MB, "SHA256SUMS": 200, f"{name}.iso.sig": 500}
        )
    found = torrent(name, files, single=len(files) == 1)
    return Made(found, Expected(claimed_size=found.size, claimed_hash="AB" * 20), "linux")


MAKERS: tuple[Maker, ...] = (
    one_file, one_file, one_file, with_companions, with_companions, with_companions, with_companions, scene, scene, dvd, blu_ray,
    with_extras, editions, two_discs, archive_org, bare_file, abroad, disc_image, season, linux,
)  # fmt: skip


def good(rng: random.Random, *, is_seen: bool) -> Made:
    """Any of them."""
    return rng.choice(MAKERS)(release(rng, is_seen=is_seen))


__all__ = ["expected", "good"]
