"""What a recording is read from, by its address: streamlink's plugins, a plain playlist, a plain stream, or libav.

ffmpeg and libav open what is named to them without asking anybody, and follow wherever a server leads. So everything over HTTP
is read by the guarded session, and they get its bytes. What only libav can read (rtsp, rtmp) is read from a private network
alone: there is nothing behind it that it must be kept away from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import requests
import streamlink
from streamlink import Streamlink
from streamlink.stream.ffmpegmux import FFMPEGMuxer
from streamlink.stream.hls import HLSStream, MuxedHLSStream
from streamlink.stream.http import HTTPStream
from streamlink.stream.stream import Stream
from streamlink.utils.url import update_scheme

from nightcrew.containers import FORMATS
from nightcrew.recorder.answer import OpenAnswer
from nightcrew.recorder.fetch import SMALL, RecorderHttp, Refused, causes, opened, said, status_of
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.proxy import HTTP_ALONE
from nightcrew.recorder.session import plugin_of, session_of
from nightcrew.recorder.wire import Order

PLAIN = ("http://", "https://")
HOME_ONLY = "it is neither http nor https: such addresses are recorded from a private network only"


class Offline(Exception):
    """There is no stream at this address now, as the other side says."""


class Unreadable(Exception):
    """The source cannot be read now, and nobody knows whether there is a stream.

    `crowded`: it refuses as one does that counts too many connections.
    """

    def __init__(self, reason: str, crowded: bool = False) -> None:
        super().__init__(reason)
        self.crowded = crowded


GONE = frozenset({404, 410})
PROTECTED_SAID = "protected by DRM"
"""What streamlink says of a manifest (DASH) with protected streams."""
CROWDED = frozenset({403, 429, 456, 458, 461, 509})
"""What providers answer who has too many connections."""
GENERAL = frozenset({"hls", "http", "dash"})
"""Plugins that know a kind of address, and no site."""
PAGE = "it sends a web page instead of a stream"
PLAYLIST_SECONDS = 15.0
"""Seconds that a playlist may take."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A sound that has a playlist of its own (RFC 8216, 4.3.4.1). `language`: ISO 639-2, or empty."""

    stream: HLSStream
    language: str
    name: str
    default: bool


MOST_SOUNDS = 16
"""Sounds of their own that are recorded of one stream."""


def _rendition(stream: HLSStream, media: Any) -> Rendition:
    known = getattr(media, "parsed_language", None)
    language = str(getattr(known, "alpha3", "") or "")
    return Rendition(
        stream, language, str(getattr(media, "name", "") or "")[:100], bool(getattr(media, "default", False))
    )


@dataclass(frozen=True, slots=True)
class ResolvedStream:
    """A stream that may be opened. `hls`: read segment by segment; else `open` gives a file of bytes, or `url` is for libav."""

    session: Streamlink
    stream: Stream | None
    url: str
    title: str = ""
    author: str = ""
    category: str = ""
    answer: OpenAnswer | None = None
    """The stream itself, which has begun to come."""
    playlist: tuple[bytes, str] | None = None
    """The stream's HLS playlist as it was read just now, and where it came from."""

    def close(self) -> None:
        """Hang up."""
        if self.answer is not None:
            self.answer.close()

    @property
    def hls(self) -> HLSStream | None:
        """The stream, if it is HLS whose segments can be appended: of one with sounds of their own, its picture."""
        if isinstance(self.stream, MuxedHLSStream):
            return cast("HLSStream", self.stream.substreams[0])
        return self.stream if isinstance(self.stream, HLSStream) else None

    @property
    def sounds(self) -> tuple[Rendition, ...]:
        """The sounds that have playlists of their own, the default one first."""
        if not isinstance(self.stream, MuxedHLSStream):
            return ()
        listed = {media.uri: media for media in getattr(self.stream.multivariant, "media", ()) if media.type == "AUDIO"}
        found = [_rendition(stream, listed.get(stream.url)) for stream in self.stream.substreams[1 : 1 + MOST_SOUNDS]]
        return tuple(sorted(found, key=lambda one: not one.default))


def resolve(order: Order) -> ResolvedStream:
    """Find the stream of the wanted quality. Raises `Offline`, `Protected`, `Unreadable`."""
    if order.url.lower().startswith("hls+"):  # players' way to say what it is
        order = replace(order, url=order.url[4:], kind="hls")
    made = session_of(order)
    if order.ffmpeg:
        made.set_option("ffmpeg-ffmpeg", order.ffmpeg)
    made.set_option("ffmpeg-no-validation", True)
    made.set_option("ffmpeg-fout", "mpegts")
    made.set_option("hls-audio-select", ["*"])
    if order.kind == "http" and order.url.startswith(PLAIN):
        return ResolvedStream(made, HTTPStream(made, order.url), order.url)
    if order.kind == "ffmpeg":
        return _plain(made, order)
    try:
        return _of_plugin(made, order, _as_hls(order.url) if order.kind == "hls" else order.url)
    except streamlink.NoPluginError:
        return _plain(made, order)


def is_named(made: Streamlink, url: str) -> bool:
    """Whether a plugin knows the site: what it is called there can be asked for without opening the stream."""
    try:
        return made.resolve_url_no_redirect(url)[0] not in GENERAL
    except streamlink.NoPluginError:
        return False


def _of_plugin(made: Streamlink, order: Order, url: str, answer: OpenAnswer | None = None) -> ResolvedStream:
    """By the plugin that knows `url` as it stands: nobody is asked where it leads. `answer`: what it answers, unread.

    Raises `NoPluginError` where there is none.
    """
    name, kind, address = made.resolve_url_no_redirect(url)
    playlist = None
    try:
        plugin = plugin_of(made, order, name, kind, address)
        if name == "hls" and not plugin.match["params"]:
            address = update_scheme("https://", plugin.match["url"], force=False)
            answer = answer or OpenAnswer(opened(made, address))
            if not answer.is_playlist and order.kind != "hls":
                return _media(made, order, answer)
            playlist = answer.whole(limit=SMALL, seconds=PLAYLIST_SECONDS), answer.url
            cast("RecorderHttp", made.http).hand_on(address, answer.response)
        streams = plugin.streams()
    except streamlink.NoPluginError:
        raise
    except (streamlink.StreamlinkError, OSError) as exc:
        if answer is not None:
            answer.close()
        raise _why(exc) from exc
    stream = _of_quality(streams, order.quality)
    if stream is None:
        raise Offline("the stream is offline")
    if not (isinstance(stream, HLSStream) and stream.multivariant is None):
        playlist = None  # that was the one that lists the qualities
    known = {key: str(value or "") for key, value in dict(plugin.get_metadata()).items()}
    title, author, category = (known.get(key, "") for key in ("title", "author", "category"))
    url = str(getattr(stream, "url", "") or order.url)
    return ResolvedStream(made, stream, url, title, author, category, playlist=playlist)


def _of_quality(streams: Mapping[str, Stream], wanted: str) -> Stream | None:
    """The wanted quality, else the best that is not better, else the best; muxed ones only with an ffmpeg."""
    if not streams:
        return None
    for name in (*wanted.replace(" ", "").split(","), "best"):
        found = streams.get(name)
        if isinstance(found, Stream):
            return found
    return None


def _plain(made: Streamlink, order: Order) -> ResolvedStream:
    """An address that no plugin knows: look at what it sends."""
    if not order.url.startswith(PLAIN):
        if not order.private or order.proxy:
            raise Unreadable(HTTP_ALONE if order.proxy else HOME_ONLY)
        return ResolvedStream(made, None, order.url)
    try:
        answer = OpenAnswer(opened(made, order.url))
    except OSError as exc:
        raise _why(exc) from exc
    with contextlib.ExitStack() as unless_it_is_read:
        unless_it_is_read.callback(answer.close)
        found = _looked_at(made, order, answer)
        unless_it_is_read.pop_all()
    return found


def _looked_at(made: Streamlink, order: Order, answer: OpenAnswer) -> ResolvedStream:
    """What an answer is read as: the one connection is the only one."""
    try:
        if answer.is_playlist:
            return _of_plugin(made, order, _as_hls(order.url), answer)
        if answer.url != order.url and is_named(made, answer.url):  # a short address of a site's page
            answer.close()
            return _of_plugin(made, order, answer.url)
        return _media(made, order, answer)
    except OSError as exc:
        raise _why(exc) from exc


def _media(made: Streamlink, order: Order, answer: OpenAnswer) -> ResolvedStream:
    """An answer that is the stream itself. Raises `Unreadable` for one that cannot be."""
    if answer.is_page or answer.is_empty:
        answer.close()
        raise Unreadable(PAGE if answer.is_page else "it sends nothing")
    return ResolvedStream(made, HTTPStream(made, order.url), order.url, answer=answer)


def _as_hls(url: str) -> str:
    """For streamlink's plugin, which takes what follows a space for options of its own, such as a proxy."""
    if not url.startswith(PLAIN):
        return url
    return "hls://" + "%20".join(url.split())


def _why(exc: BaseException) -> Offline | Protected | Unreadable:
    """Whether the other side says that there is nothing, or nothing for us, or does not say anything that helps."""
    if isinstance(exc, streamlink.PluginError) and PROTECTED_SAID in str(exc):
        return Protected()
    status = status_of(exc)
    if status in GONE:
        return Offline(f"the stream is offline (HTTP {status})")
    if status:
        return Unreadable(f"HTTP {status}", status in CROWDED)
    for cause in causes(exc):
        if isinstance(cause, (requests.RequestException, Refused)):
            return Unreadable(said(cause))
    if isinstance(exc, streamlink.PluginError) and "://" not in str(exc):
        return Unreadable(f"streamlink: {str(exc)[:120]}")
    return Unreadable(said(exc))


def is_crowded(exc: BaseException) -> bool:
    """Whether an answer refuses as one does that counts too many connections."""
    return status_of(exc) in CROWDED


def shut_in(command: Sequence[str]) -> list[str]:
    """A muxer's command, whose inputs open nothing but the pipes that streamlink fills."""
    only = ("-format_whitelist", FORMATS, "-protocol_whitelist", "file,pipe")
    return [part for word in command for part in ((*only, word) if word == "-i" else (word,))]


def _shut_in_all(open_: Callable[[FFMPEGMuxer], Any]) -> Callable[[FFMPEGMuxer], Any]:
    def opened_shut_in(muxer: FFMPEGMuxer) -> Any:
        muxer._cmd = shut_in(muxer._cmd)
        return open_(muxer)

    return opened_shut_in


# Streamlink opens muxers in many places, and has no option for their inputs.
setattr(FFMPEGMuxer, "open", _shut_in_all(FFMPEGMuxer.open))  # noqa: B010 - mypy knows no other way
