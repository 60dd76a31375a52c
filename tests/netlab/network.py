"""A host with two ways out, each into a world of its own, in network namespaces that last as long as their processes.

    home exit  10.1.0.1 ──── home ┐
    tunnel     10.8.0.1 ──── vpn  ├ host: the program under test
    LAN     192.168.7.1 ──── lan  ┘

All ends have the same public addresses, so a packet that goes the wrong way would even be answered. What comes out at `home` is logged.
Needs root, `ip` (iproute2), `unshare` and `nsenter` (util-linux).
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PUBLIC, PUBLIC_SIX, LAN = "93.184.215.20", "2606:4700::20", "192.168.7.1"
TUNNEL = {"name": "tunnel", "spec": "interface:vpn", "dns": ["10.8.0.1"]}
PROXY = {"name": "proxy", "spec": f"socks5h://anna:secret@{LAN}:1080", "canary": f"{PUBLIC}:80"}
PACE = {"canary": 0.7, "up": 0.25, "other": 0.1, "public": 1.0}


def why_not() -> str:
    """Why the lab cannot be built here; "" when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    missing = [program for program in ("ip", "unshare", "nsenter") if not shutil.which(program)]
    if missing:
        return f"needs {', '.join(missing)} (Debian: iproute2, util-linux)"
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode:
        return "this machine makes no network namespaces"
    return ""


class Part:
    """A process in a namespace of its own that takes commands."""

    def __init__(self, *command: str, mounts: bool = False) -> None:
        program = ["unshare", "-n", *(["-m"] if mounts else []), sys.executable, *command]
        environment = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        # what a careless client would take from its environment leads home
        environment |= {"HTTP_PROXY": "http://10.1.0.1:80", "ALL_PROXY": "socks5h://10.1.0.1:1080"}
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=HERE
        )

    def do(self, what: str, *, limit: float = 60.0, **more: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        if not ready:  # say where it hangs
            self.process.send_signal(signal.SIGUSR1)
            time.sleep(1.0)
        assert ready, f"{what} took more than {limit} s"
        line = self.process.stdout.readline()
        assert line, f"{what}: the process has ended"
        return json.loads(line)

    def ip(self, *arguments: str) -> None:
        said = subprocess.run(
            ["nsenter", "-t", str(self.process.pid), "-n", "ip", *arguments], capture_output=True, text=True
        )
        assert not said.returncode, f"ip {' '.join(arguments)}: {said.stderr}"

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A program of others in this part's namespace."""
        return subprocess.Popen(["nsenter", "-t", str(self.process.pid), "-n", *command], stderr=subprocess.DEVNULL)

    def ips(self, script: str) -> None:
        for line in script.strip().splitlines():
            self.ip(*line.split())

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Lab:
    """The whole network."""

    def __init__(self, folder: Path, *, rule: bool = True, tunnel: bool = True, tunnel_six: bool = False) -> None:
        self.rule, self.tunnel_six = rule, tunnel_six
        resolver = folder / "resolv.conf"
        resolver.write_text("nameserver 10.1.0.1\noptions timeout:2 attempts:2\n")
        self.home = Part("exit.py", "home", "198.51.100.1")
        self.vpn = Part("exit.py", "vpn", "203.0.113.1")
        self.lan = Part("exit.py", "proxy", "203.0.113.2")
        self.host = Part("worker.py", str(resolver), mounts=True)
        self._parts = [self.home, self.vpn, self.lan, self.host]
        self.host.do("tally")  # it has started: its namespace is its own
        for part in self._parts[:3]:
            part.do("set")
        self._cables()
        if tunnel:
            self.make_tunnel()
        if rule and not tunnel:
            self._rule()
        for part in (self.home, self.vpn, self.lan):
            part.ip("address", "add", f"{PUBLIC}/32", "dev", "lo")
            part.ip("-6", "address", "add", f"{PUBLIC_SIX}/128", "dev", "lo", "nodad")
        self.home.do("log", device="h0")
        self.home.do("start", places=[PUBLIC, PUBLIC_SIX], own=["10.1.0.1"])
        self.vpn.do("start", places=[PUBLIC, PUBLIC_SIX], own=[])
        self.lan.do("start", places=[PUBLIC, LAN], own=[])
        if tunnel:
            self.serve_tunnel()
        time.sleep(0.2)
        self.seen(clear=True)

    def _cables(self) -> None:
        pids = {name: str(getattr(self, name).process.pid) for name in ("home", "vpn", "lan", "host")}
        for part in self._parts:
            part.ip("link", "set", "lo", "up")
        self.host.ip("link", "add", "home", "type", "veth", "peer", "name", "h0", "netns", pids["home"])
        self.host.ip("link", "add", "lan", "type", "veth", "peer", "name", "l0", "netns", pids["lan"])
        self.home.ips("""
            address add 10.1.0.1/24 dev h0
            -6 address add fd01::1/64 dev h0 nodad
            link set h0 up
            route add default via 10.1.0.2""")
        self.lan.ips("address add 192.168.7.1/24 dev l0\nlink set l0 up")
        self.host.ips("""
            address add 10.1.0.2/24 dev home
            -6 address add fd01::2/64 dev home nodad
            link set home up
            address add 192.168.7.2/24 dev lan
            link set lan up
            route add default via 10.1.0.1
            -6 route add default via fd01::1""")

    def make_tunnel(self, *number: str) -> None:
        """The tunnel's device with its addresses and routes, as a person sets it up: docs/routes.md. `number`: `index` and one."""
        if self.rule:
            self._rule()
        self.host.ip(
            "link", "add", "vpn", *number, "type", "veth", "peer", "name", "v0", "netns", str(self.vpn.process.pid)
        )
        self.vpn.ips("""
            address add 10.8.0.1/24 dev v0
            link set v0 up""")
        self.host.ips("address add 10.8.0.2/24 dev vpn\nlink set vpn up")
        if self.tunnel_six:
            self.vpn.ip("-6", "address", "add", "fd08::1/64", "dev", "v0", "nodad")
            self.host.ip("-6", "address", "add", "fd08::2/64", "dev", "vpn", "nodad")
        self.lead_tunnel()

    def lead_tunnel(self) -> None:
        """The routes of the tunnel, which end with its device."""
        self.host.ip("route", "add", "default", "via", "10.8.0.1", "dev", "vpn", "metric", "500")
        if self.tunnel_six:
            self.host.ip("-6", "route", "add", "default", "via", "fd08::1", "dev", "vpn", "metric", "5000")
        if self.rule:
            self.host.ip("route", "replace", "default", "via", "10.8.0.1", "dev", "vpn", "table", "77")
            if self.tunnel_six:
                self.host.ip("-6", "route", "replace", "default", "via", "fd08::1", "dev", "vpn", "table", "77")

    def _rule(self) -> None:
        if not getattr(self, "_ruled", False):
            self._ruled = True
            self.host.ip("rule", "add", "from", "10.8.0.2", "lookup", "77")
            self.host.ip("route", "add", "blackhole", "default", "metric", "9999", "table", "77")
            if self.tunnel_six:
                self.host.ip("-6", "rule", "add", "from", "fd08::2", "lookup", "77")
                self.host.ip("-6", "route", "add", "blackhole", "default", "metric", "9999", "table", "77")

    def serve_tunnel(self) -> None:
        """DNS at the tunnel's own address, which has to be there; its sockets outlive the device."""
        self.vpn.do("start", places=[], own=["10.8.0.1"])

    def seen(self, *, clear: bool = False) -> dict[str, Any]:
        """What came out at home."""
        found: dict[str, Any] = self.home.do("seen", clear=clear)
        return found

    def stay(self) -> int:
        """Keep the host's namespace when its process has gone; the number is closed by who asked."""
        return os.open(f"/proc/{self.host.process.pid}/ns/net", os.O_RDONLY)

    def close(self) -> None:
        for part in reversed(self._parts):
            part.close()
