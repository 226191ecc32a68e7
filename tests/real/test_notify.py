# SPDX-License-Identifier: BSD-2-Clause
"""NOTIFY as mailzoned listens for it: dnspython sends, and checks what is answered (RFC 1996, 8945)."""

import socket
import struct

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import servers
from mzd import Daemon
from test_daemon import daemon_site, wait_whole

STRANGER = "127.0.0.2"  # no server is configured at this address


@pytest.fixture
def listening(bind, site):
    """(mailzoned, its port for NOTIFY, a zone that it keeps)."""
    zone = bind.add_zone(servers.fresh("notify"))
    site = daemon_site(site, bind.port)
    port = servers.free_port()
    site.settings["notify"] = {"listen": ["127.0.0.1:%d" % port]}
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        yield daemon, port, zone
        assert daemon.stop() == 0


def notify(zone, key=None, serial=None):
    message = dns.message.make_query(zone, "SOA")
    message.flags = dns.flags.AA
    message.set_opcode(dns.opcode.NOTIFY)
    if serial is not None:
        soa = "ns1.invalid. hostmaster.invalid. %d 3600 600 604800 300" % serial
        message.answer.append(dns.rrset.from_text(zone + ".", 300, "IN", "SOA", soa))
    if key is not None:
        message.use_tsig(key.dnspython())
    return message


def ask(message, port, tcp=False, source="127.0.0.1"):
    send = dns.query.tcp if tcp else dns.query.udp
    return send(message, servers.HOST, 5, port, source=source)


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("key", [None, servers.MAILKEY])
def test_taken(bind, listening, tcp, key):
    daemon, port, zone = listening
    bind.must_update(zone, [], [("@", "MX")])
    reply = ask(notify(zone, key, 200), port, tcp)  # dnspython checks id, question and MAC
    assert reply.rcode() == dns.rcode.NOERROR and reply.opcode() == dns.opcode.NOTIFY
    assert reply.flags & dns.flags.AA and reply.had_tsig == (key is not None)
    wait_whole(bind, daemon.site, zone, 10)


def test_refused(listening):
    daemon, port, zone = listening
    assert ask(notify(zone), port, source=STRANGER).rcode() == dns.rcode.REFUSED
    assert ask(notify("no.such.test"), port).rcode() == dns.rcode.NOTAUTH
    wrong = servers.Key("mailkey", secret="d3Jvbmcgc2VjcmV0IHdyb25nIHNlY3JldCB3cm9uZyE=")
    for key in (wrong, servers.Key("nobody")):
        message = notify(zone, key)
        wire = message.to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(wire, (servers.HOST, port))
            reply = sock.recv(4096)
        assert reply[:2] == wire[:2] and reply[3] & 15 == dns.rcode.NOTAUTH
    query = dns.message.make_query(zone, "SOA")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(query.to_wire(), (servers.HOST, port))
        assert sock.recv(4096)[3] & 15 == dns.rcode.NOTIMP


def test_hostile(listening):
    """Garbage, answers, half a message, many connections: it goes on, and answers no answer."""
    daemon, port, zone = listening
    good = notify(zone).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        for wire in (b"", b"x", good[:11], good[:2] + bytes([good[2] | 0x80]) + good[3:]):
            sock.sendto(wire, (servers.HOST, port))
            with pytest.raises(socket.timeout):
                sock.recv(4096)
        for end in range(12, len(good)):
            sock.sendto(good[:end], (servers.HOST, port))
            assert len(sock.recv(4096)) <= len(good)
    held = [socket.create_connection((servers.HOST, port)) for _ in range(150)]
    for sock in held:
        sock.sendall(struct.pack("!H", len(good)) + good[:5])
    assert ask(notify(zone), port, tcp=True).rcode() == dns.rcode.NOERROR
    for sock in held:
        sock.close()
    assert ask(notify(zone), port).rcode() == dns.rcode.NOERROR
