# SPDX-License-Identifier: BSD-2-Clause
"""A read that fails is not an empty zone: it leads to no deletion and to no update at all."""

import struct

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import pytest

import model
import servers
import wire as wires
from proxy import QUERY, Answer, Cut, Proxy, frames, opcode
from test_publish import check_zone

KEY = servers.MAILKEY


def question_type(message):
    end = wires.skip_name(message, 12)
    return struct.unpack("!H", message[end : end + 2])[0]


class Transfer:
    """An AXFR answer to one request: envelopes, each a list of rrsets, that a test changes."""

    def __init__(self, server, zone, request):
        self.query = dns.message.from_wire(request, keyring=KEY.dnspython())
        self.request_mac = wires.strip(request)[1].mac
        self.origin = dns.name.from_text(zone)
        rrsets = []
        for (owner, rdtype), (ttl, rdata) in server.axfr_raw(zone).items():
            rrsets += [self.rrset(owner, ttl, rdtype, w) for w in sorted(rdata)]
        self.soa = [r for r in rrsets if r.rdtype == dns.rdatatype.SOA][0]
        rest = [r for r in rrsets if r.rdtype != dns.rdatatype.SOA]
        self.envelopes = [[self.soa]] + [[r] for r in rest] + [[self.soa]]

    @staticmethod
    def rrset(owner, ttl, rdtype, wire):
        return dns.rrset.from_rdata(owner, ttl, model.parse(rdtype, wire))

    def message(self, rrsets, rcode=0):
        reply = dns.message.Message(self.query.id)
        reply.flags = dns.flags.QR | dns.flags.AA
        reply.question = list(self.query.question)
        reply.answer = list(rrsets)
        reply.set_rcode(rcode)
        return reply.to_wire()

    def signed(self, unsigned=(), wrong=(), messages=None):
        """The stream: `unsigned` and `wrong` are numbers of messages, from 0."""
        messages = messages or [self.message(e) for e in self.envelopes]
        out, prior, pending, first = [], self.request_mac, b"", True
        for number, message in enumerate(messages):
            if number in unsigned:
                out.append(message)
                pending += message
                continue
            changes = {"secret": servers.OTHERKEY.secret} if number in wrong else {}
            before = None if first else pending
            # a first message that has unsigned ones before it cannot be right in any way
            wire, prior = wires.sign(message, KEY, prior, before, **changes)
            out.append(wire)
            pending, first = b"", False
        return out


def padded(transfer, count):
    """A stream with `count` unsigned envelopes between the first and the last."""
    filler = [
        Transfer.rrset(
            dns.name.from_text("f%d" % n, transfer.origin), 60, 16, model.txt("x").to_wire()
        )
        for n in range(count)
    ]
    body = [r for e in transfer.envelopes[1:-1] for r in e]
    transfer.envelopes = [[transfer.soa] + body] + [[f] for f in filler] + [[transfer.soa]]
    return frames(transfer.signed(unsigned=range(1, count + 1)))


def wrong_soa(transfer):
    data = transfer.soa[0]
    other = data.replace(serial=data.serial + 1)
    transfer.envelopes[-1] = [dns.rrset.from_rdata(transfer.origin, 3600, other)]
    return frames(transfer.signed())


def other_origin(transfer):
    soa = dns.rrset.from_rdata(dns.name.from_text("other.test"), 3600, transfer.soa[0])
    transfer.envelopes[0] = transfer.envelopes[-1] = [soa]
    return frames(transfer.signed())


def without(transfer, *numbers):
    transfer.envelopes = [
        e for n, e in enumerate(transfer.envelopes) if n - len(transfer.envelopes) not in numbers and n not in numbers
    ]
    return frames(transfer.signed())


def overrun(transfer):
    """An RDLENGTH that goes beyond the message."""
    message = bytearray(transfer.message(transfer.envelopes[1]))
    start = list(wires.records(bytes(message)))[-1][4]
    message[start - 2 : start] = b"\xff\xff"
    messages = [transfer.message(e) for e in transfer.envelopes]
    messages[1] = bytes(message)
    out, prior = [], transfer.request_mac
    for number, one in enumerate(messages):
        wire, prior = wires.sign(one, KEY, prior, None if number == 0 else b"")
        out.append(wire)
    return frames(out)


def middle_id(transfer):
    out = transfer.signed()
    out[1] = bytes([out[1][0] ^ 0x55]) + out[1][1:]
    return frames(out)


def behind_the_end(transfer):
    transfer.envelopes[-1] = [transfer.soa, transfer.envelopes[1][0]]
    return frames(transfer.signed())


def a_message_of(transfer, rrsets, rcode=0):
    return frames(transfer.signed(messages=[transfer.message(rrsets, rcode)]))


def cut_frame(transfer):
    octets = frames(transfer.signed())
    return octets[: len(octets) - 20]


BAD_TRANSFERS = {
    "nothing at all": lambda t: b"",
    "one message of many": lambda t: frames(t.signed()[:1]),
    "all but the last": lambda t: frames(t.signed()[:-1]),
    "cut inside a message": cut_frame,
    "only a length": lambda t: b"\x01",
    "a message of no octets": lambda t: b"\x00\x00",
    "a message of five octets": lambda t: b"\x00\x05abcde",
    "wrong closing SOA": wrong_soa,
    "the SOA of another zone": other_origin,
    "no closing SOA": lambda t: without(t, -1),
    "no opening SOA": lambda t: without(t, 0),
    "first message unsigned": lambda t: frames(t.signed(unsigned=[0])),
    "last message unsigned": lambda t: frames(t.signed(unsigned=[len(t.envelopes) - 1])),
    "no message signed": lambda t: frames(t.signed(unsigned=range(len(t.envelopes)))),
    "a wrong MAC in the middle": lambda t: frames(t.signed(wrong=[2])),
    "a wrong MAC at the end": lambda t: frames(t.signed(wrong=[len(t.envelopes) - 1])),
    "100 unsigned messages": lambda t: padded(t, 100),
    "another id in the middle": middle_id,
    "RRs behind the closing SOA": behind_the_end,
    "an RDLENGTH too long": overrun,
    "SERVFAIL": lambda t: a_message_of(t, [], 2),
    "REFUSED": lambda t: a_message_of(t, [], 5),
    "NOTAUTH": lambda t: a_message_of(t, [], 9),
    "an empty answer": lambda t: a_message_of(t, []),
    "only the SOA": lambda t: a_message_of(t, [t.soa]),
    "SERVFAIL in the middle": lambda t: frames(
        t.signed(messages=[t.message([t.soa]), t.message([], 2)])
    ),
}


def prepared(bind, site, read):
    """A zone that is in sync, and a configuration that wants deletions and additions."""
    zone = bind.add_zone(servers.fresh("read"), '@ TXT "token"\n')
    one = site(bind.port, read=read, timeout="2s")
    domain = one.add_domain(zone, records=["old%d 60 IN A 192.0.2.1" % n for n in range(3)])
    one.write().must(0, "apply")
    domain["records"] = ["new 60 IN A 192.0.2.1"]
    one.system["spf"] = "v=spf1 a -all"
    return zone, one


@pytest.mark.parametrize("fault", list(BAD_TRANSFERS))
def test_bad_transfer(bind, site, fault):
    zone, one = prepared(bind, site, "axfr")
    before, serial = bind.axfr(zone), bind.serial(zone)
    built = BAD_TRANSFERS[fault]

    def tamper(message, _):
        if opcode(message) == QUERY and question_type(message) == 252:
            return Answer(built(Transfer(bind, zone, message)), close=True)
        return None

    with Proxy(bind.port, on_request=tamper) as proxy:
        one.server["port"] = proxy.port
        one.write()
        for command in ("plan", "apply", "withdraw"):
            argv = [command, zone]
            result = one.run("--format", "json", *argv)
            assert not proxy.errors
            assert result.code == 1, "%s: %r" % (command, result)
            assert zone in result.err and result.err.count("\n") >= 1, result
            if command != "withdraw":
                planned = result.domain(zone)
                assert planned["error"] and not planned["changes"], result
        assert proxy.updates() == []
    assert bind.axfr(zone) == before and bind.serial(zone) == serial


@pytest.mark.parametrize("fault", list(BAD_TRANSFERS))
def test_auto_asks_instead(bind, site, fault):
    """With read = "auto" queries step in: the result is right, or nothing is done."""
    zone, one = prepared(bind, site, "auto")
    before = bind.axfr(zone)
    built = BAD_TRANSFERS[fault]

    def tamper(message, _):
        if opcode(message) == QUERY and question_type(message) == 252:
            return Answer(built(Transfer(bind, zone, message)), close=True)
        return None

    with Proxy(bind.port, on_request=tamper) as proxy:
        one.server["port"] = proxy.port
        result = one.write().apply()
        assert not proxy.errors
        if result.code == 0:
            own = {n for n, _ in before if n.to_text().startswith("old")}
            kept = {
                s: v for s, v in before.items() if s[0] not in own
            }
            check_zone(bind, one, zone, kept)
        else:
            assert proxy.updates() == [] and bind.axfr(zone) == before, result


@pytest.mark.parametrize("count", [0, 1, 99])
def test_99_unsigned_messages_are_allowed(bind, site, count):
    """The control: the same stream with one less is read."""
    zone, one = prepared(bind, site, "axfr")

    def replace(message, _):
        if opcode(message) == QUERY and question_type(message) == 252:
            return Answer(padded(Transfer(bind, zone, message), count))
        return None

    with Proxy(bind.port, on_request=replace) as proxy:
        one.server["port"] = proxy.port
        result = one.write().plan()
        assert not proxy.errors
        assert result.code == 2, result
        assert result.domain(zone)["read"] == "axfr"


def test_transfer_that_stalls(bind, site):
    zone, one = prepared(bind, site, "axfr")

    def stall(message, _):
        if opcode(message) == QUERY and question_type(message) == 252:
            return Answer(frames(Transfer(bind, zone, message).signed()[:2]))
        return None

    with Proxy(bind.port, on_request=stall) as proxy:
        one.server["port"] = proxy.port
        result = one.write().apply()
        assert result.code == 1 and proxy.updates() == [], result
        assert result.seconds < 30


def rcode(code):
    def change(resigner, message):
        bare = wires.strip(message)[0]
        bare = bare[:3] + bytes([bare[3] & 0xF0 | code]) + bare[4:]
        return [wires.sign(bare, KEY, resigner.macs[bare[:2]])[0]]

    return change


def emptied(resigner, message):
    """No data, but no authority: neither flag nor SOA."""
    end = wires.skip_name(message, 12) + 4
    bare = message[:2] + b"\x80\x00" + b"\0\1" + b"\0" * 6 + message[12:end]
    return [wires.sign(bare, KEY, resigner.macs[bare[:2]])[0]]


def other_question(resigner, message):
    bare = bytearray(wires.strip(message)[0])
    bare[13] = ord("y") if bare[13] != ord("y") else ord("z")
    return [wires.sign(bytes(bare), KEY, resigner.macs[bytes(bare[:2])])[0]]


def closing(resigner, message):
    raise Cut


BAD_ANSWERS = {
    "SERVFAIL": rcode(2),
    "REFUSED": rcode(5),
    "FORMERR": rcode(1),
    "unsigned": lambda resigner, message: [wires.strip(message)[0]],
    "no answer": lambda resigner, message: [],
    "the connection goes": closing,
    "no authority": emptied,
    "another question": other_question,
}


@pytest.mark.parametrize("fault", list(BAD_ANSWERS))
@pytest.mark.parametrize("every", [True, False], ids=["all", "one"])
def test_bad_answers(bind, site, fault, every):
    """Reading by queries: all answers are bad, or those for one slot."""
    zone, one = prepared(bind, site, "query")
    before, serial = bind.axfr(zone), bind.serial(zone)
    resigner = wires.Resigner(KEY)

    def tamper(message, _):
        if opcode(message) != QUERY or question_type(message) == dns.rdatatype.SOA:
            return None
        if every or message[12:19] == b"\x06_dmarc":
            return BAD_ANSWERS[fault](resigner, message)
        return None

    with Proxy(bind.port, on_request=resigner.on_request, on_reply=tamper) as proxy:
        one.server["port"] = proxy.port
        result = one.write().apply()
        assert not proxy.errors
        assert result.code == 1, result
        assert zone in result.err
        assert proxy.updates() == []
    assert bind.axfr(zone) == before and bind.serial(zone) == serial


def test_no_such_zone(server, site):
    """Told apart: a zone that the server does not have, and a server that is not there."""
    one = site(server.port, timeout="2s")
    one.add_domain("missing.invalid")
    gone = one.write().apply()
    assert gone.code == 1 and "missing.invalid" in gone.err
    two = site(servers.free_port(), timeout="2s")
    two.add_domain("missing.invalid")
    down = two.write().apply()
    assert down.code == 1 and str(two.server["port"]) in down.err
    assert gone.err.replace(str(server.port), "") != down.err.replace(str(two.server["port"]), "")
    # the parent's server knows the name, but it is no zone of its own there
    zone = server.add_zone(servers.fresh("parent"), "child A 192.0.2.1")
    three = site(server.port, timeout="2s")
    three.add_domain("child." + zone)
    inside = three.write().apply()
    assert inside.code == 1 and "child." + zone in inside.err


@pytest.mark.parametrize("read", ["query", "axfr"])
def test_child_zone_on_the_same_server(server, site, read):
    """A domain whose names are in a child zone is not written into the parent."""
    zone = servers.fresh("parent")
    server.add_zones([servers.Zone(zone, "sub NS ns1.invalid."), servers.Zone("sub." + zone)])
    before, serial = server.axfr(zone), server.serial(zone)
    one = site(server.port, read=read)
    one.add_domain("sub." + zone, origin=zone)
    result = one.write().apply()
    assert result.code == 1, result
    assert len(result.domain("sub." + zone)["refused"]) == 6
    assert server.axfr(zone) == before and server.serial(zone) == serial


def test_one_bad_zone_of_many(bind, site):
    """The others go on."""
    zones = [servers.fresh("many") for _ in range(5)]
    bind.add_zones([servers.Zone(z) for z in zones])
    one = site(bind.port, timeout="2s")
    for zone in zones + ["missing.invalid"]:
        one.add_domain(zone)
    result = one.write().apply()
    assert result.code == 1
    for zone in zones:
        assert result.domain(zone)["applied"] is True
        assert (dns.name.from_text(zone), model.MX) in bind.axfr(zone)
    assert result.domain("missing.invalid")["error"]
