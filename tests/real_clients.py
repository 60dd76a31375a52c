"""Real download clients on loopback, which ask nothing of the outside: no DHT, no local discovery, no mapped ports.

They are programs of their own. Each has a folder of its own, and ends with the test session.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import free_port, patient

USER, PASSWORD = "demo", "demo-password"


@dataclass(frozen=True)
class RealClient:
    """A client that runs. `saves`: its download folder."""

    url: str
    peer_port: int
    saves: Path


def _here(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is missing, and CI must have it: .ci/system-packages")
        pytest.skip(f"{program} is not installed")
    return found


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        limit = time.monotonic() + patient(30)
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"{command[0]} does not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def qbittorrent(folder: Path) -> Iterator[RealClient]:
    """qbittorrent-nox."""
    program = _here("qbittorrent-nox")
    port, peers, saves = free_port(), free_port(), folder / "saved"
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 100_000, 64)
    stored = ":".join(base64.b64encode(part).decode() for part in (salt, key))
    config = folder / "qBittorrent" / "config" / "qBittorrent.conf"
    config.parent.mkdir(parents=True)
    saves.mkdir()
    config.write_text(
        f"""[LegalNotice]
Accepted=true
[BitTorrent]
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Interface=lo
Session\\InterfaceName=lo
Session\\InterfaceAddress=127.0.0.1
Session\\Port={peers}
Session\\BTProtocol=TCP
Session\\DefaultSavePath={saves}
Session\\MultiConnectionsPerIp=true
[Network]
PortForwardingEnabled=false
[Preferences]
Connection\\ResolvePeerCountries=false
WebUI\\Address=127.0.0.1
WebUI\\Port={port}
WebUI\\UseUPnP=false
WebUI\\LocalHostAuth=true
WebUI\\Username={USER}
WebUI\\Password_PBKDF2="@ByteArray({stored})"
WebUI\\MaxAuthenticationFailCount=2
WebUI\\BanDuration=3600
"""
    )
    with _running([program, f"--profile={folder}"], folder, port):
        yield RealClient(f"http://127.0.0.1:{port}", peers, saves)


@contextlib.contextmanager
def transmission(folder: Path) -> Iterator[RealClient]:
    """transmission-daemon."""
    program = _here("transmission-daemon")
    port, peers, saves = free_port(), free_port(), folder / "saved"
    saves.mkdir()
    settings = {
        "rpc-enabled": True,
        "rpc-port": port,
        "rpc-bind-address": "127.0.0.1",
        "rpc-authentication-required": True,
        "rpc-username": USER,
        "rpc-password": PASSWORD,
        "bind-address-ipv4": "127.0.0.1",
        "bind-address-ipv6": "::1",
        "peer-port": peers,
        "dht-enabled": False,
        "lpd-enabled": False,
        "pex-enabled": False,
        "utp-enabled": False,
        "port-forwarding-enabled": False,
        "download-dir": str(saves),
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    with _running([program, "-f", "-g", str(folder)], folder, port):
        yield RealClient(f"http://127.0.0.1:{port}", peers, saves)
