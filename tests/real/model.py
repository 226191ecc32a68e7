# SPDX-License-Identifier: BSD-2-Clause
"""An independent model of mailzone in Python, written from the design of the records alone.

derive() says which RRs a domain desires; expected() says what a zone must hold after one apply
by a mailzone that has no ledger yet. Zones are as Server.axfr() gives them:
{(owner, type): (ttl, frozenset of rdata wire)}.
"""

import base64
import functools
import glob
import hashlib
import os
import re
import subprocess

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT

IN = dns.rdataclass.IN
MX, TXT, SRV, CAA, CNAME, TLSA, NS, DNAME = (
    dns.rdatatype.from_text(t) for t in "MX TXT SRV CAA CNAME TLSA NS DNAME".split()
)
DEFAULT_FAMILIES = """dkim spf mx dmarc srv mta-sts tls-rpt caa autoconfig autoconfig-legacy
autodiscover""".split()
WHOLE, MATCH, EXACT = "whole", "match", "exact"

# protocol: (service over TLS, port), (service in clear text, port) or None
SERVICES = {
    "imap": (("imaps", 993), ("imap", 143)),
    "pop3": (("pop3s", 995), ("pop3", 110)),
    "smtp": (("submissions", 465), ("submission", 587)),
    "jmap": (("jmap", 443), None),
    "caldav": (("caldavs", 443), None),
    "carddav": (("carddavs", 443), None),
    "managesieve": (("sieve", 4190), None),
}


class RR:
    """A desired RR. `wire` is its rdata; `says` compares texts that are split differently."""

    def __init__(self, family, owner, rdtype, rdata, claim, ttl):
        self.family, self.owner, self.type = family, owner.canonicalize(), rdtype
        self.rdata, self.claim, self.ttl = rdata, claim, ttl
        self.wire = rdata.to_wire()

    @property
    def slot(self):
        return (self.owner, self.type)

    def __repr__(self):
        rdtype = dns.rdatatype.to_text(self.type)
        return "%s %d %s %s (%s)" % (self.owner, self.ttl, rdtype, self.rdata, self.family)


def name(text):
    return dns.name.from_text(text)


def rdata(rdtype, text):
    return dns.rdata.from_text(IN, rdtype, text)


def txt(text):
    octets = text.encode()
    parts = [octets[i : i + 255] for i in range(0, len(octets), 255)] or [b""]
    return dns.rdtypes.ANY.TXT.TXT(IN, TXT, parts)


def parse(rdtype, wire):
    return dns.rdata.from_wire(IN, rdtype, wire, 0, len(wire))


def joined(wire):
    """The text of a TXT RR, whatever its strings."""
    text, at = b"", 0
    while at < len(wire):
        text += wire[at + 1 : at + 1 + wire[at]]
        at += 1 + wire[at]
    return text


def says(rdtype, wire):
    """What an RR of ours says: TXT by joined text, names in the rdata in lower case."""
    if rdtype == TXT:
        return joined(wire)
    if rdtype == CAA:
        return wire[:2] + wire[2 : 2 + wire[1]].lower() + wire[2 + wire[1] :]
    if rdtype in (MX, SRV, CNAME, NS):
        return parse(rdtype, wire).to_digestable()
    return wire


# ---- deriving --------------------------------------------------------------------------------


def report_uri(domain):
    address = domain.get("report_address", "mailto:postmaster")
    if address.startswith("mailto:") and "@" not in address:
        return address + "@" + domain["name"].rstrip(".").lower()
    return address


def setting(domain, system, key, default=None):
    return domain[key] if key in domain else system.get(key, default)


def mx_hosts(domain, system):
    mx = setting(domain, system, "mx") or [{"host": system["hostname"]}]
    return [(m.get("priority", 10), name(m["host"])) for m in mx]


def sts_policy(sts, hosts):
    days = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    age = str(sts.get("max_age", "7d"))
    age = int(age[:-1]) * days[age[-1]] if age[-1] in days else int(age)
    mx = sts.get("mx") or [h.to_text(True).lower() for _, h in hosts]
    lines = ["version: STSv1", "mode: " + sts.get("mode", "enforce")]
    lines += ["mx: " + m for m in mx] + ["max_age: %d" % age]
    return "".join(line + "\r\n" for line in lines).encode()


@functools.lru_cache(None)
def openssl(*argv, data=None):
    return subprocess.run(["openssl", *argv], input=data, check=True, capture_output=True).stdout


def public_der(path):
    """The SubjectPublicKeyInfo of a private or public key file."""
    with open(path, "rb") as f:
        pem = f.read()
    options = [] if b"PRIVATE KEY" in pem else ["-pubin"]
    return openssl("pkey", "-pubout", "-outform", "DER", *options, data=pem)


def dkim_text(path):
    der = public_der(path)
    # RFC 8410: an Ed25519 SubjectPublicKeyInfo is 12 octets and the raw key
    if len(der) == 44:
        return "v=DKIM1; k=ed25519; h=sha256; p=" + base64.b64encode(der[12:]).decode()
    return "v=DKIM1; k=rsa; h=sha256; p=" + base64.b64encode(der).decode()


def stored_keys(state, domain):
    """The DKIM keys that mailzone made: (selector, path)."""
    found = glob.glob(os.path.join(state, "dkim", domain, "*.pem"))
    return [(os.path.basename(p)[:-4], p) for p in sorted(found)]


def certificate(path):
    """What TLSA needs of a chain file: (names of the leaf, [SPKI of leaf, issuers...])."""
    with open(path) as f:
        blocks = re.findall("-----BEGIN CERT.*?-----END CERT[^\n]*", f.read(), re.S)
    spkis = []
    for block in blocks:
        pem = openssl("x509", "-pubkey", "-noout", data=block.encode())
        spkis.append(openssl("pkey", "-pubin", "-outform", "DER", data=pem))
    text = openssl("x509", "-noout", "-ext", "subjectAltName", data=blocks[0].encode()).decode()
    return [n.lower() for n in re.findall("DNS:([^,\\s]+)", text)], spkis


def derive_tlsa(domain, system, origin, published, add):
    hosts = {}  # (host, port) in the zone's order does not matter: a set of RRs comes out
    own = name(domain["name"])
    for _, host in mx_hosts(domain, system):
        hosts[(host, 25)] = True
    for service in system.get("services", []):
        ((_, port), _) = SERVICES[service["protocol"]]
        hosts[(name(service.get("host", system["hostname"])), port)] = True
    for family, label, wanted in (
        ("autoconfig", "ua-auto-config", "autoconfig" in system),
        ("autoconfig-legacy", "autoconfig", True),
        ("autodiscover", "autodiscover", True),
        ("mta-sts", "mta-sts", bool(setting(domain, system, "mta_sts"))),
    ):
        if family in published and wanted:
            hosts[(dns.name.from_text(label, own), 443)] = True
    for host, port in hosts:
        if not host.is_subdomain(origin):
            continue
        for entry in system.get("certificates", []):
            names, spkis = certificate(entry["file"])
            covered = [h.lower() for h in entry.get("hosts") or names]
            if host.to_text(True).lower() not in covered:
                continue
            owner = dns.name.Name((b"_%d" % port, b"_tcp")) + host
            digest = lambda der: hashlib.sha256(der).hexdigest()
            add("tlsa", owner, TLSA, rdata("TLSA", "3 1 1 " + digest(spkis[0])), WHOLE)
            if entry.get("next_key"):
                der = public_der(entry["next_key"])
                add("tlsa", owner, TLSA, rdata("TLSA", "3 1 1 " + digest(der)), WHOLE)
            for spki in spkis[1:]:
                add("tlsa", owner, TLSA, rdata("TLSA", "2 1 1 " + digest(spki)), WHOLE)


def derive(domain, system, ttl=300, keys=()):
    """The desired RRs of a domain. keys: (selector, path) of its DKIM keys."""
    own = name(domain["name"])
    management = domain.get("dns_management", {})
    origin = name(management.get("origin", domain["name"]))
    published = management.get("publish_records", DEFAULT_FAMILIES)
    rua = report_uri(domain)
    found = {}

    def add(family, owner, rdtype, data, claim, rr_ttl=None):
        rr = RR(family, owner, rdtype, data, claim, ttl if rr_ttl is None else rr_ttl)
        found[(rr.owner, rr.type, rr.wire)] = rr

    def below(labels):
        return dns.name.Name([p.encode() for p in labels.split(".")]) + own

    if domain.get("no_mail"):
        add("mx", own, MX, rdata("MX", "0 ."), WHOLE)
        add("spf", own, TXT, txt("v=spf1 -all"), MATCH)
        dmarc = "v=DMARC1; p=reject; sp=reject" + ("; rua=" + rua if rua else "")
        add("dmarc", below("_dmarc"), TXT, txt(dmarc), WHOLE)
        return [rr for rr in found.values() if rr.family in published]

    host = name(system["hostname"])
    hosts = mx_hosts(domain, system)
    for priority, mx in hosts:
        add("mx", own, MX, rdata("MX", "%d %s" % (priority, mx.canonicalize())), WHOLE)
    add("spf", own, TXT, txt(setting(domain, system, "spf", "v=spf1 mx -all")), MATCH)
    host_spf = system.get("host_spf", "v=spf1 a -all")
    for _, mx in hosts:
        if host_spf and mx.is_subdomain(own) and mx.canonicalize() != own.canonicalize():
            add("spf", mx, TXT, txt(host_spf), MATCH)
    for selector, path in keys:
        owner = dns.name.from_text(selector + "._domainkey", None) + own
        add("dkim", owner, TXT, txt(dkim_text(path)), WHOLE)
    dmarc = setting(domain, system, "dmarc", "v=DMARC1; p=reject")
    if rua and not re.search(r";\s*rua\s*=", dmarc):
        dmarc += "; rua=" + rua
    add("dmarc", below("_dmarc"), TXT, txt(dmarc), WHOLE)
    if rua:
        add("tls-rpt", below("_smtp._tls"), TXT, txt("v=TLSRPTv1; rua=" + rua), WHOLE)
    target = host.canonicalize().to_text()
    sts = setting(domain, system, "mta_sts")
    if sts:
        digest = hashlib.sha256(sts_policy(sts, hosts)).hexdigest()[:20]
        add("mta-sts", below("mta-sts"), CNAME, rdata("CNAME", target), WHOLE)
        add("mta-sts", below("_mta-sts"), TXT, txt("v=STSv1; id=" + digest), WHOLE)
    if "autoconfig" in system:
        with open(system["autoconfig"]["document"], "rb") as f:
            digest = base64.b64encode(hashlib.sha256(f.read()).digest()).decode()
        text = "v=UAAC1; a=sha256; d=" + digest
        add("autoconfig", below("ua-auto-config"), CNAME, rdata("CNAME", target), WHOLE)
        add("autoconfig", below("_ua-auto-config"), TXT, txt(text), WHOLE)
    add("autoconfig-legacy", below("autoconfig"), CNAME, rdata("CNAME", target), WHOLE)
    add("autodiscover", below("autodiscover"), CNAME, rdata("CNAME", target), WHOLE)
    for service in system.get("services", []):
        over_tls, clear = SERVICES[service["protocol"]]
        to = name(service.get("host", system["hostname"])).canonicalize().to_text()
        for label, port in [over_tls] + ([clear] if service.get("cleartext") and clear else []):
            owner = below("_%s._tcp" % label)
            add("srv", owner, SRV, rdata("SRV", "0 1 %d %s" % (port, to)), WHOLE)
    acmes = setting(domain, system, "acme") or []
    for acme in acmes:
        uri = acme.get("account_uri")
        value = acme["issuer"] + ("; accounturi=" + uri if uri else "")
        add("caa", own, CAA, rdata("CAA", '0 issue "%s"' % value), MATCH)
        if acme.get("persist"):
            text = value + ("; policy=wildcard" if acme.get("policy") == "wildcard" else "")
            add("caa", below("_validation-persist"), TXT, txt(text), MATCH)
    if acmes and rua.startswith("mailto:"):
        add("caa", own, CAA, rdata("CAA", '0 iodef "%s"' % rua), MATCH)
    if "tlsa" in published:
        derive_tlsa(domain, system, origin, published, add)
    for line in domain.get("records", []):
        owner, rr_ttl, _, rdtype, text = line.split(None, 4)
        data = dns.rdata.from_text(IN, rdtype, text, origin=own, relativize=False)
        add("records", dns.name.from_text(owner, own), data.rdtype, data, EXACT, int(rr_ttl))
    return [rr for rr in found.values() if rr.family in published + ["records"]]


# ---- what a zone must hold after an apply ----------------------------------------------------


def caa_key(value):
    """(issuer, account) of a CAA or _validation-persist value."""
    parts = [p.strip() for p in value.split(";")]
    uri = [p[11:] for p in parts[1:] if p.startswith("accounturi=")]
    return parts[0].lower(), uri[0] if uri else ""


def matches(rr, wire):
    """Is the live RR `wire` in the place of the desired RR `rr`, whose claim is MATCH?"""
    if rr.family == "spf":
        text = joined(wire).lower()
        return text == b"v=spf1" or text.startswith(b"v=spf1 ")
    if rr.type == CAA:
        want, live = rr.rdata, parse(CAA, wire)
        if want.tag.lower() != live.tag.lower():
            return False
        if want.tag.lower() == b"iodef":
            return want.value == live.value
        return caa_key(want.value.decode()) == caa_key(live.value.decode("latin-1"))
    return caa_key(joined(rr.wire).decode()) == caa_key(joined(wire).decode("latin-1"))


def claims(rr, wire):
    """Is the live RR `wire`, of the desired RR's owner and type, ours to change?"""
    if rr.claim == WHOLE:
        return True
    if rr.claim == MATCH:
        return matches(rr, wire)
    return says(rr.type, wire) == says(rr.type, rr.wire)


def cut_above(zone, origin, owner):
    """Is the owner at or below a delegation, or below a DNAME? Nothing can be served there."""
    at = owner
    while at != origin and at != dns.name.root:
        if (at, NS) in zone or (at != owner and (at, DNAME) in zone):
            return True
        at = at.parent()
    return at == origin and owner != origin and (origin, DNAME) in zone


def expected(zone, origin, desired, refuse=False):
    """The zone after one apply: (zone as {slot: (ttl, frozenset)}, refused slots).

    The rdata of a set that is in place is kept as it stands; `refuse` is takeover = "refuse".
    """
    after = dict(zone)
    refused = set()
    origin = origin.canonicalize()
    slots = {}
    for rr in desired:
        slots.setdefault(rr.slot, []).append(rr)
    for (owner, rdtype), wanted in slots.items():
        slot = (owner, rdtype)
        types = {t for o, t in zone if o == owner}
        if cut_above(zone, origin, owner):
            refused.add(slot)
            continue
        if rdtype == CNAME and types - {CNAME} or rdtype != CNAME and CNAME in types:
            refused.add(slot)
            continue
        ttl, live = zone.get(slot, (None, frozenset()))
        texts = {says(rdtype, w.wire) for w in wanted}
        claim = WHOLE if any(rr.claim == WHOLE for rr in wanted) else None
        ours = {w for w in live if any(claims(rr, w) for rr in wanted)}
        in_place = {w for w in ours if says(rdtype, w) in texts}
        have = {says(rdtype, w) for w in in_place}
        same_ttl = ttl == wanted[0].ttl
        if ours == in_place and have == texts and (claim != WHOLE or same_ttl):
            continue  # nothing to do
        if claim == WHOLE and refuse and live:
            refused.add(slot)
            continue
        if claim == WHOLE and not same_ttl:
            in_place, have = set(), set()  # the set is written afresh
        keep = (live - frozenset(ours)) | frozenset(in_place)
        new = {rr.wire for rr in wanted if says(rdtype, rr.wire) not in have}
        after[slot] = (ttl if keep else wanted[0].ttl, frozenset(keep | new))
    return after, refused


def difference(have, want):
    """Two zones compared octet for octet: a list of lines, empty where they are the same."""
    lines = []
    for slot in sorted(set(have) | set(want), key=lambda s: (s[0].to_text(), s[1])):
        if have.get(slot) == want.get(slot):
            continue
        for sign, side in (("have", have), ("want", want)):
            ttl, wires = side.get(slot, (None, []))
            texts = []
            for wire in sorted(wires):
                texts.append(parse(slot[1], wire).to_text())
            rdtype = dns.rdatatype.to_text(slot[1])
            lines.append("%s %s %s %s %s" % (sign, slot[0], ttl, rdtype, texts))
    return lines
