"""Words of release names. Pure.

Written without the signs between them: "WEB-DL", "WEB.DL" and "WEBDL" are `webdl`.
"""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STRONG = _set(
    """
    bluray bluraydisc blurayrip bdrip brrip bdremux remux bdmv bd25 bd50 bd66 bd100 bdiso uhdrip uhdbd uhdbluray uhdremux
    webdl webrip webdlrip webhd webcap webmux dlmux hdtv hdtvrip pdtv dsr dvb dvbrip satrip tvrip hdrip microhd dvdrip dvdr dvd5 dvd9
    dvdscr dvdscreener bdscr brscr webscr scrrip vhsrip hddvd hddvdrip laserdisc ldrip ppvrip vodrip hdcam hqcam camrip hdcamrip
    telesync telecine hdts hdtc tsrip hdtsrip hdtcrip cdrip workprint predvd predvdrip predvdrp qrip
    x264 x265 h264 h265 x266 h266 hevc avc xvid divx av1 vc1 vp9 mpeg2 mpeg4 10bit 8bit 12bit hi10p
    dts dtshd dtsx dtsma dtshdma dtses truehd atmos ac3 eac3 aac aac2 aac5 flac opus ddp dd5 ddp5 ddp2 ddp7 ddpa ddpa5 dd2 lpcm pcm
    uhd fhd qhd hdr10 hdr10plus hdr10p dovi dolbyvision sdr hlg
    yify yts rarbg vostfr truefrench korsub korsubs hardsub hardsubs hcsubs engsub engsubs multisub multisubs dualaudio hsbs halfsbs
    halfou hou fullsbs fsbs halftopbottom
    """
)
"""Words that hardly any title has: the title ends before the first of them at the latest."""
STRONG_SHAPE = re.compile(
    r"(?:[1-9]\d{2,3}[ip](?:\d{2,3})?|\d{3,4}x\d{3,4}|4k(?:uhd)?|8k"
    r"|(?:dd|ddp|eac3|ac3|aac|dts|flac|truehd|atmos|dtsx|dtshd|opus)a?\d(?:\d)?|s\d{1,2}(?:e\d{1,4})+|s\d{1,2})"
)
WEAK = _set(
    """
    web hdweb dvd bd br bdr hd sd vhs cam ts tc scr screener r5 r6 rip dl hdr dv pq bt2020 dubbed dub subbed sub subs dual multi multi3
    multi4 multi5 hybrid internal int proper proper2 repack repack2 repack3 rerip real readnfo nfofix dirfix retail limited festival
    stv unrated uncut uncensored extended theatrical remastered remaster restored restoration imax criterion criterioncollection cc
    edition cut version special ultimate collectors collector definitive anniversary final directors director redux rogue assembly
    alternate alternative ending open matte openmatte despecialized diamond deluxe masters cinema eureka arrow bfi kino shout mubi
    3d 2d 3dhsbs sbs ou mvc colorized bw black white chrome upscaled upscale ai regrade enhanced hc hardcoded internalrip converted
    convert complete custom uhdcustom fs ws fullscreen widescreen ntsc pal audio line lined clean mic md ld ac mp3 mp2 mkv mp4 avi m2ts
    nf amzn dsnp hulu hmax max atvp atv pcok pmtp it itunes ma red stan crav crave sho starz vudu play googleplay youtube yt roku tubi
    tving viki cr crunchyroll iplayer ip all4 itv now sky bcore appletv netflix amazon disney peacock paramount criterionchannel
    nordic nordicsubs nor swesub english eng en french fre fra fr vf vff vf2 vfq vfi vo vost german ger deu de ita italian
    spanish spa esp es castellano latino lat espanol russian rus ru ukr ukrainian polish pl pol lektor plsub plsubbed dubbing napisy
    hindi hin tamil tam telugu tel malayalam kannada bengali punjabi marathi japanese jap jpn jp korean kor kr chinese chi mandarin
    cantonese chs cht thai vietnamese indonesian turkish tur arabic hebrew persian farsi greek hungarian hun czech cze cz slovak danish
    dan dansk swedish swe norwegian norsk finnish fin suomi dutch nl nld flemish portuguese por pt ptbr brazilian romanian bulgarian
    serbian croatian multilingual esub esubs msub msubs
    """
)
"""Words that stand behind the title as well as in titles."""
EDITION = _set(
    """unrated uncut extended theatrical remastered restored imax proper repack internal limited directors cut edition hybrid retail
    criterion collectors ultimate special anniversary open matte redux final dubbed subbed"""
)
"""Of these, what may also stand between title and year."""
PACKS = _set(
    """trilogy trilogia trilogie duology dilogy duologia quadrilogy tetralogy tetralogia pentalogy pentalogia hexalogy hexalogia heptalogy
    heptalogia octalogy anthology antologia collection coleccion collezione kolekcja boxset filmography pack filmpack moviepack saga
    integrale megapack"""
)
EXTRAS = _set(
    """featurette featurettes extras trailer trailers teaser sample soundtrack ost bonus bloopers outtakes subpack subtitles
    fanedit rifftrax interviews artbook storyboards screenplay"""
)
EXTRA_PHRASES = (
    ("making", "of"),
    ("behind", "the", "scenes"),
    ("deleted", "scenes"),
    ("deleted", "scene"),
    ("gag", "reel"),
    ("fan", "edit"),
    ("bonus", "disc"),
    ("special", "features"),
    ("original", "score"),
    ("motion", "picture", "score"),
    ("theme", "song"),
    ("riff", "trax"),
    ("subs", "only"),
)
FOREIGN = _set(
    """epub pdf mobi azw3 cbr cbz fitgirl dodi gog ps3 ps4 ps5 xbox360 nsw switch codex skidrow audiobook m4b ebook novel comic comics
    mp3 flac wav vinyl lossless 320kbps pc ost soundtrack"""
)
"""Where nothing says that it is a video, these say what it is instead."""
SEASON_WORDS = frozenset(
    {"season", "seasons", "saison", "staffel", "temporada", "stagione", "sezon", "seizoen", "sasong", "saeson"}
)
EPISODE_WORDS = frozenset({"episode", "episodes", "ep", "eps", "episodio", "folge", "odc", "odcinek"})
SERIES_PHRASES = (("complete", "series"), ("mini", "series"), ("tv", "series"), ("tv", "mini"), ("full", "series"))
SERIES_WORDS = frozenset({"miniseries", "miniserie", "tvseries"})
AKA = frozenset({"aka", "a.k.a", "a.k.a."})
BRANDS = (("marvels",), ("marvel", "studios"), ("disneys",), ("walt", "disneys"), ("dc",), ("disney",))
"""What people put before a title that has it not."""
ARTICLES = _set("the a an la le les der die das el los las il lo gli i un une ein eine een de het den det")
