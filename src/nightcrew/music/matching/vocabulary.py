"""The words that the matcher knows: what makes another version, and what says nothing. In five languages. Pure."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(one.split()) for one in text.split(","))


def _rows(text: str) -> dict[str, tuple[str, ...]]:
    """Lines "name: phrase, phrase"; a line that is indented goes on with the one before."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.strip().splitlines():
        head, colon, rest = line.partition(":")
        name = head.strip() if colon else name
        found.setdefault(name, []).extend(one.strip() for one in (rest if colon else line).split(",") if one.strip())
    return {name: tuple(phrases) for name, phrases in found.items()}


VERSIONS = _rows("""
live: live, en vivo, en directo, en concierto, ao vivo, en public, en concert, in concert, im konzert, konzert, concert, dal vivo,
    liveversion, liveaufnahme, livemitschnitt, mitschnitt, konzertmitschnitt, konzertversion, concierto, ライブ, ライヴ, 生演奏, 生放送,
    现场, 现场版, 現場版, 演唱会, концерт, живой
session: session, sessions, sesion, sesiones
unplugged: unplugged
acoustic: acoustic, acustico, acustica, akustik, akustisch, acoustique, acoustics, akustikversion,
    akustikfassung, stripped, stripped down, アコースティック, 弾き語り, акустика, акустическая
remix: remix, remixed, remixes, rmx, rework, reworked, bootleg, flip, refix, vip, dub, mashup, mix, remezcla, club, dubstep, bounce,
    dj tool, variation, リミックス, ремикс
edit: edit, re edit, radio edit, radio mix, radio version, radio cut, single edit, single mix, short version, short edit,
    video edit, kurzversion, radioversion, version corta, version courte, tv size, tv version, tvサイズ, radio
extended: extended, extended mix, extended version, long version, 12 inch, 12 mix, 12 version, langfassung, langversion, maxi version,
    version larga, version extendida, version longue
instrumental: instrumental, instrumentals, instrumentale, instrumentalversion, instrumental version, off vocal, no vocals, without vocals,
    minus one, instr, インスト, インストゥルメンタル, インストルメンタル, 伴奏,
    инструментал
karaoke: karaoke, karaokeversion, backing track, sing along, singalong, playback, originally performed by, made famous by, in the style of,
    カラオケ, караоке, минусовка
cover: cover, covers, covered by, coverversion, tribute, tributo, hommage, lullaby, lullabies, 8 bit, 8bit, music box,
    parody, parodie, カバー, カヴァー, 歌ってみた, オルゴール, 翻唱, кавер
demo: demo, demos, demoversion, rough mix, early version, outtake, alternate take, alternate version, alternate mix, alternative version,
    early take, take 1, take 2, take 3, take 4, take 5, take 6, take 7, rehearsal, voice memo, home recording, work in progress,
    demoaufnahme, rohfassung, maqueta, maquette, デモ, デモ音源, демо
cappella: a cappella, acapella, acappella, a capella, vocals only
piano: piano version, piano, piano cover
orchestral: orchestral, symphonic, orchestra version, strings version, string version,
    string quartet, symphonique
sped: sped up, speed up, spedup, speedup, nightcore, faster
slowed: slowed, slowed down, reverb, chopped, screwed, daycore
eight: 8d, 8d audio, 16d
reprise: reprise
lofi: lofi, lo fi
intro: intro
outro: outro
interlude: interlude, skit, interludio
clean: clean, censored, clean version
commentary: commentary, interview, track by track
excerpt: snippet, preview, teaser, ringtone, excerpt
medley: medley, megamix, mixed, continuous mix, dj mix, nonstop
rerecorded: taylors version, re recorded, rerecorded, re recording, new recording, new version,
    neue version, neuaufnahme, nueva version, nouvelle version
spanish: spanish version, version en espanol, en espanol, spanish
english: english version, version en ingles, english
french: french version, version francaise
german: german version, deutsche version, auf deutsch
italian: italian version, versione italiana
japanese: japanese version, japanese ver, korean version, korean ver, chinese version
""")
"""Phrases that name a version, by its kind."""

UNSURE = _words("""
    mix club flip dub vip bounce piano spanish english clean concert concierto faster cover edit 8d stripped variation parody intro outro
    interlude skit radio
""") | {"music box", "take 5"}
"""Words and phrases that name a version only where one is named: in brackets, behind a dash, or as what a title has too many."""

LIVED_BEFORE = _words("long i we you they to can where who")
LIVED_BEHIND = _words("and let your my forever like life while to through fast free or what")
"""Words beside which "live" is what one does: "Long Live the King", "Live Through This"."""

OF_FOLDERS = _words(
    "live unplugged session acoustic karaoke instrumental cover demo sped slowed piano orchestral commentary rerecorded"
)
"""Kinds that the name of an album says of all that is in it. An album of remixes holds the song as it was, too."""

LEFT_OUT = _words("intro outro interlude")
"""Kinds that a name may leave out: "Good Morning (Intro)" is also called "Good Morning"."""

NEUTRAL = _words("""
    uncensored oficial officiel officielle offizielles clip videoclip mv vevo sacd hidden originalversion originale bit
    remasterizada remasterizacion rimasuta bajiyon vuajiyon orijinaru
    remaster remastered remasterizado remasterise remasterisee remasters digital digitally mono stereo explicit dirty bonus track deluxe
    edition anniversary version ver versione original album single lp ep official video audio lyric lyrics hd hq 320 320kbps kbps full new
    master expanded special from theme motion picture soundtrack ost film feature main title visualizer visualiser mp3 flac m4a web cd vinyl
    rip itunes amazon youtube music hi res 24bit 16bit khz
""")
"""Words beside which two names are still those of one recording; Japanese ones as `words.fold` writes them."""

PLAIN_MIXES = _phrases(
    "original mix, original version, album version, lp version, main mix, album mix, stereo mix, mono mix, bonus track"
)
"""Mixes that are the song as it was."""

SMALL = _words("""
    a an the of in on at to for my me i you is it de la el le les los las der die das du un una en im am o os as
""")
"""Words that do not tell two titles apart when they are all that is shared."""

JOINTS = _words("and n und et y e")
"""Words between two others that are written in several ways, or not at all."""

COUNTED = _words("part pt parts vol volume no nr number chapter act op phase disc book teil parte")
"""Words before a number that tells two titles apart."""

TELLING = _words("part volume number")
"""How `titles.counted` writes those that tell two titles apart wherever they stand."""

AROUND_ARTISTS = _words("""
    discography discografia diskographie collection complete greatest hits best of the essential albums studio singles flac mp3 320 kbps
    320kbps lossless official topic vevo music band anthology works gold ultimate definitive very singles hits number ones remasters
""")
"""Words beside an artist's name in the name of a folder."""

PLACES = _phrases("""
    music, musik, musica, musique, my music, mp3, mp3s, flac, flacs, downloads, download, complete, shared, share, soulseek,
    soulseek downloads, slsk, audio, media, library, artists, albums, singles, various, songs, lossless, unsorted, new, misc, tracks, all,
    data, users, public, home, volume1, plex, itunes, itunes media, compilations
""")
"""Folders that say where music lies and not whose it is."""

OF_MANY = (
    "various artists|various|va|v a|compilations?|soundtrack|ost|o s t|top [0-9]+|billboard|hit parade|charts?|now [0-9]+|now thats what|"
    "mixtape|playlist|hits of|best of (?:the )?[0-9]{2,4}s?|tribute|karaoke|dj mix|ministry of sound|bravo hits|party hits|"
    "love songs of|sampler"
)
"""A pattern of what the folders of several artists are called."""

OF_MANY_FIRST = _words("""
    various va v compilation compilations soundtrack ost o top billboard hit chart charts now mixtape playlist hits best tribute karaoke dj
    ministry bravo party love sampler
""")
"""The words with which that pattern begins: a quick look whether it is worth a search."""


def _names(text: str) -> dict[str, str]:
    """Each word with the name of its line."""
    return {word: name for name, listed in _rows(text).items() for word in (name, *listed)}


FORMS = _names("""
symphony: symphonie, sinfonie, sinfonia, sinfonias, symphonies
sonata: sonate, sonatas, sonaten, sonatina, klaviersonate, violinsonate
concerto: konzert, concert, concierto, concertos, klavierkonzert, violinkonzert, cellokonzert
quartet: quartett, quatuor, cuarteto, quartetto, streichquartett
quintet: quintett, quintette
trio: trios
suite: suites, suiten
partita: partitas
prelude: praludium, preludio, preludes, praeludium
fugue: fuga, fuge
etude: etudes, study, estudio
nocturne: nocturnes, notturno
waltz: walzer, valse, waltzes, valses
mazurka: mazurkas
polonaise: polonaises
ballade: ballades
impromptu: impromptus
rhapsody: rhapsodie, rapsodie
caprice: caprices, capriccio
variations: variationen, variaciones
overture: ouverture, overtura
mass: messe, misa
requiem:
cantata: kantate, cantate
serenade: serenata
divertimento:
bagatelle: bagatelles
toccata:
invention: inventions
scherzo:
""")
"""Forms of classical works in several languages, each with its English name."""

INSTRUMENTS = _names("""
piano: klavier, pianoforte, klaviersonate, klavierkonzert
violin: violine, violon, violinsonate, violinkonzert, violino
cello: violoncello, violoncelle, cellokonzert
flute: flote
clarinet: klarinette
horn:
trumpet: trompete
organ: orgel
guitar: gitarre
viola:
oboe:
bassoon: fagott
harpsichord: cembalo
""")
"""Instruments for which works are written."""
