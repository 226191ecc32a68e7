# SPDX-License-Identifier: BSD-2-Clause
"""A second writer changes the zone between mailzone's read and its update.

No change of theirs is lost; ours arrives, or is refused with a name; what they change elsewhere
in the zone does not disturb. MZ_RACES: how many races a server and test (90).
"""

import os
import sqlite3

import dns.name
import dns.rcode
import pytest

import model
import servers
import wire as wires
from proxy import UPDATE, Cut, Proxy, opcode, zone_of

RACES = int(os.environ.get("MZ_RACES", "90"))

START = """@ 3600 TXT "token=1"
@ 3600 TXT "v=spf1 ~all"
@ 3600 CAA 0 issue "other-ca.example"
_dmarc 3600 TXT "v=DMARC1; p=none"
www A 192.0.2.1
"""

# name of the race: (what they add, what they delete, does it touch an RRset of ours)
RACE_KINDS = {
    "their TXT beside our SPF": ([("@", 3600, "TXT", '"token=2"')], [], True),
    "their TXT goes": ([], [("@", "TXT", '"token=1"')], True),
    "their TXT changes": (
        [("@", 3600, "TXT", '"token=3"')],
        [("@", "TXT", '"token=1"')],
        True,
    ),
    "the SPF changes": (
        [("@", 3600, "TXT", '"v=spf1 a ~all"')],
        [("@", "TXT", '"v=spf1 ~all"')],
        True,
    ),
    "the SPF goes": ([], [("@", "TXT", '"v=spf1 ~all"')], True),
    "our SPF is there already": ([("@", 3600, "TXT", '"v=spf1 mx -all"')], [], True),
    "an MX appears": ([("@", 600, "MX", "5 mx.theirs.example.")], [], True),
    "their CAA": ([("@", 3600, "CAA", '0 issue "third-ca.example"')], [], True),
    "the DMARC record changes": (
        [("_dmarc", 3600, "TXT", '"v=DMARC1; p=quarantine"')],
        [("_dmarc", "TXT")],
        True,
    ),
    "the DMARC record goes": ([], [("_dmarc", "TXT")], True),
    "an address where our CNAME goes": ([("autoconfig", 60, "A", "192.0.2.9")], [], True),
    "a CNAME where our TXT goes": (
        [("_smtp._tls", 60, "CNAME", "tls.theirs.example.")],
        [],
        True,
    ),
    "another host": ([("elsewhere", 60, "A", "192.0.2.9")], [], False),
    "another host changes": (
        [("www", 60, "A", "192.0.2.2")],
        [("www", "A")],
        False,
    ),
}


def domain_in(site, zone, **dns_settings):
    site.system["acme"] = [{"issuer": "letsencrypt.org", "account_uri": "https://acme.example/1"}]
    return site.add_domain(zone, dns=dns_settings)


@pytest.mark.parametrize("takeover", ["replace", "refuse"])
def test_at_the_update(server, site, takeover):
    """Many zones in one run: each is changed when its first UPDATE is on the way."""
    kinds = list(RACE_KINDS)
    zones = {}
    for number in range(RACES):
        zones[servers.fresh("race")] = kinds[number % len(kinds)]
    server.add_zones([servers.Zone(z, START) for z in zones])
    names = {dns.name.from_text(z): z for z in zones}
    theirs, sent, asked = {}, {z: 0 for z in zones}, {}

    def interfere(message, _):
        if opcode(message) != UPDATE:
            return
        zone = asked[message[:2]] = names[zone_of(message)]
        sent[zone] += 1
        if zone not in theirs:
            add, delete, _ = RACE_KINDS[zones[zone]]
            server.must_update(zone, add, delete)
            theirs[zone] = server.axfr(zone)

    def busy(message, _):
        """A server under load answers SERVFAIL: the same is sent again, and it is no race."""
        if opcode(message) == UPDATE and message[3] & 15 == dns.rcode.SERVFAIL:
            sent[asked[message[:2]]] -= 1

    with Proxy(server.port, on_request=interfere, on_reply=busy) as proxy:
        site = site(proxy.port, timeout="60s")
        for zone in zones:
            domain_in(site, zone, takeover=takeover)
        site.write()
        result = site.run("--format", "json", "apply", timeout=200)
        assert not proxy.errors
    planned = {d["domain"]: d for d in result.json["domains"]}
    faults = []
    for zone, kind in zones.items():
        wanted = model.derive({"name": zone}, site.system)
        origin = dns.name.from_text(zone)
        after, refused = model.expected(theirs[zone], origin, wanted, takeover == "refuse")
        fault = model.difference(server.axfr(zone), after)
        told = {
            (dns.name.from_text(r["owner"]), dns.rdatatype.from_text(r["type"]))
            for r in planned[zone]["refused"]
        }
        if told != refused:
            fault.append("refused %s, expected %s" % (told, refused))
        if planned[zone]["error"]:
            fault.append(planned[zone]["error"])
        touched = RACE_KINDS[kind][2]
        # where everything they left is refused, there is nothing to send a second time
        if not touched and sent[zone] != 1:
            fault.append("%d updates for a change elsewhere" % sent[zone])
        if sent[zone] > 2:
            fault.append("%d updates for one race" % sent[zone])
        if fault:
            faults.append("%s (%s): %s" % (zone, kind, "; ".join(fault)))
    assert not faults, "\n".join(faults[:20]) + "\n%d in all\n" % len(faults) + result.err[:2000]
    assert len(theirs) == len(zones)


@pytest.mark.parametrize("read", ["axfr", "query"])
def test_at_every_message(server, site, read):
    """They change a touched RRset at the first message, at the second, and so on."""
    points = [(d, n) for d in ("on_request", "on_reply") for n in range(1, 9)]
    zones = {servers.fresh("step"): p for p in points}
    server.add_zones([servers.Zone(z, START) for z in zones])
    base = site
    for zone, (direction, at) in zones.items():
        changed = []

        def interfere(_, number):
            if number == at and not changed:
                changed.append(True)
                server.must_update(zone, [("@", 3600, "TXT", '"theirs"')], [("_dmarc", "TXT")])

        with Proxy(server.port, **{direction: interfere}) as proxy:
            site = base(proxy.port, read=read)
            domain_in(site, zone)
            result = site.write().apply()
            assert not proxy.errors
            updates = proxy.updates()
            where = "%s %s %d: %r" % (zone, direction, at, result)
            if not changed:
                continue
            held = server.axfr(zone)
            texts = {model.joined(w) for w in held[(dns.name.from_text(zone), model.TXT)][1]}
            assert texts == {b"token=1", b"theirs", b"v=spf1 mx -all"}, where
            # where they deleted our DMARC record after we wrote it, that is seen or came too late
            wanted = model.derive({"name": zone}, site.system)
            whole = all(rr.wire in held.get(rr.slot, (0, frozenset()))[1] for rr in wanted)
            late = changed_late(updates, proxy, direction, at)
            assert result.code == 1 or whole or late, where
            site.must(0, "apply")
            assert all(rr.wire in server.axfr(zone)[rr.slot][1] for rr in wanted), where


def changed_late(updates, proxy, direction, at):
    """Did they change it after our last update was verified, or while it was?"""
    passed = (proxy.requests if direction == "on_request" else proxy.replies)[: at]
    if direction == "on_request":
        return all(u in passed[:-1] for u in updates)
    return any(opcode(w) == UPDATE for w in passed)


def test_a_writer_that_never_stops(server, site):
    """After three re-plans mailzone gives up, says who stands there, and loses nothing."""
    zone = server.add_zone(servers.fresh("never"), START)
    texts = []

    def interfere(message, _):
        if opcode(message) == UPDATE:
            old = [("@", "TXT", '"count=%d"' % len(texts))] if texts else []
            texts.append(True)
            server.must_update(zone, [("@", 3600, "TXT", '"count=%d"' % len(texts))], old)

    with Proxy(server.port, on_request=interfere) as proxy:
        site = site(proxy.port)
        domain = domain_in(site, zone)
        result = site.write().apply()
        assert not proxy.errors
        assert result.code == 1, result
        # four tries, then the rest by itself; not for ever
        assert 4 <= len(proxy.updates()) <= 12
        (refused,) = result.domain(zone)["refused"]
        assert (refused["owner"], refused["type"]) == (zone + ".", "TXT")
        assert "count=" in refused["reason"], refused
    wanted = model.derive(domain, site.system)
    held = server.axfr(zone)
    for rr in wanted:
        assert rr.family == "spf" or rr.wire in held[rr.slot][1], rr
    held = held[(dns.name.from_text(zone), model.TXT)][1]
    assert model.txt("count=%d" % len(texts)).to_wire() in held
    assert model.txt("token=1").to_wire() in held


@pytest.mark.parametrize("lost", ["reply", "connection"])
def test_outcome_unknown(server, site, lost):
    """The UPDATE is done, but its reply does not come: mailzone looks, and is in sync."""
    zone = server.add_zone(servers.fresh("lost"), START)
    dropped = []

    def swallow(message, _):
        if opcode(message) == UPDATE and not dropped:
            dropped.append(True)
            if lost == "connection":
                raise Cut
            return []

    with Proxy(server.port, on_reply=swallow) as proxy:
        site = site(proxy.port, timeout="2s")
        domain_in(site, zone)
        site.write().must(0, "apply")
        assert dropped and len(proxy.updates()) == 1
        # the second look says that nothing is left to do
        site.must(0, "plan")


def history(site):
    """Every change, the oldest first: (state, what was added as octets)."""
    db = sqlite3.connect(os.path.join(site.state, "state.db"))
    rows = db.execute("SELECT state, added FROM change ORDER BY id").fetchall()
    db.close()
    return rows


def test_what_was_ignored_is_no_history(server, site):
    """A CNAME comes between: BIND and Knot ignore our TXT there, PowerDNS refuses the message."""
    zone = server.add_zone(servers.fresh("between"))
    come = []

    def interfere(message, _):
        if opcode(message) == UPDATE and not come:
            come.append(True)
            server.must_update(zone, [("_smtp._tls", 60, "CNAME", "tls.theirs.example.")])

    with Proxy(server.port, on_request=interfere) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        result = site.write().apply()
        assert not proxy.errors
    assert result.code == 1, result
    assert {r["owner"] for r in result.domain(zone)["refused"]} == {"_smtp._tls.%s." % zone}
    assert "_smtp" not in str(result.domain(zone)["changes"])
    applied = [added for state, added in history(site) if state == 1]
    assert len(applied) == 1 and b"\6_dmarc" in applied[0] and b"\5_smtp" not in applied[0]


def test_forged_refusal(server, site):
    """An unsigned REFUSED proves nothing: what was done all the same is still known as ours."""
    zone = server.add_zone(servers.fresh("forged"), "www A 192.0.2.1\n")
    before = server.axfr(zone)

    def forge(message, _):
        if opcode(message) != UPDATE:
            return None
        proxy.on_request = lambda *_: []  # and nothing more comes through
        bare = wires.strip(message)[0]
        return [bare[:3] + bytes([bare[3] & 0xF0 | 5]) + bare[4:]]

    with Proxy(server.port, on_reply=forge) as proxy:
        site = site(proxy.port, timeout="1s")
        site.add_domain(zone)
        assert site.write().apply().code == 1
        assert server.axfr(zone) != before
        assert [state for state, _ in history(site)] == [0]
        proxy.on_reply = proxy.on_request = None
        site.must(0, "withdraw", zone)
        assert server.axfr(zone) == before
        assert [state for state, _ in history(site)] == [1, 1]
