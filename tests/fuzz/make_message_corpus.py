#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the first inputs of fuzz_message: one message a file. Run once; the files are kept.

Usage: make_message_corpus.py FOLDER
"""
import struct
import sys

import dns.message
import dns.opcode
import dns.rrset
import dns.update

FOLDER = sys.argv[1]

# One record of each kind of data that the reader or the printer treats on its own.
RECORDS = {
    "a": ["www A 192.0.2.1", "www A 192.0.2.2"],
    "aaaa": ["www AAAA 2001:db8::1"],
    "ns": ["@ NS ns1.Example.ORG.", "@ NS ns2.example.org."],
    "cname": ["autoconfig CNAME Mail.Example.ORG."],
    "soa": ["@ SOA ns1.example.org. host.example.org. 2026112301 3600 600 86400 300"],
    "mx": ["@ MX 10 mx1.example.org.", "@ MX 20 mx2.example.org.", "@ MX 0 ."],
    "txt": ['@ TXT "v=spf1 mx -all"', '@ TXT "two" "strings" ""'],
    "txt-escapes": ['@ TXT "quote \\" backslash \\\\ octets \\000\\255"'],
    "srv": ["_imaps._tcp SRV 0 1 993 mail.example.org."],
    "naptr": ['@ NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:i@example.org!" .'],
    "caa": ['@ CAA 0 issue "ca.example.net"', '@ CAA 128 IODEF "mailto:a@example.org"'],
    "tlsa": ["_25._tcp TLSA 3 1 1 " + "ab" * 32],
    "dname": ["old DNAME example.net."],
    "rp": ["@ RP host.example.org. txt.example.org."],
    "px": ["@ PX 10 a.example.org. b.example.org."],
    "afsdb": ["@ AFSDB 1 db.example.org."],
    "kx": ["@ KX 10 kx.example.org."],
    "rt": ["@ RT 10 rt.example.org."],
    "ptr": ["4 PTR host.example.org."],
    "svcb": ["_dns SVCB 1 dns.example.org. alpn=dot port=853 ipv4hint=192.0.2.1"],
    "https": ["@ HTTPS 1 . alpn=h2,h3"],
    "sshfp": ["www SSHFP 4 2 " + "cd" * 32],
    "loc": ["@ LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"],
    "apl": ["@ APL 1:192.0.2.0/24 !2:2001:db8::/32"],
    "nsec": ["@ NSEC a.example.org. NS SOA TXT RRSIG"],
    "nsec3": ["aaaa NSEC3 1 0 0 - " + "0" * 32 + " A RRSIG"],
    "rrsig": ["@ RRSIG TXT 13 2 300 20261201000000 20261101000000 1 example.org. AAAA"],
    "dnskey": ["@ DNSKEY 257 3 13 " + "A" * 88],
    "cert": ["@ CERT 1 1 8 AAAA"],
    "openpgpkey": ["@ OPENPGPKEY AAAA"],
    "hip": ["@ HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc rvs.example.org."],
    "ipseckey": ["@ IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtu"],
    "unknown": ["@ TYPE65280 \\# 4 01020304"],
}


def save(name, octets):
    with open(f"{FOLDER}/{name}", "wb") as f:
        f.write(octets)


def response(lines):
    text = (
        "id 4660\nopcode QUERY\nrcode NOERROR\nflags QR AA\n"
        ";QUESTION\nexample.org. IN ANY\n;ANSWER\n"
    )
    for line in lines:
        owner, kind, data = line.split(" ", 2)
        owner = "example.org." if owner == "@" else owner + ".example.org."
        text += f"{owner} 300 IN {kind} {data}\n"
    return dns.message.from_text(text).to_wire()


for key, lines in RECORDS.items():
    save(key, response(lines))
save("all-mail", response(RECORDS["soa"] + RECORDS["mx"] + RECORDS["txt"] + RECORDS["caa"]))

update = dns.update.UpdateMessage("example.org")
update.present("www.example.org.", "A")
update.absent("new.example.org.")
update.add("www.example.org.", 300, "A", "192.0.2.3")
update.delete("old.example.org.", "TXT")
update.delete("gone.example.org.")
save("update", update.to_wire())

notify = dns.message.make_query("example.org.", "SOA")
notify.set_opcode(dns.opcode.NOTIFY)
save("notify", notify.to_wire())
save("query-edns", dns.message.make_query("example.org.", "TXT", use_edns=0).to_wire())

# What no honest peer sends.
HEAD = struct.pack("!6H", 1, 0x8400, 0, 1, 0, 0)
FIXED = struct.pack("!HHIH", 2, 1, 300, 2)  # an NS with two octets of data
save("pointer-loop", HEAD + b"\xc0\x0c" + FIXED + b"\xc0\x0c")
save("pointer-forward", HEAD + b"\xc0\x20" + FIXED + b"\xc0\x40")
save("pointer-header", HEAD + b"\xc0\x00" + FIXED + b"\xc0\x02")
chain = b"\x01a\x00" + b"".join(struct.pack("!H", 0xC000 | at) for at in [12] + list(range(15, 215, 2)))
save("pointer-chain", struct.pack("!6H", 1, 0x8400, 0, 2, 0, 0) + chain + FIXED + b"\xc0\x0c")
save("name-255", HEAD + (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\x00" + FIXED + b"\xc0\x0c")
save("name-256", HEAD + (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"b" * 62 + b"\x00" + FIXED + b"\xc0\x0c")
save("label-64", HEAD + b"\x40" + b"a" * 64 + b"\x00" + FIXED + b"\xc0\x0c")
save("a-five", HEAD + b"\x00" + struct.pack("!HHIH", 1, 1, 300, 5) + b"12345")
save("empty-rdata", HEAD + b"\x00" + struct.pack("!HHIH", 15, 1, 300, 0))
save("txt-overrun", HEAD + b"\x00" + struct.pack("!HHIH", 16, 1, 300, 3) + b"\x09ab")
save("short-header", HEAD[:11])
save("counts-lie", struct.pack("!6H", 1, 0x8400, 9, 9, 9, 9) + b"\x00\x00\x01\x00\x01")
save("caa-tag-overrun", HEAD + b"\x00" + struct.pack("!HHIH", 257, 1, 300, 4) + b"\x00\x20is")
