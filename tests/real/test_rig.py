# SPDX-License-Identifier: BSD-2-Clause
"""The tests' own tools: that they see what they should see."""

import dns.name
import dns.rdatatype

import model
import servers
from proxy import Proxy

TXT = dns.rdatatype.TXT


def test_server(server):
    zone = server.add_zone(servers.fresh("rig"), '@ TXT "one"\nwww A 192.0.2.1')
    slot = (dns.name.from_text(zone), TXT)
    before = server.serial(zone)
    assert server.axfr(zone)[slot] == (3600, frozenset([b"\x03one"]))
    with Proxy(server.port) as proxy:
        reply = server.update(zone, add=[("@", 3600, "TXT", "two")], port=proxy.port)
        assert reply == "NOERROR" and len(proxy.updates()) == 1
    assert server.axfr(zone)[slot] == (3600, frozenset([b"\x03one", b"\x03two"]))
    assert server.serial(zone) > before


def test_signed(server):
    if not server.can_sign:
        return
    zone = server.add_zone(servers.fresh("rig"), "www A 192.0.2.1", signed=True)
    assert any(t == dns.rdatatype.DNSKEY for _, t in server.axfr_raw(zone))
    assert not any(t in servers.SERVER_TYPES for _, t in server.axfr(zone))


def test_nsd(bind):
    nsd = servers.Nsd(bind).start()
    try:
        zone = bind.add_zone(servers.fresh("rig"), also_notify=[nsd.port])
        nsd.add_zone(zone)
        assert nsd.serial(zone) == bind.serial(zone)
        bind.must_update(zone, add=[("a", 300, "A", "192.0.2.1")])
        wanted = bind.serial(zone)
        servers.wait_for("the transfer", lambda: nsd.serial(zone) == wanted)
    finally:
        nsd.stop()


def test_model():
    origin = dns.name.from_text("example.org")
    domain = {"name": "example.org"}
    system = {"hostname": "mail.example.net"}
    desired = model.derive(domain, system)
    foreign = model.txt("token=1").to_wire()
    zone = {(origin, TXT): (60, frozenset([foreign, model.txt("V=SPF1 ~all").to_wire()]))}
    after, refused = model.expected(zone, origin, desired)
    spf = model.txt("v=spf1 mx -all").to_wire()
    assert after[(origin, TXT)] == (60, frozenset([foreign, spf])) and not refused
    again, refused = model.expected(after, origin, desired)
    assert again == after and not refused
    assert model.difference(after, zone)
