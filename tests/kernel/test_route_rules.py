"""The pure rules of routes: where a hop lies, how a route stands, what SOCKS looks like, how a route is written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.routes import socks_wire as wire
from nightcrew.kernel.routes.base import RouteDown
from nightcrew.kernel.routes.definition import RouteDefinition, checked, from_json
from nightcrew.kernel.routes.gate import STALE, RouteGate
from nightcrew.kernel.routes.hops import Hop, hop_of, plain_host
from nightcrew.kernel.routes.looks import address_in
from nightcrew.kernel.routes.states import MOVES, RouteSeen, RouteSight, RouteStanding, RouteState

HOPS = {
    Hop.LOCAL: [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "localhost", "LOCALHOST.", "a.localhost", "[::1]", "::1",
        "10.0.0.7", "172.16.3.4", "192.168.1.2", "192.168.257", "169.254.1.1", "100.64.0.9", "fd00::1", "fe80::1", "fe80::1%eth0",
        "::ffff:192.168.1.1", "printer", "nas.local", "nas.lan", "nas.internal", "nas.home.arpa", "NAS.LAN.", "prowlarr",
        "１９２.168.1.1", "192。168。1。1",
    ],
    Hop.PUBLIC: [
        "example.net", "example.net.", "93.184.215.14", "0x5db8d70e", "::ffff:93.184.215.14", "2606:4700::1111", "xn--bcher-kva.example",
        "lan.example", "localhost.example", "172.32.0.1", "100.128.0.1", "11.0.0.1", "_dmarc.example.net",
    ],
    Hop.NOWHERE: [
        "", ".", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "64:ff9b::c0a8:101", "2002:c0a8:101::1", "ff02::1",
        "::", "a..b", "a b.example", "example.net\\@192.168.1.1", "1.2.3.4.5", "256.1.1.1", "0x.example.0x", "99999999999", "a/b",
        "-x-.999", "example.1",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("hop", "host"), [(hop, host) for hop, hosts in HOPS.items() for host in hosts])
def test_where_a_hop_lies(hop: Hop, host: str) -> None:
    assert hop_of(host) is hop


@given(st.ip_addresses())
def test_an_address_is_local_only_when_it_is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if hop_of(str(address)) is Hop.LOCAL:
        assert not address.is_global or (address.version == 6 and address.ipv4_mapped)
    assert hop_of(plain_host(str(address))) is hop_of(str(address))


@given(st.text(max_size=40))
@example("０x7f.1")
def test_one_spelling_stays_as_it_is(host: str) -> None:
    plain = plain_host(host)
    assert plain_host(plain) == plain
    assert hop_of(plain) is hop_of(host)


# -- states ------------------------------------------------------------------------------------------------------------

SIGHTS = st.builds(RouteSight, st.sampled_from(RouteSeen), index=st.integers(0, 3))


def test_the_table_has_every_move() -> None:
    assert set(MOVES) == {(state, seen) for state in RouteState for seen in RouteSeen}


@given(st.lists(SIGHTS, max_size=40))
def test_a_route_is_up_only_after_two_good_looks_at_the_same_device(sights: list[RouteSight]) -> None:
    standing = RouteStanding()
    for number, sight in enumerate(sights):
        before, standing = standing, standing.after(sight)
        if standing.state is RouteState.UP:
            assert sight.seen is RouteSeen.GOOD
            assert before.state in {RouteState.UP, RouteState.SUSPECT, RouteState.RECOVERING}
            assert not (before.index and sight.index) or before.index == sight.index, "another device starts anew"
            assert sum(one.seen is RouteSeen.GOOD for one in sights[: number + 1]) >= 2
        if sight.seen is not RouteSeen.GOOD:
            assert standing.state is not RouteState.UP


@given(st.lists(st.tuples(SIGHTS, st.floats(0, STALE * 2)), max_size=30))
def test_a_gate_is_open_only_while_it_is_up_and_looked_at(steps: list[tuple[RouteSight, float]]) -> None:
    now, ended = [0.0], []
    gate = RouteGate("vpn", lambda: now[0])
    for sight, passes in steps:
        before = (gate.standing.state, gate.standing.index)
        generation = gate.generation
        ended.clear()
        gate.watch(lambda: ended.append(True))
        gate.note(sight)
        changed = before != (gate.standing.state, gate.standing.index)
        assert (gate.generation != generation) is changed, (
            "a change of state is another generation, and nothing else is"
        )
        assert bool(ended) is changed, "what was open ends with it"
        if not changed:
            gate.renew()
        now[0] += passes
        wanted = gate.standing.state is RouteState.UP and passes <= STALE and sight.seen is not RouteSeen.SILENCE
        if gate.is_up:
            assert gate.standing.state is RouteState.UP
            gate.admit()
        else:
            with pytest.raises(RouteDown):
                gate.admit()
        if wanted:
            assert gate.is_up


def test_a_gate_that_was_replaced_lets_nothing_through() -> None:
    gate = RouteGate("vpn")
    gate.note(RouteSight(RouteSeen.GOOD))
    gate.note(RouteSight(RouteSeen.GOOD))
    gate.admit()
    gate.retire()
    with pytest.raises(RouteDown, match="gone"):
        gate.admit()
    gate.note(RouteSight(RouteSeen.GOOD))
    assert not gate.is_up


# -- SOCKS as bytes ----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_no_datagram_of_a_relay_breaks_the_reader(data: bytes) -> None:
    found = wire.unwrapped(data)
    if found is not None:
        target, content = found
        assert 0 <= target.port < 65_536 and data.endswith(content)


@given(
    st.ip_addresses().map(str) | st.from_regex(r"[a-z]{1,20}\.example", fullmatch=True),
    st.integers(0, 65_535),
    st.binary(max_size=99),
)
def test_a_datagram_is_read_as_it_was_wrapped(host: str, port: int, data: bytes) -> None:
    assert wire.unwrapped(wire.wrapped(wire.SocksTarget(host, port), data)) == (wire.SocksTarget(host, port), data)


@pytest.mark.parametrize(
    "data", [b"\0\0\1\1\1\2\3\4\0\7x", b"\0\1\0\1\1\2\3\4\0\7x", b"\0\0\0\5aaaa", b"\0\0\0\1\1\2", b"\0\0\0\3\xffabc"]
)
def test_fragments_and_nonsense_are_not_passed_on(data: bytes) -> None:
    assert wire.unwrapped(data) is None


# -- definitions -------------------------------------------------------------------------------------------------------


def test_a_definition_is_kept_in_one_spelling_and_shown_without_its_login() -> None:
    one = checked(RouteDefinition("vpn", " socks5h://anna:s%20ecret@[FD00::1]:1080/ ", canary="example.net:443"))
    assert one.spec == "socks5h://anna:s%20ecret@[fd00::1]:1080" and one.login == ("anna", "s ecret")
    assert one.shown == "socks5h://[fd00::1]:1080" and one.secrets == ("s ecret",)
    assert from_json(one.as_json()) == one
    device = checked(RouteDefinition("wg", "interface:wg0", dns=("10.64.0.1", "[fd00::53]:5353")))
    assert device.dns == ("10.64.0.1:53", "[fd00::53]:5353") and device.device == "wg0"


def test_secrets_stay_only_while_what_they_belong_to_is_the_same() -> None:
    before = checked(RouteDefinition("vpn", "socks5h://anna:secret@10.0.0.1:1080", canary="example.net:443"))
    same = checked(RouteDefinition("vpn", "socks5h://10.0.0.1:1080", canary="example.org:443"), before)
    assert same.login == ("anna", "secret")
    other = checked(RouteDefinition("vpn", "socks5h://10.0.0.2:1080", canary="example.org:443"), before)
    assert other.login == ("", ""), "another proxy is not told the password"


@given(st.text(max_size=60), st.text(max_size=40), st.lists(st.text(max_size=30), max_size=3))
def test_no_definition_breaks_the_reader(spec: str, canary: str, dns: list[str]) -> None:
    for text in (spec, f"interface:{spec}", f"socks5h://{spec}"):
        try:
            one = checked(RouteDefinition("vpn", text, dns=tuple(dns), canary=canary))
        except Invalid:
            continue
        assert one.kind in {"interface", "socks5h"}
        assert checked(one) == one


@pytest.mark.parametrize(
    ("text", "address"),
    [("1.2.3.4\n", "1.2.3.4"), ('{"ip": "2001:db8::1"}', "2001:db8::1"), ('{"a": 1, "query": "1.2.3.4"}', "1.2.3.4"),
     ("<html>", ""), ("[" * 100_000, ""), ('"1.2.3.4"', "1.2.3.4"), ("{}", "")],
)  # fmt: skip
def test_the_public_address_is_read_from_text_or_json(text: str, address: str) -> None:
    assert address_in(text) == address
