"""A route fails closed: whatever happens to it, no packet of its work comes out at home. In network namespaces, as root."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "netlab"))

from lab import PACE, TUNNEL, Lab, why_not

WHY_NOT = why_not()
if WHY_NOT and os.environ.get("CI") and os.geteuid() == 0:
    pytest.fail(f"this has to run here: {WHY_NOT}", pytrace=False)
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

OPERATIONS = 10_000 if os.environ.get("NIGHTCREW_SOAK") else 240
"""Of each fault, while it lasts."""
KINDS = ["name", "literal", "udp", "dns", "session", "live", "redirect", "big", "six", "literal_six", "udp_late"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("lab"))
    define(made, TUNNEL)
    yield made
    made.close()


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """One for many tests: each mends what it breaks."""
    shared.seen(clear=True)
    return shared


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    made: list[Lab] = []

    def make(**how: Any) -> Lab:
        made.append(Lab(tmp_path, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def define(lab: Lab, *routes: dict[str, Any]) -> None:
    lab.host.do("define", routes=list(routes), patience=PACE)


def up(lab: Lab, route: str = "tunnel") -> None:
    found = lab.host.do("wait", route=route, states=["up"], seconds=15)
    assert found["state"] == "up", found


def nothing_at_home(lab: Lab) -> None:
    time.sleep(0.1)
    found = lab.seen()
    assert found["count"] == 0, found
    assert found["dropped"] == 0, "the log has missed packets"


# -- the log itself ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "came"), [("literal", "home"), ("dns", "ok"), ("udp", "home"), ("literal_six", "home")]
)
def test_what_goes_out_at_home_is_seen(lab: Lab, kind: str, came: str) -> None:
    """Else no test below could fail: TCP, the system's DNS, UDP and IPv6 by no route."""
    found = lab.host.do("ops", n=2, kinds=[kind], route="direct")
    assert found == {came: 2}
    assert lab.seen()["count"] >= 2


# -- faults ------------------------------------------------------------------------------------------------------------


def link_down(lab: Lab) -> Callable[[], None]:
    lab.host.ip("link", "set", "vpn", "down")

    def mend() -> None:
        lab.host.ip("link", "set", "vpn", "up")
        lab.lead_tunnel()

    return mend


def peer_gone(lab: Lab) -> Callable[[], None]:
    lab.vpn.ip("link", "set", "v0", "down")
    return lambda: lab.vpn.ip("link", "set", "v0", "up")


def tunnel_dead(lab: Lab) -> Callable[[], None]:
    lab.vpn.ip("route", "add", "blackhole", "10.8.0.2/32")
    return lambda: lab.vpn.ip("route", "del", "blackhole", "10.8.0.2/32")


def device_deleted(lab: Lab) -> Callable[[], None]:
    lab.host.ip("link", "del", "vpn")
    return lab.make_tunnel


def dns_unreachable(lab: Lab) -> Callable[[], None]:
    lab.vpn.do("set", dns_on=False)
    return lambda: lab.vpn.do("set", dns_on=True)


def address_gone(lab: Lab) -> Callable[[], None]:
    lab.host.ip("address", "del", "10.8.0.2/24", "dev", "vpn")

    def mend() -> None:
        lab.host.ip("address", "add", "10.8.0.2/24", "dev", "vpn")
        lab.lead_tunnel()

    return mend


def rule_gone(lab: Lab) -> Callable[[], None]:
    lab.host.ip("rule", "del", "from", "10.8.0.2")
    return lambda: lab.host.ip("rule", "add", "from", "10.8.0.2", "lookup", "77")


FAULTS = [link_down, peer_gone, tunnel_dead, device_deleted, dns_unreachable, address_gone, rule_gone]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_parks_the_work_and_nothing_comes_out_at_home(
    lab: Lab, fault: Callable[[Lab], Callable[[], None]]
) -> None:
    up(lab)
    before = lab.host.do("ops", n=33, kinds=KINDS, route="tunnel")
    assert before["vpn"] >= 15 and "home" not in before and "parked" not in before
    lab.host.do("background", kinds=KINDS, route="tunnel", tasks=8)
    time.sleep(0.2)
    mend = fault(lab)
    found = lab.host.do("wait", route="tunnel", states=["down"], seconds=10)
    assert found["state"] == "down" and found["reason"], found
    lab.host.do("tally")
    while_down = lab.host.do("ops", n=OPERATIONS, kinds=KINDS, route="tunnel", limit=600)
    assert while_down == {"parked": OPERATIONS}
    mend()
    up(lab)
    lab.host.do("tally")
    time.sleep(0.3)
    resumed = lab.host.do("tally", stop=True)
    assert resumed.get("vpn", 0) > 0, f"what was parked did not go on by itself: {resumed}"
    after = lab.host.do("ops", n=33, kinds=KINDS, route="tunnel")
    assert after["vpn"] >= 15 and "home" not in after, after
    nothing_at_home(lab)
