# SPDX-License-Identifier: BSD-2-Clause
"""Messages taken apart and signed by hand, right and wrong: a third TSIG implementation."""

import base64
import hmac
import struct
import time

import dns.name

HASHES = {
    "hmac-sha1": "sha1",
    "hmac-sha224": "sha224",
    "hmac-sha256": "sha256",
    "hmac-sha384": "sha384",
    "hmac-sha512": "sha512",
    "hmac-sha256-128": "sha256",
    "hmac-sha384-192": "sha384",
    "hmac-sha512-256": "sha512",
}
LENGTHS = {"hmac-sha256-128": 16, "hmac-sha384-192": 24, "hmac-sha512-256": 32}
BADTIME = 18


def skip_name(wire, at):
    while True:
        length = wire[at]
        if length >= 192:
            return at + 2
        at += 1 + length
        if not length:
            return at


def records(wire):
    """(start, type, class, ttl, rdata start, end) of every RR of a message."""
    counts = struct.unpack("!4H", wire[4:12])
    at = 12
    for _ in range(counts[0]):
        at = skip_name(wire, at) + 4
    for _ in range(sum(counts[1:])):
        start = at
        at = skip_name(wire, at)
        rdtype, rdclass, ttl, length = struct.unpack("!HHIH", wire[at : at + 10])
        yield start, rdtype, rdclass, ttl, at + 10, at + 10 + length
        at += 10 + length


class Tsig:
    """The fields of a TSIG record that was found."""

    def __init__(self, wire, start, rdata, end):
        self.name = dns.name.from_wire(wire, start)[0]
        self.algorithm, used = dns.name.from_wire(wire, rdata)
        at = rdata + used
        high, low, self.fudge, size = struct.unpack("!HIHH", wire[at : at + 10])
        self.time = (high << 32) + low
        self.mac = wire[at + 10 : at + 10 + size]
        at += 10 + size
        self.id, self.error, other = struct.unpack("!HHH", wire[at : at + 6])
        self.other = wire[at + 6 : end]


def strip(wire):
    """(message without its TSIG, Tsig or None)."""
    last = None
    for last in records(wire):
        pass
    if last is None or last[1] != 250:
        return wire, None
    start, _, _, _, rdata, end = last
    tsig = Tsig(wire, start, rdata, end)
    count = struct.unpack("!H", wire[10:12])[0] - 1
    return wire[:10] + struct.pack("!H", count) + wire[12:start], tsig


def _times(moment, fudge):
    return struct.pack("!HIH", moment >> 32, moment & 0xFFFFFFFF, fudge)


def sign(wire, key, request_mac=b"", before=None, **changes):
    """Signs a message that has no TSIG: (signed message, its MAC).

    request_mac: of the request that this answers. before: for the later messages of a stream, the
    octets that precede this one in the digest (unsigned messages); request_mac is then the
    prior message's MAC. changes: time, fudge, error, other, mac_length, mac (octets), name,
    algorithm, secret: to sign wrongly.
    """
    name = dns.name.from_text(changes.get("name", key.name)).canonicalize().to_wire()
    algorithm = changes.get("algorithm", key.algorithm)
    alg = dns.name.from_text(algorithm).to_wire()
    moment = changes.get("time", int(time.time()))
    fudge = changes.get("fudge", 300)
    error, other = changes.get("error", 0), changes.get("other", b"")
    data = struct.pack("!H", len(request_mac)) + request_mac if request_mac else b""
    data += (before or b"") + wire
    if before is None:
        data += name + struct.pack("!HI", 255, 0) + alg + _times(moment, fudge)
        data += struct.pack("!HH", error, len(other)) + other
    else:
        data += _times(moment, fudge)
    secret = base64.b64decode(changes.get("secret", key.secret))
    mac = hmac.new(secret, data, HASHES[algorithm]).digest()
    mac = mac[: changes.get("mac_length", LENGTHS.get(algorithm, len(mac)))]
    mac = changes.get("mac", mac)
    rdata = alg + _times(moment, fudge) + struct.pack("!H", len(mac)) + mac
    rdata += wire[:2] + struct.pack("!HH", error, len(other)) + other
    record = name + struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata
    count = struct.unpack("!H", wire[10:12])[0] + 1
    return wire[:10] + struct.pack("!H", count) + wire[12:] + record, mac


class Resigner:
    """Signs the server's replies anew, as mailzone expects them or not.

    Use its methods as a proxy's hooks. `to_server` is the key that the server knows, `key` the
    one that mailzone has.
    """

    def __init__(self, key, to_server=None, **changes):
        self.key, self.to_server, self.changes = key, to_server, changes
        self.macs = {}  # by message id: mailzone's MAC

    def on_request(self, wire, _):
        bare, tsig = strip(wire)
        if tsig is None:
            return None
        self.macs[wire[:2]] = tsig.mac
        if self.to_server is None:
            return None
        return [sign(bare, self.to_server)[0]]

    def reply(self, wire, **changes):
        """The reply, signed anew for mailzone."""
        bare, _ = strip(wire)
        return sign(bare, self.key, self.macs.get(wire[:2], b""), **{**self.changes, **changes})[0]

    def on_reply(self, wire, _):
        return [self.reply(wire)]
