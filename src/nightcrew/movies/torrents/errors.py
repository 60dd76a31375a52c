"""What is wrong with a torrent or a link, in one sentence for a person."""


class BadTorrent(ValueError):
    """It cannot be read, means two things at once, or is not what was promised."""


class BadMagnet(ValueError):
    """The link names no torrent, or several."""
