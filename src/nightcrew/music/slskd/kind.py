"""slskd as a connection that people enter."""

from __future__ import annotations

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.fields import Folder, Secret, ask
from nightcrew.music.slskd.client import BATCHES_FROM, Slskd

NAME = "slskd"


class SlskdLogin(BaseModel):
    """What a person enters."""

    api_key: Secret = ask("", label="API key", help="From slskd's configuration, under web.authentication.api_keys.")
    remote_folder: str = ask(
        "",
        label="Download folder in slskd",
        help="Where slskd puts finished files, as slskd sees it, such as /downloads. Empty: the paths are the same here.",
        max_length=500,
    )
    local_folder: Folder = ask("", label="The same folder on this machine", help="Such as /media/downloads.")


async def try_out(line: Line) -> list[str]:
    """What the button Test says. Raises `NeedsUser` when slskd is not logged in to the network."""
    client = Slskd(line)
    version = await client.version()
    server = await client.server()
    if not (server.get("isConnected") and server.get("isLoggedIn")):
        state = str(server.get("state") or "not connected")[:60]
        raise NeedsUser(f"slskd answers, but it is not logged in to the network ({state}); look at its own page")
    how = "batches with ids of ours" if version >= BATCHES_FROM else "single downloads, as it is older than 0.26"
    return [
        f"slskd {'.'.join(map(str, version))} is logged in to the network.",
        f"It takes {how}.",
    ]


KIND = ConnectionKind(
    NAME,
    "slskd (Soulseek)",
    SlskdLogin,
    try_out,
    help="Searches and downloads. It needs an API key with the role readwrite or administrator.",
    address="http://127.0.0.1:5030",
    allowance=Allowance(per_second=10.0, at_once=4, longest_pause=300.0),
    sign=lambda login: Signed({"X-API-Key": login.api_key}),
)
