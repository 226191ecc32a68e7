# SPDX-License-Identifier: BSD-2-Clause
"""Nothing foreign is ever touched: random zones against random configurations.

After one apply a zone holds exactly what was foreign in it and what its domains desire, octet
for octet and TTL for TTL, as an independent model (model.py) computes it.
MZ_RANDOM_ZONES: how many zones over the three servers (300). MZ_SEED: repeats a run.
"""

import os
import random

import dns.name
import dns.rdatatype
import pytest

import model
import mz
import servers
from proxy import Proxy, zone_of

COUNT = int(os.environ.get("MZ_RANDOM_ZONES", "300"))
SEED = int(os.environ.get("MZ_SEED") or random.SystemRandom().randrange(1 << 32))
TTLS = [0, 1, 60, 300, 300, 3600, 86400]

ODD_RECORDS = [
    ("loc", "LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"),
    ("host", "HINFO", '"odd cpu" "odd os"'),
    ("rp", "RP", "Admin.Example. txt.example."),
    ("naptr", "NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'),
    ("ssh", "SSHFP", "4 2 " + "ab" * 32),
    ("afs", "AFSDB", "1 Afs.Example."),
    ("svc", "SVCB", "1 Svc.Example. alpn=h2 port=8443"),
    ("svc", "HTTPS", "0 Other.Example."),
    ("@", "HTTPS", "1 . alpn=h2"),
    ("key", "OPENPGPKEY", "AQIDBA=="),
    ("_25._tcp.elsewhere", "TLSA", "3 1 1 " + "cd" * 32),
    ("_sip._udp", "SRV", "10 20 5060 Sip.Example."),
    ("ptr", "PTR", "Somewhere.Example."),
]
UNKNOWN_RECORDS = [
    ("odd", "TYPE65280", r"\# 4 00ff0a0d"),
    ("odd", "TYPE65281", r"\# 0"),
    ("@", "TYPE65400", r"\# 3 010203"),
]
APEX_TEXTS = [
    '"google-site-verification=AbC"',
    '"MS=ms12345"',
    '"v=spf10 not an SPF record"',
    '" v=spf1 a leading space is none"',
    '"two " "strings"',
    '"spf2.0/pra ?all"',
    r'"quote \" and backslash \\ and semicolon;"',
    r'"\000\001\255 octets"',
    '""',
    '"%s" "%s"' % ("x" * 255, "y" * 100),
    '"Mixed CASE"',
]
FOREIGN_CAA = [
    '0 issue "other-ca.example"',
    '0 issue ";"',
    '128 issue "strict.example; validationmethods=dns-01"',
    '0 issuewild ";"',
    '0 issuemail "mail-ca.example"',
    '0 iodef "mailto:somebody@else.example"',
    '0 issue "letsencrypt.org; accounturi=https://acme.example/acct/999"',
    '0 unknowntag "what"',
]
OLD_SPF = ['"v=spf1 ~all"', '"V=SPF1 a mx ~all"', '"v=spf1"', '"v=spf1 " "include:x.example -all"']


class RandomZone:
    """A zone under construction: {(owner text, type): (ttl, set of texts)}."""

    def __init__(self, rng, origin):
        self.rng, self.origin = rng, origin
        self.sets = {}
        self.cuts = set()

    def absolute(self, owner):
        if owner == "@":
            return self.origin + "."
        return owner if owner.endswith(".") else "%s.%s." % (owner, self.origin)

    def case(self, owner):
        """The owner in mixed case, now and then."""
        if self.rng.random() < 0.8:
            return owner
        return "".join(self.rng.choice((c.lower(), c.upper())) for c in owner)

    def put(self, owner, rdtype, text, ttl=None):
        """Adds an RR where the zone stays a valid one; says whether it did."""
        owner = self.absolute(owner).lower()
        name = dns.name.from_text(owner)
        if any(name != cut and name.is_subdomain(cut) for cut in self.cuts):
            return False
        if name in self.cuts and rdtype != "NS":
            return False
        here = {t for o, t in self.sets if o == owner}
        if rdtype == "CNAME" and (here or name == dns.name.from_text(self.origin)):
            return False
        if "CNAME" in here:
            return False
        ttl = self.rng.choice(TTLS) if ttl is None else ttl
        ttl, texts = self.sets.setdefault((owner, rdtype), (ttl, set()))
        texts.add(text)
        return True

    def cut(self, owner, rdtype, text):
        """A delegation or a DNAME, where nothing stands yet."""
        owner = self.absolute(owner).lower()
        name = dns.name.from_text(owner)
        for other, _ in self.sets:
            if dns.name.from_text(other).is_subdomain(name):
                return
        if name.is_subdomain(dns.name.from_text(self.origin)) and self.put(owner, rdtype, text):
            self.cuts.add(name)

    def text(self):
        lines = []
        for (owner, rdtype), (ttl, texts) in self.sets.items():
            owner = self.case(owner)
            lines += ["%s %d %s %s" % (owner, ttl, rdtype, text) for text in sorted(texts)]
        self.rng.shuffle(lines)
        return "\n".join(lines) + "\n"


def random_system(rng, zone, name, files):
    """A random mail system; its hosts are in the zone or elsewhere."""
    inside = rng.random() < 0.5

    def host(label):
        if not inside:
            return "%s.mail-provider.example" % label
        zone.put(label, "A", "192.0.2.%d" % rng.randrange(1, 255))
        return "%s.%s" % (label, zone.origin)

    system = {"name": name, "hostname": host("mail")}
    if rng.random() < 0.7:
        system["mx"] = [
            {"host": host("mx%d" % n), "priority": rng.choice((5, 10, 20))}
            for n in range(rng.randrange(1, 4))
        ]
    protocols = rng.sample(sorted(model.SERVICES), rng.randrange(0, 8))
    if protocols:
        system["services"] = [{"protocol": p, "cleartext": rng.random() < 0.3} for p in protocols]
    if rng.random() < 0.5:
        system["spf"] = rng.choice(
            ["v=spf1 mx ip4:192.0.2.0/24 ~all", "v=spf1 " + "a:host.example " * 30 + "-all"]
        )
    if rng.random() < 0.3:
        system["host_spf"] = rng.choice(["", "v=spf1 ip4:192.0.2.1 -all"])
    if rng.random() < 0.4:
        system["dmarc"] = "v=DMARC1; p=quarantine; rua=mailto:d@reports.example"
    if rng.random() < 0.5:
        system["mta_sts"] = {"mode": rng.choice(("enforce", "testing")), "max_age": "2d"}
    if rng.random() < 0.4:
        system["autoconfig"] = {"document": files["document"]}
    if rng.random() < 0.5:
        system["acme"] = [
            {
                "issuer": "letsencrypt.org",
                "account_uri": "https://acme.example/acct/%d" % rng.randrange(1, 3),
                "persist": rng.random() < 0.5,
            }
        ]
    return system


def random_domain(rng, site, zone, name, system, files):
    families = None
    if rng.random() < 0.4:
        count = rng.randrange(1, len(model.DEFAULT_FAMILIES))
        families = rng.sample(model.DEFAULT_FAMILIES, count)
    management = {
        "server": rng.choice(("auto", "query", "axfr")),
        "takeover": rng.choice(("replace", "replace", "refuse")),
    }
    if families:
        management["publish_records"] = families
    settings = {"mail_system": system["name"]}
    if rng.random() < 0.15:
        settings["no_mail"] = True
    if rng.random() < 0.4:
        settings["report_address"] = rng.choice(("", "mailto:me", "https://reports.example/x"))
    if not settings.get("no_mail") and rng.random() < 0.5:
        settings["dkim_keys"] = files["keys"][: rng.randrange(1, 3)]
    if not settings.get("no_mail") and rng.random() < 0.4:
        settings["records"] = rng.sample(
            ["kept 300 IN A 192.0.2.80", 'kept 300 IN TXT "our own"', "list 300 IN MX 5 l.example."],
            rng.randrange(1, 4),
        )
    return site.add_domain(name, zone.origin, dns=management, **settings)


def our_place(rng, zone, wanted, refuse):
    """Something in the place of some of what is desired: the same, or something else."""
    by_slot = {}
    for rr in wanted:
        by_slot.setdefault(rr.slot, []).append(rr)
    for (owner, rdtype), rrs in by_slot.items():
        if rng.random() < 0.7:
            continue
        rr, kind = rng.choice(rrs), dns.rdatatype.to_text(rdtype)
        owner = owner.to_text()
        choice = rng.choice(("same", "other", "conflict") + (() if refuse else ("ttl", "mixed")))
        if choice == "conflict":
            if kind == "CNAME":
                zone.put(owner, *rng.choice((("A", "192.0.2.7"), ("TXT", '"in the way"'))))
            elif owner != zone.origin + "." and rr.claim == model.WHOLE:
                zone.put(owner, "CNAME", "Dmarc.Provider.Example.")
            continue
        if rr.claim != model.WHOLE:
            zone.put(owner, kind, rr.rdata.to_text())
            continue
        ttl = rr.ttl if choice in ("same", "mixed") else rng.choice(TTLS)
        others = {
            "CNAME": "Old.Example.",
            "MX": "10 Old.Example.",
            "SRV": "0 0 0 .",
            "TLSA": "3 1 1 " + "00" * 32,
            "TXT": '"old=1"',
        }
        if choice in ("same", "ttl"):
            for one in rrs:
                zone.put(owner, kind, one.rdata.to_text(), ttl)
        elif choice == "mixed" and kind != "CNAME":
            zone.put(owner, kind, rr.rdata.to_text(), ttl)
            zone.put(owner, kind, others[kind], ttl)
        else:
            zone.put(owner, kind, others[kind], rng.choice(TTLS))


def fill(rng, zone, names, unknown):
    """Foreign records around the domains."""
    for owner in ["@"] + names:
        for text in rng.sample(APEX_TEXTS, rng.randrange(0, 4)):
            zone.put(owner, "TXT", text)
        for text in rng.sample(OLD_SPF, rng.choice((0, 0, 1, 1, 2))):
            zone.put(owner, "TXT", text)
        for text in rng.sample(FOREIGN_CAA, rng.choice((0, 0, 1, 3))):
            zone.put(owner, "CAA", text)
        if rng.random() < 0.5:
            zone.put(owner, "A", "192.0.2.%d" % rng.randrange(1, 255))
    for owner in [o for o, t in zone.sets if t == "A"]:
        if rng.random() < 0.5:
            zone.put(owner, "TXT", rng.choice(APEX_TEXTS))
        if rng.random() < 0.2:
            zone.put(owner, "TXT", rng.choice(OLD_SPF))
    odd = ODD_RECORDS + (UNKNOWN_RECORDS if unknown else [])
    for owner, rdtype, text in rng.sample(odd, rng.randrange(0, len(odd))):
        zone.put(owner, rdtype, text)
    for owner, rdtype, text in (
        ("*", "TXT", '"wild"'),
        ("*", "CNAME", "Wild.Example."),
        ("*", "MX", "10 wild.example."),
        ("*._domainkey", "TXT", '"v=DKIM1; p="'),
        ("*._tcp", "SRV", "0 0 1 wild.example."),
        ("kept", "TXT", '"foreign beside ours"'),
        ("www", "CNAME", "Web.Example."),
        ("old._domainkey", "TXT", '"v=DKIM1; p=abcd"'),
        ("esp._domainkey", "CNAME", "esp.provider.example."),
        ("_domainkey", "TXT", '"o=~"'),
    ):
        if rng.random() < 0.25:
            zone.put(owner, rdtype, text)


def cut(rng, zone, names):
    """Delegations and DNAMEs, some of them over names that mailzone would write."""
    for owner in ("delegated", "_domainkey", "mta-sts", "_tls", "autodiscover"):
        if rng.random() < 0.08:
            zone.cut(owner, "NS", "ns.elsewhere.example.")
    for name in names:
        if rng.random() < 0.05:
            zone.cut(name + ".", "NS", "ns.elsewhere.example.")
    if rng.random() < 0.08:
        zone.cut("_smtp", "DNAME", "elsewhere.example.")


def make(rng, site, number, server, files):
    """One random zone with its domains: (servers.Zone, domains)."""
    origin = servers.fresh("rnd")
    zone = RandomZone(rng, origin)
    system = random_system(rng, zone, "system%d" % number, files)
    site.settings["mail_systems"].append(system)
    names = rng.choice(
        ([origin],) * 4
        + (["below." + origin], [origin, "sub." + origin], [origin, "a.b." + origin, "sub." + origin])
    )
    cut(rng, zone, [n for n in names if n != origin])
    domains = [random_domain(rng, site, zone, n, system, files) for n in names]
    for domain in domains:
        # one zone is read through one server entry, and follows one rule
        domain["dns_management"]["server"] = domains[0]["dns_management"]["server"]
        domain["dns_management"]["takeover"] = domains[0]["dns_management"]["takeover"]
    refuse = domains[0]["dns_management"]["takeover"] == "refuse"
    our_place(rng, zone, desired(domains, system), refuse)
    fill(rng, zone, [n + "." for n in names if n != origin], server.has_unknown_types)
    signed = server.can_sign and rng.random() < 0.25
    return servers.Zone(origin, zone.text(), signed=signed), domains, system


def desired(domains, system):
    wanted = []
    for domain in domains:
        keys = [(k["selector"], k["file"]) for k in domain.get("dkim_keys", [])]
        wanted += model.derive(domain, system, 300, keys)
    return wanted


def three_ways(site, port):
    """The same server three times, for the three ways to read."""
    site.settings["servers"] = [
        dict(site.server, name=way, read=way, port=port) for way in ("auto", "query", "axfr")
    ]


def test_random_zones(server, site, tmp_path):
    rng = random.Random("%d %s" % (SEED, server.kind))
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        three_ways(site, proxy.port)
        files = {
            "document": site.file("document.json", '{"a": 1}'),
            "keys": [
                {"selector": "k" + a, "file": mz.private_key(site.folder, a, a)}
                for a in ("ed25519", "rsa")
            ],
        }
        made = [make(rng, site, n, server, files) for n in range(max(1, COUNT // 3))]
        server.add_zones([zone for zone, _, _ in made])
        before = {zone.name: server.axfr(zone.name) for zone, _, _ in made}
        site.write()
        result = site.run("--format", "json", "apply", timeout=300)
        planned = {d["domain"]: d for d in result.json["domains"]}
        faults, any_refused = [], False
        for zone, domains, system in made:
            fault, refused = judge(server, zone, domains, system, before[zone.name], planned)
            any_refused |= refused
            if fault:
                faults += ["zone %s %s" % (zone.name, domains), zone.text] + fault
        if faults:
            pytest.fail("MZ_SEED=%d %s\n%s\n%s" % (SEED, server.kind, "\n".join(faults)[:12000], result.err[:3000]))
        assert result.code == (1 if any_refused else 0), "MZ_SEED=%d" % SEED
        sent = len(proxy.updates())
        again = site.run("--format", "json", "apply", timeout=300)
        changed = [d["domain"] for d in again.json["domains"] if d["changes"]]
        late = sorted({zone_of(w).to_text() for w in proxy.updates()[sent:]})
        assert not changed and not late, "MZ_SEED=%d %s %s" % (SEED, changed, late)
        assert again.code == result.code


def judge(server, zone, domains, system, before, planned):
    """What is wrong with a zone after the apply: (lines, was anything refused)."""
    refuse = domains[0]["dns_management"]["takeover"] == "refuse"
    wanted = desired(domains, system)
    after, refused = model.expected(before, dns.name.from_text(zone.name), wanted, refuse)
    fault = model.difference(server.axfr(zone.name), after)
    told = set()
    for domain in domains:
        plan = planned[domain["name"]]
        if plan["error"]:
            fault.append("error: %s" % plan["error"])
        for one in plan["refused"]:
            owner = dns.name.from_text(one["owner"]).canonicalize()
            told.add((owner, dns.rdatatype.from_text(one["type"])))
    for slot in sorted(told ^ refused):
        who = "mailzone" if slot in told else "the model"
        fault.append("refused by %s only: %s %s" % (who, slot[0], dns.rdatatype.to_text(slot[1])))
    return fault, bool(refused)
