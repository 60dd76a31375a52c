"""A route fails closed: whatever happens to it, no packet of its work comes out at home. In network namespaces, as root."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "netlab"))

from network import LAN, PACE, PROXY, PUBLIC, PUBLIC_SIX, TUNNEL, Lab, why_not

WHY_NOT = why_not()
if WHY_NOT and os.environ.get("CI") and os.geteuid() == 0:
    pytest.fail(f"this has to run here: {WHY_NOT}", pytrace=False)
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

OPERATIONS = 10_000 if os.environ.get("NIGHTCREW_SOAK") else 220
"""Of each fault, while it lasts."""
AT = {"place": LAN, "login": "anna:secret"}
"""Where the proxy is."""
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


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One without a tunnel; a proxy may be started in it."""
    made = Lab(tmp_path_factory.mktemp("bare"), tunnel=False)
    define(made, TUNNEL, PROXY)
    yield made
    made.close()


@pytest.fixture
def proxied(bare: Lab) -> Iterator[Lab]:
    """One with a proxy that runs."""
    bare.lan.do("socks", on=True, **AT)
    up(bare, "proxy")
    bare.seen(clear=True)
    yield bare
    bare.lan.do("set", relay_says="", udp_on=True)
    bare.lan.do("socks", on=False, **AT)


@pytest.fixture(scope="module")
def ruleless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One where nothing holds late packets to the tunnel: one route minds that, the other does not."""
    made = Lab(tmp_path_factory.mktemp("ruleless"), rule=False)
    define(made, TUNNEL, TUNNEL | {"name": "loose", "strays": True})
    yield made
    made.close()


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


def works(lab: Lab, route: str = "tunnel", by: str = "vpn", kinds: list[str] | None = None) -> None:
    """Work of all kinds is done by this way, on a busy machine too, where a look may fail for want of time."""
    done = 0
    for _ in range(20):
        up(lab, route)
        came = lab.host.do("ops", n=33, kinds=kinds or KINDS, route=route)
        assert set(came) <= {by, "ok", "failed", "parked"}, came
        done += came.get(by, 0)
        if done >= 15:
            return
    pytest.fail(f"nothing goes by {route}: {came}")


def goes_on(lab: Lab, route: str = "tunnel", by: str = "vpn") -> None:
    """What was parked goes on by itself."""
    lab.host.do("tally")
    for _ in range(100):
        time.sleep(0.2)
        came = lab.host.do("tally")
        assert set(came) <= {by, "ok", "failed", "parked"}, came
        if came.get(by):
            break
    else:
        pytest.fail(f"what was parked did not go on by itself: {lab.host.do('state', route=route)}")
    lab.host.do("tally", stop=True)


def why_down(lab: Lab, route: str, part: str) -> str:
    """Wait until a route is down for a reason with `part` in it."""
    for _ in range(100):
        found = lab.host.do("wait", route=route, states=["down"], seconds=5)
        if part in found["reason"]:
            break
        time.sleep(0.05)
    assert part in found["reason"]
    return str(found["reason"])


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
    works(lab)
    lab.host.do("background", kinds=KINDS, route="tunnel", tasks=4)
    time.sleep(0.2)
    mend = fault(lab)
    found = lab.host.do("wait", route="tunnel", states=["down"], seconds=10)
    assert found["state"] == "down" and found["reason"], found
    lab.host.do("tally")
    while_down = lab.host.do("ops", n=OPERATIONS, kinds=KINDS, route="tunnel", limit=600)
    assert while_down == {"parked": OPERATIONS}
    mend()
    goes_on(lab)
    works(lab)
    nothing_at_home(lab)


def test_a_device_that_is_made_anew_again_and_again_leads_nothing_home(lab: Lab) -> None:
    """Each time it has another number: what was open is of no use, and the next request opens anew."""
    up(lab)
    lab.host.do("background", kinds=KINDS, route="tunnel", tasks=4)
    for _ in range(4):
        lab.host.ip("link", "del", "vpn")
        lab.make_tunnel()
        time.sleep(0.15)
    goes_on(lab)
    nothing_at_home(lab)


def test_another_device_with_the_same_name_and_number_is_another_device(lab: Lab) -> None:
    lab.host.ip("link", "del", "vpn")
    lab.make_tunnel("index", "4711")
    up(lab)
    lab.host.do("background", kinds=["literal", "udp"], route="tunnel", tasks=2)
    lab.host.ip("link", "del", "vpn")
    lab.make_tunnel("index", "4711")
    time.sleep(0.1)
    assert lab.host.do("generations", route="tunnel") >= 3
    up(lab)
    lab.host.do("tally", stop=True)
    nothing_at_home(lab)


def test_a_start_without_its_tunnel_waits_for_it(bare: Lab) -> None:
    bare.host.do("background", kinds=KINDS, route="tunnel", tasks=4)
    assert bare.host.do("ops", n=OPERATIONS, kinds=KINDS, route="tunnel", limit=900) == {"parked": OPERATIONS}
    bare.make_tunnel()
    bare.serve_tunnel()
    goes_on(bare)
    bare.host.ip("link", "del", "vpn")
    nothing_at_home(bare)


def test_a_table_that_would_lead_on_without_the_device_is_told(lab: Lab) -> None:
    up(lab)
    assert lab.host.do("unstopped", device="vpn") == ""
    lab.host.ip("route", "del", "blackhole", "default", "metric", "9999", "table", "77")
    assert "ip route add blackhole default" in lab.host.do("unstopped", device="vpn")
    lab.host.ip("route", "add", "unreachable", "default", "metric", "9999", "table", "77")
    assert lab.host.do("unstopped", device="vpn") == ""
    lab.host.ip("route", "del", "unreachable", "default", "metric", "9999", "table", "77")
    lab.host.ip("route", "add", "blackhole", "default", "metric", "9999", "table", "77")


def test_a_process_that_is_killed_leaves_no_late_packet_to_be_answered_at_home(make_lab: Callable[..., Lab]) -> None:
    """Its sockets are gone at once: what still comes for them is the kernel's, and the rule holds that to the tunnel."""
    lab = make_lab()
    define(lab, TUNNEL)
    up(lab)
    lab.host.do("background", kinds=["live", "udp_late", "name"], route="tunnel", tasks=12)
    time.sleep(0.3)
    namespace = lab.stay()
    lab.host.process.kill()
    time.sleep(0.8)
    nothing_at_home(lab)
    os.close(namespace)


def test_ipv6_goes_through_a_tunnel_that_has_it(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(tunnel_six=True)
    define(lab, TUNNEL)
    up(lab)
    kinds = ["six", "literal_six", "name", "udp"]
    assert lab.host.do("ops", n=12, kinds=kinds, route="tunnel") == {"vpn": 12}
    lab.vpn.ip("-6", "route", "add", "blackhole", "fd08::2/128")
    assert lab.host.do("ops", n=4, kinds=["literal_six"], route="tunnel", at_once=4) == {"failed": 4}
    nothing_at_home(lab)


# -- a proxy -----------------------------------------------------------------------------------------------------------

BY_PROXY = ["name", "literal", "udp", "session", "redirect", "live"]


def test_a_proxy_that_dies_parks_the_work(bare: Lab) -> None:
    bare.seen(clear=True)
    assert bare.host.do("ops", n=30, kinds=BY_PROXY, route="proxy") == {"parked": 30}
    bare.lan.do("socks", on=True, **AT)
    up(bare, "proxy")
    works(bare, "proxy", "proxy", BY_PROXY)
    bare.host.do("background", kinds=BY_PROXY, route="proxy", tasks=4)
    time.sleep(0.2)
    bare.lan.do("socks", on=False, **AT)
    assert bare.host.do("wait", route="proxy", states=["down"], seconds=10)["state"] == "down"
    assert bare.host.do("ops", n=OPERATIONS, kinds=BY_PROXY, route="proxy", limit=900) == {"parked": OPERATIONS}
    bare.lan.do("socks", on=True, **AT)
    goes_on(bare, "proxy", "proxy")
    nothing_at_home(bare)


def test_datagrams_go_to_the_proxy_whatever_relay_it_names(proxied: Lab) -> None:
    for says in (PUBLIC, "10.1.0.1", "relay.example", PUBLIC_SIX):
        proxied.lan.do("set", relay_says=says)
        assert proxied.host.do("ops", n=4, kinds=["udp"], route="proxy") == {"proxy": 4}
    nothing_at_home(proxied)


def test_without_a_relay_udp_is_not_to_be_had(proxied: Lab) -> None:
    proxied.lan.do("set", udp_on=False)
    assert proxied.host.do("ops", n=4, kinds=["udp"], route="proxy") == {"refused": 4}
    nothing_at_home(proxied)


def test_a_proxy_that_others_wrote_carries_tcp_and_no_udp(bare: Lab) -> None:
    if not shutil.which("microsocks"):
        assert not os.environ.get("CI"), "Debian's microsocks has to be here (.ci/system-packages)"
        pytest.skip("needs microsocks (Debian: microsocks)")
    proxy = bare.lan.start("microsocks", "-i", LAN, "-p", "1081", "-u", "anna", "-P", "secret")
    try:
        define(bare, PROXY | {"name": "micro", "spec": f"socks5h://anna:secret@{LAN}:1081"})
        up(bare, "micro")
        bare.seen(clear=True)
        assert bare.host.do("ops", n=6, kinds=["literal", "redirect_literal"], route="micro") == {"proxy": 6}
        assert bare.host.do("ops", n=2, kinds=["udp_literal"], route="micro") == {"refused": 2}
        nothing_at_home(bare)
    finally:
        proxy.kill()
        proxy.wait()


# -- every other way that a packet could go out at home -----------------------------------------------------------------


def test_without_a_rule_for_late_packets_the_route_stays_closed(ruleless: Lab) -> None:
    found = why_down(ruleless, "tunnel", "ip rule add from 10.8.0.2")
    assert "by home" in found
    assert ruleless.host.do("ops", n=20, kinds=KINDS, route="tunnel") == {"parked": 20}
    nothing_at_home(ruleless)


def test_who_accepts_that_still_has_the_second_lock(ruleless: Lab) -> None:
    """Sockets rest for a while, so that late answers find one: nothing is refused by the kernel at home."""
    up(ruleless, "loose")
    ruleless.host.do("background", kinds=["udp_late", "live", "name", "big"], route="loose", tasks=6)
    time.sleep(0.5)
    ruleless.vpn.do("set", late=1.2)  # each answer comes when nobody waits for it any more
    assert ruleless.host.do("wait", route="loose", states=["down"], seconds=10)["state"] == "down"
    ruleless.host.do("tally", stop=True)
    time.sleep(1.5)
    nothing_at_home(ruleless)
    ruleless.vpn.do("set", late=0.0)


def test_a_route_that_leads_out_at_home_is_closed(ruleless: Lab) -> None:
    ask = f"http://{PUBLIC}/ip"
    wrong = {"name": "wrong", "spec": "interface:home", "dns": ["10.1.0.1"], "ask": ask}
    define(ruleless, wrong, TUNNEL | {"name": "right", "strays": True, "ask": ask})
    up(ruleless, "right")
    assert ruleless.host.do("state", route="right")["public"] == "203.0.113.1"
    why_down(ruleless, "wrong", "leads out at home")
    ruleless.seen(clear=True)
    assert ruleless.host.do("ops", n=20, kinds=["literal", "udp"], route="wrong") == {"parked": 20}


SPELLINGS = [
    "http://0x5db8d714/",
    "http://1572394772/",
    "http://93.12113684/",
    "http://[::ffff:93.184.215.20]/",
    "http://[64:ff9b::5db8:d714]/",
    "http://[2002:5db8:d714::1]/",
    "http://９３.184.215.20/",
    "http://printer.lan/",
    "http://router/",
    "http://tell-them.internal/",
    "http://inside.example/",
    "http://mixed.example/",
    "http://user@192.168.7.1@n1.example/",
    "http://n2.example\\@192.168.7.1/",
    "http://192.168.7.1#@n3.example/",
    "http://n4.example./",
    "http://224.0.0.251/",
    "http://255.255.255.255/",
    "http://0.0.0.0/",
    "http://240.0.0.1/",
    f"http://{LAN}/go/http://[64:ff9b::5db8:d714]/",
    f"http://{LAN}/go/http://inside.example/",
    f"http://{LAN}/go/http://mixed.example/",
    f"http://{LAN}/go/http://n5.example:80/",
    f"http://{LAN}/go/http://[fe80::1%25home]/",
]


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("down", [False, True])
def test_no_spelling_of_an_address_leads_past_the_route(lab: Lab, private: bool, down: bool) -> None:
    urls = [url for url in SPELLINGS if not private or not any(name in url for name in (".lan", "router", ".internal"))]
    up(lab)
    mend = link_down(lab) if down else lambda: None
    lab.host.do("wait", route="tunnel", states=["down" if down else "up"], seconds=5)
    came = lab.host.do("tries", urls=urls, route="tunnel", private=private)
    assert "home" not in came, dict(zip(urls, came, strict=True))
    if down:
        assert "vpn" not in came
    mend()
    nothing_at_home(lab)


def test_what_lies_outside_leads_nobody_into_this_network(lab: Lab) -> None:
    up(lab)
    inside = [f"http://{PUBLIC}/go/http://{LAN}/", f"http://{LAN}/go/http://{PUBLIC}/go/http://{LAN}/"]
    came = lab.host.do("tries", urls=inside, route="tunnel", private=True)
    assert all("private network" in one for one in came), came
    assert lab.host.do("tries", urls=[f"http://{LAN}/go/http://{LAN}/"], route="tunnel", private=True) == ["proxy"]
    nothing_at_home(lab)


def test_a_name_of_this_network_with_an_address_outside_is_not_asked_past_the_route(lab: Lab) -> None:
    """The home's resolver knows it, which is as it should be; nothing but that question goes out."""
    up(lab)
    (came,) = lab.host.do("tries", urls=["http://manager.lan/"], route="tunnel", private=True)
    assert "not asked past its route" in came
    found = lab.seen(clear=True)
    assert found["hits"] == 0 and set(found["asked"]) <= {"manager.lan. A", "manager.lan. AAAA"}
