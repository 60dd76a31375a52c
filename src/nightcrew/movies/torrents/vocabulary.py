"""Endings and words that say what a file of a torrent is. Pure.

Endings are without their dot; words are folded (`releases.words`).
"""

from __future__ import annotations

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


VIDEOS = _set(
    """
    mkv mp4 avi m4v mov wmv asf mpg mpeg mpe m2v ts m2ts mts webm ogv ogm flv divx 3gp rm rmvb tp trp f4v mk3d
    """
)
IMAGES = _set("iso img bin nrg mdf")
"""Of whole discs."""
CHEAP_CONTAINERS = _set("wmv asf rm rmvb flv 3gp")
"""No release that names its codec is in one of them; fakes that ask for a licence are."""
CODECS = _set("x264 x265 h264 h265 hevc avc av1 xvid bluray bdrip brrip webrip")
"""What is in a better container."""
ARCHIVES = _set(
    """
    rar zip 7z tar gz tgz bz2 tbz xz txz zst lz lzma ace arj cab lha lzh z zipx alz egg sit sitx uha zpaq rev 001 kgb pea
    """
)
PROGRAMS = _set(
    """
    exe scr com pif bat cmd msi msp mst msu msix msixbundle appx appxbundle appinstaller application gadget cpl dll ocx sys drv vbs vbe
    vb js jse mjs ws wsf wsc wsh sct hta ps1 ps1xml ps2 psm1 psc1 lnk scf reg msc jar jnlp class apk xapk apks aab ipa deb rpm dmg pkg
    mpkg app command workflow scpt applescript osx sh bash zsh csh ksh run appimage flatpak flatpakref snap desktop py pyc pyw pyz rb
    php cgi crx xpi vsix chm hlp docm dotm xlsm xltm xlam xll pptm potm ppam sldm iqy slk onepkg library-ms search-ms settingcontent-ms
    appref-ms diagcab theme themepack vhd vhdx wim swf xbap ins isp job udl shb shs
    """
)
INNER = _set("exe msi bat cmd pif lnk vbs hta apk jar ps1")
"""Endings of programs that no name has before its own ending. "SCR" is a screener."""
PAGES = _set("html htm xhtml shtml mht mhtml url website webloc")
TEXTS = _set("txt nfo rtf doc docx pdf md diz odt readme log")
SUBTITLES = _set("srt sub idx ass ssa vtt sup smi usf ttml dfxp mks pjs jss psb stl scc")
SOUND = _set("mp3 flac m4a aac ac3 eac3 dts ogg opus wav mka thd ape wv wma cue m3u m3u8 aiff")
PICTURES = _set("jpg jpeg png gif bmp webp tif tiff tbn ico heic avif")
CHECKSUMS = _set("sfv md5 sha1 sha256 srr srs par2")

SAMPLES = _set("sample samples proof trailer trailers teaser preview previews snippet")
EXTRAS = _set(
    """
    extras extra featurettes featurette bonus interviews interview scenes deleted bloopers outtakes shorts short soundtrack making
    supplements specials commentary documentary behind gallery
    """
)

PASSWORDS = _set(
    """
    password passwords passwort passwd passwrd pasword passcode passkey passphrase kennwort contrasena contrasenas senha wachtwoord
    haslo heslo parola losenord lozinka sifre parool jelszo adgangskode motdepasse parol mima bimilbeonho pasuwado pasuwa
    """
)
"""The last five: пароль, 密码, 비밀번호 and パスワード as they are folded."""
SHORT_PASSWORDS = _set("pass pw pwd psw pword key keys code codes unlock")
"""Only where nothing else is said but `AROUND_PASSWORDS`."""
AROUND_PASSWORDS = _set(
    """
    the is for here file files archive archives rar zip 7z txt extract unpack get my your this to of word read
    """
)
PASS_SIGN = re.compile(r"(?:^|[\s\[({._-])(?:pass|pw|pwd)\s*[=:]", re.IGNORECASE)
PLAYERS = _set(
    """
    codec codecs kodek kodeki codecpack plugin plugins decoder decoders keygen keygens crack activator activation decrypt decrypter
    decryptor decryption unlocker license licence mediaplayer videoplayer divxplayer playerinstall installer pleer captcha
    """
)
"""Films come without. The last but one: плеер."""
ASKS = _set(
    """
    how howto to cannot cant wont doesnt not unable if when error errors problem problems trouble issue issues fix click need needs
    needed require requires required missing download install get must before please instruction instructions important attention
    warning help guide use first only unlock verify
    """
)
WATCHES = _set(
    """
    play plays playing played playback player open opening watch watching view viewing viewer extract extracting unpack unrar unzip run
    abspielen reproducir lecteur reproductor lire
    """
)
PROBLEMS = _set(
    """
    error errors problem problems trouble fix fixed wont cant cannot doesnt required requires need needed working unable black install
    """
)
SUBJECTS = _set("video videos movie film file playback sound screen player")
BENIGN = _set("hevc h265 x265 10bit subtitle subtitles subs vlc mpv kodi plex 3d")
"""What honest notes on playing are about."""
INVITES = _set("watch play player click open stream streaming unlock verify claim install")
"""On a web page beside a film."""
GLUED = re.compile(
    r"howtoplay|howtoopen|howtowatch|toplaythis|playthis|codecpack|mediaplayer|installplayer|videoplayer|playerdownload"
)

GENERIC = _set(
    """
    movie movies film films video videos main feature full title titles track disc disk cd dvd bd bluray br vts vob mkv mp4 avi part pt
    clip untitled unknown output final master encoded encode rip new copy file content stream streams index version edition remaster
    remastered restored restoration uncut extended directors cut theatrical special the a an of and und le la les der die das el il hd
    sd uhd fhd web dl x264 x265 h264 h265 hevc avc xvid divx av1 vp9 aac ac3 dts flac mp3 opus ddp dd bit 8bit 10bit hdr hdr10 sdr dv
    remux bdrip brrip dvdrip webrip hdtv tv ntsc pal proper repack internal multi dual audio english eng en german ger deu french fre
    fra spanish spa italian ita russian rus japanese jpn silent colorized colourised bw complete season series episode ep archive org
    public domain by from with sample criterion kino hq lq hi lo low high quality 512kb edit small large mobile tablet ipod ia default
    """
)
"""Words that say nothing of which film it is."""
QUALITY = re.compile(
    r"\d{3,4}[pik]|[48]k|\d{3,4}x\d{3,4}|s\d{1,2}(?:e\d{1,3}){0,9}|e\d{1,3}|cd\d|dvd\d|disc\d|t\d\d|\d{1,6}(?:bit|ch|fps|kbps|mb|gb)"
)
LATER = _set(
    """
    restored restoration remastered remaster anniversary edition reissue rerelease colorized colourised score criterion
    """
)
"""They name the year of an edition."""
