# SPDX-License-Identifier: BSD-2-Clause
"""What servers do silently, or refuse: each ends right, or with a line that says what happened."""

import socket
import sqlite3
import threading

import dns.name
import dns.rdatatype
import pytest

import model
import servers
import wire as wires
from proxy import UPDATE, Proxy, opcode, zone_of
from test_publish import check_zone


def test_cname_in_the_way(server, site):
    """Both ways: data where our CNAME goes, a CNAME where our data goes."""
    zone = server.add_zone(
        servers.fresh("cname"),
        'autoconfig A 192.0.2.1\n_dmarc CNAME dmarc.provider.example.\n@ TXT "token"\n',
    )
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        domain = site.add_domain(zone)
        result = site.write().apply()
        assert result.code == 1
        refused = {r["owner"]: r for r in result.domain(zone)["refused"]}
        assert set(refused) == {"autoconfig.%s." % zone, "_dmarc.%s." % zone}
        assert "CNAME" in refused["_dmarc.%s." % zone]["reason"]
        wanted = model.derive(domain, site.system)
        after, _ = model.expected(before, dns.name.from_text(zone), wanted)
        assert model.difference(server.axfr(zone), after) == []
        assert len(proxy.updates()) == 1
        # the refusals stay, and nothing is sent for them again
        assert site.apply().code == 1 and len(proxy.updates()) == 1
        text = site.run("plan").out
        assert len([line for line in text.splitlines() if line.startswith("  ! ")]) == 2


def test_ttl_only(server, site):
    """Knot ignores a re-added RR with another TTL: the RRset is written afresh."""
    zone = server.add_zone(servers.fresh("ttl"))
    site = site(server.port)
    site.add_domain(zone, records=["kept 60 IN A 192.0.2.1"])
    before = server.axfr(zone)
    site.write().must(0, "apply")
    site.server["ttl"] = "10m"
    site.write()
    changes = site.must(2, "plan").domain(zone)["changes"]
    assert {c["type"] for c in changes if c["action"] == "add"} == {"MX", "TXT", "CNAME"}
    site.must(0, "apply")
    wanted = model.derive(site.settings["domains"][0], site.system, 600)
    for rr in wanted:  # a TTL alone is a change only where the whole RRset is ours
        if rr.claim == model.MATCH:
            rr.ttl = 300
    after, _ = model.expected(before, dns.name.from_text(zone), wanted)
    assert model.difference(server.axfr(zone), after) == []
    site.must(0, "plan")


def test_order_in_a_message(server, site):
    """PowerDNS does not see an earlier addition when it deletes: deletions go first."""
    zone = server.add_zone(
        servers.fresh("order"),
        '@ TXT "token"\n@ TXT "v=spf1 ~all"\n@ TXT "V=spf1 MX ~all"\n'
        "@ MX 5 old.example.\nautoconfig CNAME old.example.\n"
        '_dmarc 60 TXT "v=DMARC1; p=reject; rua=mailto:postmaster@%s"\n' % "wrong.example",
    )
    before = server.axfr(zone)
    site = site(server.port)
    site.add_domain(zone)
    site.write().must(0, "apply")
    check_zone(server, site, zone, before)
    site.system.update({"hostname": "other.example.net", "spf": "v=spf1 a -all"})
    site.write().must(0, "apply")
    after, _ = model.expected(
        before, dns.name.from_text(zone), model.derive(site.settings["domains"][0], site.system)
    )
    assert model.difference(server.axfr(zone), after) == []
    site.must(0, "plan")


def many(server, site, port, count=100, **settings):
    zones = [servers.fresh("burst") for _ in range(count)]
    server.add_zones([servers.Zone(z) for z in zones])
    site = site(port, timeout="60s", **settings)
    for zone in zones:
        site.add_domain(zone)
    return zones, site.write()


def test_locked_database(site):
    """PowerDNS on SQLite with also-notify says SERVFAIL to some of a burst: tried again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((servers.HOST, 0))
        server = servers.Pdns(also_notify=[sink.getsockname()[1]]).start()
        try:
            zones, one = many(server, site, server.port, 150, max_inflight=16)
            result = one.run("--format", "json", "apply", timeout=150)
            assert result.code == 0, result
            for zone in zones:
                assert (dns.name.from_text(zone), model.MX) in server.axfr(zone)
        finally:
            server.stop()


def test_database_locked_for_a_while(pdns, site):
    """SERVFAIL to each update for a second, empty ones excepted: it is not the records' fault."""
    zone = pdns.add_zone(servers.fresh("locked"))
    before = pdns.axfr(zone)
    site = site(pdns.port)
    site.add_domain(zone)
    db = sqlite3.connect(pdns.path("pdns.db"), isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(1, db.execute, ["ROLLBACK"])
    timer.start()
    try:
        site.write().must(0, "apply")
    finally:
        timer.join()
        db.close()
    check_zone(pdns, site, zone, before)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_servfail(server, site, signed):
    """The same by force: the first UPDATE to every fifth zone is answered with SERVFAIL."""
    resigner = wires.Resigner(servers.MAILKEY)
    seen, failed = {}, []

    def refuse(message, _):
        if opcode(message) != UPDATE:
            return None
        zone = zone_of(message)
        number = seen.setdefault(zone, len(seen))
        if number % 5 == 0 and zone not in failed:
            failed.append(zone)
            bare = wires.strip(message)[0]
            bare = bare[:3] + bytes([bare[3] & 0xF0 | 2]) + bare[4:]
            if not signed:
                return [bare]
            return [wires.sign(bare, servers.MAILKEY, resigner.macs[bare[:2]])[0]]
        return None

    # the reply is changed, the update was done: it has to be looked at again
    with Proxy(server.port, on_request=resigner.on_request, on_reply=refuse) as proxy:
        zones, one = many(server, site, proxy.port, 20)
        result = one.run("--format", "json", "apply", timeout=100)
        assert not proxy.errors
        assert len(failed) == 4
        assert result.code == 0, result
    for zone in zones:
        assert (dns.name.from_text(zone), model.MX) in server.axfr(zone)


def test_query_cache(pdns, site):
    """PowerDNS answers queries from its caches for a while after an update."""
    zone = pdns.add_zone(servers.fresh("cache"), '@ MX 5 old.example.\n_dmarc TXT "v=DMARC1; p=none"\n')
    before = pdns.axfr(zone)
    site = site(pdns.port, read="query")
    domain = site.add_domain(zone)
    for rr in model.derive(domain, site.system):
        for tcp in (False, True):
            pdns.query(rr.owner, rr.type, tcp=tcp)
    pdns.query(zone, "SOA")
    site.write().must(0, "apply")
    check_zone(pdns, site, zone, before)
    # what a cache says must not lead to harm either
    result = site.apply()
    check_zone(pdns, site, zone, before)
    assert result.code == 0, result


def denied(server, site, zone, family):
    """An apply where the server denies one type: told with its name, and the rest arrives."""
    site.system["acme"] = [{"issuer": "letsencrypt.org", "account_uri": "https://acme.example/1"}]
    domain = site.add_domain(zone)
    before = server.axfr(zone)
    result = site.write().apply()
    assert result.code == 1, result
    assert result.seconds < 30
    refused = result.domain(zone)["refused"]
    assert {r["family"] for r in refused} == {family}, refused
    for one in refused:
        assert one["owner"] == zone + "." and len(one["reason"]) > 40, one
    wanted = [rr for rr in model.derive(domain, site.system) if rr.family != family]
    after, _ = model.expected(before, dns.name.from_text(zone), wanted)
    assert model.difference(server.axfr(zone), after) == []
    return refused[0]["reason"]


def test_policy_denies_a_type(bind, site):
    """BIND's update-policy without CAA: one denied RR refuses the whole message."""
    zone = servers.fresh("policy")
    bind.add_zone(zone, policy="grant mailkey subdomain %s. MX TXT CNAME SRV;" % zone)
    before = bind.axfr(zone)
    site = site(bind.port)
    reason = denied(bind, site, zone, "caa")
    assert "REFUSED" in reason and "update-policy" in reason
    # without the family, it is in sync
    domain = site.settings["domains"][0]
    families = [f for f in model.DEFAULT_FAMILIES if f != "caa"]
    domain["dns_management"]["publish_records"] = families
    site.write().must(0, "apply")
    check_zone(bind, site, zone, before)


def test_knot_update_type(knot, site):
    zone = servers.fresh("policy")
    knot.add_zone(zone, policy="update-type: [MX, TXT, CNAME, SRV]")
    assert "update-type" in denied(knot, site(knot.port), zone, "caa")


def test_knot_update_type_allows(knot, site):
    """With the types that are needed, a least-privilege Knot takes every change."""
    zone = servers.fresh("policy")
    knot.add_zone(zone, "@ MX 5 old.example.\n", policy="update-type: [MX, TXT, CNAME, SRV, CAA]")
    before = knot.axfr(zone)
    site = site(knot.port, timeout="3s")
    site.add_domain(zone)
    site.write().must(0, "apply")
    check_zone(knot, site, zone, before)
    site.must(0, "withdraw", zone)


def test_check_mx(bind, site):
    """BIND refuses an MX to a host inside the zone that has no address."""
    zone = bind.add_zone(servers.fresh("checkmx"))
    before = bind.axfr(zone)
    site = site(bind.port)
    site.system["hostname"] = "mail." + zone
    site.add_domain(zone)
    result = site.write().apply()
    assert result.code == 1, result
    (refused,) = result.domain(zone)["refused"]
    assert refused["type"] == "MX" and "REFUSED" in refused["reason"], refused
    assert "A or AAAA" in refused["reason"]
    assert (dns.name.from_text(zone), model.MX) not in bind.axfr(zone)
    # with its address in the domain's records it is taken, in one message
    site.settings["domains"][0]["records"] = ["mail 300 IN A 192.0.2.25"]
    site.write().must(0, "apply")
    check_zone(bind, site, zone, before)


def test_key_that_may_not_read(server, site):
    """AXFR refused: `auto` reads by queries, `axfr` says so."""
    zone = server.add_zone(servers.fresh("noaxfr"))
    before = server.axfr(zone)
    refused = set()

    def refuse(message, _):
        if opcode(message) != 0 or b"\x00\x00\xfc\x00\x01" not in message[:80]:
            return None
        if message[:2] in refused:
            return []  # PowerDNS answers by several messages
        refused.add(message[:2])
        bare = wires.strip(message)[0]
        bare = bare[:3] + bytes([bare[3] & 0xF0 | 5]) + b"\0\1" + b"\0" * 6 + bare[12:]
        bare = bare[:12] + bare[12 : wires.skip_name(bare, 12) + 4]
        return [wires.sign(bare, servers.MAILKEY, resigner.macs[bare[:2]])[0]]

    resigner = wires.Resigner(servers.MAILKEY)
    with Proxy(server.port, on_request=resigner.on_request, on_reply=refuse) as proxy:
        strict = site(proxy.port, read="axfr", timeout="2s")
        strict.add_domain(zone)
        result = strict.write().apply()
        assert result.code == 1 and "REFUSED" in result.err, result
        assert server.axfr(zone) == before and not proxy.updates()
        auto = site(proxy.port, timeout="2s")
        auto.add_domain(zone)
        result = auto.write().must(0, "apply")
        assert not proxy.errors
        assert result.domain(zone)["read"] == "query"
        check_zone(server, auto, zone, before)
    assert dns.rdatatype.AXFR == 252
