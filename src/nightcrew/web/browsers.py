"""What a browser says that it is, in words: "Firefox on Linux". Pure."""

from __future__ import annotations

_NAMES = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MOST = 60


def browser(agent: str) -> str:
    """From a User-Agent header: those of which nothing is known are shown as they are, shortened."""
    name = next((shown for part, shown in _NAMES if part in agent), "")
    system = next((shown for part, shown in _SYSTEMS if part in agent), "")
    if name and system:
        return f"{name} on {system}"
    shown = "".join(one for one in agent if one.isprintable()).strip()
    return name or shown[:MOST] or "unknown"
