"""XMLTV (the DTD of the xmltv project), written line by line. It is read in a process of its own (`guidereader/`).

A programme's children come from that process as text: what is passed on of them is looked at here.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr, unescape

from nightcrew.guidereader.wire import GuideChannel, Programme
from nightcrew.playlists.rules import is_web

HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<tv generator-info-name="Nightcrew">\n'
FOOTER = "</tv>\n"
MAX_NESTED = 32

# what a reader makes of the children of a programme: names in ASCII, and what XML reserves escaped
_REFERENCE = "&(?:amp|lt|gt|quot|#9|#10|#13);"
_NEVER = r"<>&\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff"
_TEXT = f"(?:[^{_NEVER}]++|{_REFERENCE})"
_NAME = "[A-Za-z_][A-Za-z0-9_.-]*+"
_VALUE = f"""(?:"(?:[^{_NEVER}"]++|{_REFERENCE})*+"|'(?:[^{_NEVER}']++|{_REFERENCE})*+')"""
_FLAT = re.compile(f"(?:<({_NAME})(?: {_NAME}={_VALUE})?+>{_TEXT}*+</\\1>)*+")
_PIECES = re.compile(f"(?:<{_NAME}(?: {_NAME}={_VALUE})*+>|</{_NAME}>|{_TEXT})*+")
_TAG = re.compile(f"<(/?)({_NAME})([^>]*+)>")
_ATTRIBUTE = re.compile(f" ({_NAME})=({_VALUE})")
_ATTRIBUTES = re.compile(f"(?: {_NAME}={_VALUE})*+")
_ICON = re.compile(r"<icon\b[^<>]*+></icon>")
_DISPLAY_NAME = re.compile(r"<display-name[^>]*>([^<]*)</display-name>")
_LINK = re.compile(r"<(?:url|image)\b[^<>]*>([^<]*)</(?:url|image)>")
"""Elements whose text is an address. Addresses in attributes are `src` and `href`."""
_DESCRIPTION = re.compile(r"<desc[^>]*>([^<]*)</desc>")
_ENTITIES = {"&quot;": '"', "&#9;": "\t", "&#10;": "\n", "&#13;": "\r"}


def is_whole(body: str) -> bool:
    """Whether a programme's children are well-formed XML by themselves, so that a guide with them is."""
    if _FLAT.fullmatch(body):
        return True
    if not _PIECES.fullmatch(body):
        return False
    inside: list[str] = []
    for closing, name, attributes in _TAG.findall(body):
        if closing:
            if not inside or inside.pop() != name:
                return False
        else:
            names = [found[0] for found in _ATTRIBUTE.findall(attributes)]
            if len(inside) >= MAX_NESTED or len(set(names)) < len(names):
                return False
            inside.append(name)
    return not inside


def are_attributes(text: str) -> bool:
    """Whether a text can stand in a tag that has a start, a stop and a channel."""
    if not _ATTRIBUTES.fullmatch(text):
        return False
    names = [found[0] for found in _ATTRIBUTE.findall(text)]
    return len({*names, "start", "stop", "channel"}) == len(names) + 3


def display_names(channel: GuideChannel) -> list[str]:
    """All names of a guide's channel, each once."""
    found = [unescape(text, {"&#13;": "\r"}).strip() for text in _DISPLAY_NAME.findall(channel.body)]
    return list(dict.fromkeys(name for name in (channel.name, *found) if name))


def web_only(body: str) -> str:
    """The whole children of a programme or channel without addresses off the web, such as files of the player's machine."""
    if "src=" in body or "href=" in body:
        body = _TAG.sub(_web_tag, body)
    return _LINK.sub(_web_link, body) if "<url" in body or "<image" in body else body


def with_pictures(body: str) -> str:
    """A channel's whole children without icons whose address is gone."""
    return _ICON.sub(lambda icon: icon.group() if " src=" in icon.group() else "", body) if "<icon" in body else body


def _web_tag(tag: re.Match[str]) -> str:
    closing, name, attributes = tag.groups()
    return f"<{closing}{name}{_ATTRIBUTE.sub(_web_attribute, attributes)}>"


def _web_attribute(attribute: re.Match[str]) -> str:
    name, value = attribute.groups()
    return "" if name in {"src", "href"} and not _is_web(value[1:-1]) else attribute.group()


def _web_link(link: re.Match[str]) -> str:
    return link.group() if _is_web(link.group(1)) else ""


def _is_web(escaped: str) -> bool:
    return is_web(unescape(escaped, _ENTITIES).strip())


def description(programme: Programme) -> str:
    """The text of a programme's first `<desc>`; empty when it has none."""
    found = _DESCRIPTION.search(programme.body)
    return unescape(found.group(1), {"&#13;": "\r"}).strip() if found else ""


def attribute(programme: Programme, name: str) -> str:
    """The value of one of a programme's further attributes; empty where it has none of that name."""
    found = next((value for known, value in _ATTRIBUTE.findall(programme.attributes) if known == name), '""')
    return unescape(found[1:-1], _ENTITIES)


def channel_text(channel: GuideChannel) -> str:
    """One `<channel>` element."""
    body = channel.body
    if "<display-name" not in body:
        icon = f"<icon src={quoteattr(channel.icon)}/>" if is_web(channel.icon) and "<icon" not in body else ""
        body = f"<display-name>{escape(channel.name)}</display-name>{icon}{body}"
    return f"<channel id={quoteattr(channel.guide_id)}>{body}</channel>\n"


def programme_text(programme: Programme) -> str:
    """One `<programme>` element, times in UTC."""
    start, stop = (moment.strftime("%Y%m%d%H%M%S +0000") for moment in (programme.start, programme.stop))
    where = f"channel={quoteattr(programme.guide_id)}{programme.attributes}"
    return f'<programme start="{start}" stop="{stop}" {where}>{programme.body}</programme>\n'
