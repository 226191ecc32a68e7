#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Makes the TSIG vectors beside this file with dnspython, an implementation that is not ours.
"""
requests.txt   ALGORITHM KEY SECRET TIME UNSIGNED SIGNED MAC
answers.txt    LABEL ALGORITHM KEY SECRET TIME REQUEST-MAC ANSWER VERDICT ERROR SERVER-TIME PLAIN
streams.txt    stream LABEL ALGORITHM KEY SECRET TIME REQUEST-MAC COMPLETE, then its messages:
               message SIGNED VERDICT PLAIN
replies.txt    LABEL ALGORITHM KEY SECRET TIME REQUEST VERDICT PLAIN SIGNED: what a server answers
Octets are in hexadecimal, "-" is none. PLAIN is the message that is left when the TSIG is off.
"""

import hashlib
import io
import os
import struct

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig
import dns.update
import dns.version

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = 1700000000
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512",
              "hmac-sha256-128", "hmac-sha384-192", "hmac-sha512-256"]


class Clock:
    now = NOW

    @classmethod
    def time(cls):
        return cls.now


dns.message.time = Clock


def secret_for(algorithm, name):
    octets = hashlib.sha512((algorithm + name).encode()).digest()
    return octets[: 16 + len(algorithm) % 7 * 8]


def key_for(algorithm, name="mail-update."):
    return dns.tsig.Key(dns.name.from_text(name), secret_for(algorithm, name), algorithm)


def describe(key):
    return [str(key.algorithm).rstrip("."), str(key.name).rstrip("."), key.secret.hex()]


def sign(message, key, **kw):
    """The signed octets and the MAC; use_tsig() rather than our own writing of the record."""
    extra = {k: kw.pop(k) for k in ("tsig_error", "other_data", "original_id") if k in kw}
    message.use_tsig(key, **extra)
    wire = message.to_wire(max_size=65535, **kw)
    return wire, message.mac


def update():
    message = dns.update.UpdateMessage("example.org.", id=0x1234)
    message.delete("_dmarc.example.org.", "TXT")
    message.add("_dmarc.example.org.", 300, "TXT", '"v=DMARC1; p=reject"')
    message.add("example.org.", 300, "MX", "10 mx1.example.org.")
    return message


def query(name="example.org.", kind="MX", edns=False):
    message = dns.message.make_query(name, kind, id=0xBEEF, use_edns=0 if edns else False)
    message.flags &= ~dns.flags.RD
    return message


def answer_to(question, *rrsets, rcode=0):
    message = dns.message.make_response(question)
    message.id = question.id
    message.set_rcode(rcode)
    message.answer.extend(rrsets)
    return message


def mx():
    return dns.rrset.from_text("example.org.", 300, "IN", "MX", "10 mx1.example.org.")


def requests():
    for algorithm in ALGORITHMS:
        key = key_for(algorithm)
        for make in (update, query, lambda: query(edns=True)):
            plain = make().to_wire()
            signed, mac = sign(make(), key)
            yield describe(key) + [NOW, plain.hex(), signed.hex(), mac.hex()]


def answer_row(label, key, request_mac, message, verdict, **kw):
    plain = message.to_wire(max_size=65535).hex()
    message.request_mac = request_mac
    wire, _ = sign(message, key, **kw)
    error = kw.get("tsig_error", 0)
    clock = struct.unpack("!Q", b"\0\0" + kw["other_data"])[0] if kw.get("other_data") else 0
    return [label] + describe(key) + [NOW, request_mac.hex() or "-", wire.hex(), verdict, error,
                                      clock, plain]


def answers():
    for algorithm in ALGORITHMS:
        key = key_for(algorithm)
        question = query(edns=True)
        _, mac = sign(question, key)
        yield answer_row("good", key, mac, answer_to(query(edns=True), mx()), "good")
        later = struct.pack("!HI", 0, NOW + 4000)
        yield answer_row("badtime", key, mac, answer_to(query(), rcode=dns.rcode.NOTAUTH),
                         "peer-error", tsig_error=18, other_data=later)
        yield answer_row("badtrunc", key, mac, answer_to(query(), rcode=dns.rcode.NOTAUTH),
                         "peer-error", tsig_error=22)
    # The owner of this TSIG is compressed: the key is named below the zone.
    key = key_for("hmac-sha256", "Agent.Example.ORG.")
    _, mac = sign(query(), key)
    yield answer_row("compressed-owner", key, mac, answer_to(query(), mx()), "good")
    # A forwarder changed the id after the server signed.
    key = key_for("hmac-sha256")
    _, mac = sign(query(), key)
    yield answer_row("forwarded", key, mac, answer_to(query(), mx()), "good",
                     original_id=0x4321)
    # A request, as of a NOTIFY that comes to us: no earlier MAC.
    yield answer_row("request", key, b"", query("example.org.", "SOA"), "good")


def stream(label, algorithm, pattern, complete, count=3):
    """pattern: for each message, whether it is signed."""
    key = key_for(algorithm)
    _, mac = sign(query(kind="AXFR"), key)
    yield ["stream", label] + describe(key) + [NOW, mac.hex(), "yes" if complete else "no"]
    context = None
    for number, signed in enumerate(pattern):
        rrs = [dns.rrset.from_text(f"n{number}-{i}.example.org.", 300, "IN", "TXT", f'"{i}"')
               for i in range(count)]
        message = answer_to(query(kind="AXFR"), *rrs)
        plain = message.to_wire(max_size=65535)
        if signed:
            message.request_mac = mac if number == 0 else b""
            wire, _ = sign(message, key, multi=True, tsig_ctx=context)
            context = message.tsig_ctx
        else:
            wire = plain
            context.update(wire)
        yield ["message", wire.hex(), "good", plain.hex()]


def streams():
    for algorithm in ALGORITHMS:
        yield from stream("all-signed", algorithm, [True] * 4, True)
        yield from stream("every-third", algorithm, [True, False, False] * 2 + [True], True)
    yield from stream("99-unsigned", "hmac-sha256", [True] + [False] * 99 + [True], True, 1)
    yield from stream("unsigned-last", "hmac-sha256", [True, True, False], False)
    yield from stream("one", "hmac-sha256", [True], True)


def reply_row(label, key, known, verdict, error=0, forge=False, late=0):
    """The request of `key` to a server that knows `known`, signed `late` seconds ago."""
    Clock.now = NOW - late
    request, mac = sign(query("example.org.", "SOA"), key)
    if forge:
        request = request[:-7] + bytes([request[-7] ^ 1]) + request[-6:]
    message = answer_to(query("example.org.", "SOA"), rcode=dns.rcode.NOTAUTH if error else 0)
    plain = message.to_wire()
    message.request_mac = mac
    extra = {"tsig_error": error}
    if error == dns.rcode.BADTIME:
        extra["other_data"] = struct.pack("!HI", NOW >> 32, NOW & 0xFFFFFFFF)
    signed, _ = sign(message, key, **extra)
    if error in (dns.rcode.BADSIG, dns.rcode.BADKEY):
        signed = strip_mac(plain, key, error)
    Clock.now = NOW
    return [label] + describe(known) + [NOW, request.hex(), verdict, plain.hex(), signed.hex()]


def strip_mac(plain, key, error):
    """dnspython has no unsigned errors; the record it can write all the same."""
    rdata = dns.rdtypes.ANY.TSIG.TSIG(dns.rdataclass.ANY, dns.rdatatype.TSIG, key.algorithm, NOW,
                                      300, b"", 0xBEEF, error, b"")
    out = io.BytesIO()
    dns.rrset.from_rdata(key.name, 0, rdata).to_wire(out)
    return plain[:11] + b"\x01" + plain[12:] + out.getvalue()


def replies():
    for algorithm in ALGORITHMS:
        key = key_for(algorithm)
        yield reply_row("good", key, key, "good")
        yield reply_row("badtime", key, key, "badtime", dns.rcode.BADTIME, late=4000)
        yield reply_row("badsig", key, key, "badsig", dns.rcode.BADSIG, forge=True)
        yield reply_row("badkey", key_for(algorithm, "another."), key, "wrong-key",
                        dns.rcode.BADKEY)
    yield reply_row("badalg", key_for("hmac-sha1"), key_for("hmac-sha256"), "wrong-alg",
                    dns.rcode.BADKEY)


def write(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="ascii") as out:
        out.write(f"# made by make.py with dnspython {dns.version.version}\n")
        for row in rows:
            out.write(" ".join(str(field) for field in row) + "\n")


if __name__ == "__main__":
    write("requests.txt", requests())
    write("answers.txt", answers())
    write("streams.txt", streams())
    write("replies.txt", replies())
