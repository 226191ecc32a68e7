# SPDX-License-Identifier: BSD-2-Clause
"""The main job: one command makes a zone right, and a second one has nothing to do."""

import hashlib
import re
import stat
import os
import subprocess

import dns.name
import dns.rdatatype
import pytest

import model
import mz
import servers
from proxy import Proxy

ADDRESSES = "".join(
    "%s A 192.0.2.%d\n" % (host, n) for n, host in enumerate(["mx1", "mx2", "mail"], 10)
)
ALL_SERVICES = [{"protocol": p, "cleartext": True} for p in model.SERVICES]


def full(site, zone):
    """A mail system that uses every family, for hosts inside the zone."""
    cert, _ = mz.self_signed(
        site.folder, "cert", ["mx1." + zone, "mail." + zone, "mta-sts." + zone]
    )
    site.system.update(
        {
            "hostname": "mail." + zone,
            "mx": [
                {"host": "mx1." + zone, "priority": 10},
                {"host": "mx2." + zone, "priority": 20},
            ],
            "services": ALL_SERVICES,
            "spf": "v=spf1 mx -all",
            "mta_sts": {"mode": "enforce", "max_age": "7d"},
            "autoconfig": {"document": site.file("doc.json", '{"a": 1}')},
            "acme": [
                {
                    "issuer": "letsencrypt.org",
                    "account_uri": "https://acme.example/acct/1",
                    "persist": True,
                }
            ],
            "certificates": [
                {"file": cert, "next_key": mz.private_key(site.folder, "next", "rsa")}
            ],
        }
    )


def every_family():
    return model.DEFAULT_FAMILIES + ["tlsa"]


def full_domain(site, zone, name=None, **settings):
    keys = []
    for selector, algorithm in (("s1", "ed25519"), ("s2", "rsa")):
        keys.append({"selector": selector, "file": mz.private_key(site.folder, selector, algorithm)})
    settings.setdefault("dkim_keys", keys)
    return site.add_domain(
        name or zone,
        zone,
        dns={"publish_records": every_family()},
        records=["www 600 IN A 192.0.2.80", "@ 300 IN TXT \"kept=1\""],
        **settings,
    )


def desired(site, domain, ttl=300):
    keys = [(k["selector"], k["file"]) for k in domain.get("dkim_keys", [])]
    keys += model.stored_keys(site.state, domain["name"])
    return model.derive(domain, site.system, ttl, keys)


def check_zone(server, site, zone, before, domains=None, ttl=300):
    """The zone holds exactly what was there before and what its domains desire."""
    wanted = []
    for domain in domains or site.settings["domains"]:
        wanted += desired(site, domain, ttl)
    after, refused = model.expected(before, dns.name.from_text(zone), wanted)
    assert not refused
    assert model.difference(server.axfr(zone), after) == []
    return wanted


def nothing_to_do(server, proxy, site, zone):
    """A plan and a second apply: in sync, no UPDATE, the serial stays."""
    site.must(0, "plan")
    sent, serial = len(proxy.updates()), server.serial(zone)
    result = site.must(0, "apply")
    for domain in result.json["domains"]:
        assert domain["changes"] == [] and domain["error"] is None
    assert len(proxy.updates()) == sent
    assert server.serial(zone) == serial


@pytest.mark.parametrize("read", ["auto", "query", "axfr"])
def test_empty_zone(server, site, read):
    zone = server.add_zone(servers.fresh("pub"), ADDRESSES)
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port, read=read)
        full(site, zone)
        full_domain(site, zone)
        site.write()
        assert site.must(2, "plan").domain(zone)["changes"]
        assert server.axfr(zone) == before
        site.must(0, "apply")
        wanted = check_zone(server, site, zone, before)
        result = site.must(0, "plan").domain(zone)
        assert result["changes"] == [] and result["in_place"] == len(wanted)
        nothing_to_do(server, proxy, site, zone)


@pytest.mark.parametrize("kind", ["bind", "knot"])
def test_signed_zone(started, site, kind):
    server = started(kind)
    zone = server.add_zone(servers.fresh("sig"), ADDRESSES, signed=True)
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        full(site, zone)
        full_domain(site, zone)
        site.write().must(0, "apply")
        check_zone(server, site, zone, before)
        signed = server.axfr_raw(zone)
        assert any(t == dns.rdatatype.DNSKEY for _, t in signed)
        nothing_to_do(server, proxy, site, zone)


def test_records_option(server, site):
    zone = server.add_zone(servers.fresh("fam"), ADDRESSES)
    before = server.axfr(zone)
    site = site(server.port)
    full(site, zone)
    domain = full_domain(site, zone)
    site.write()
    changes = site.must(2, "plan", "--records", "mx,spf").domain(zone)["changes"]
    assert {c["family"] for c in changes} == {"mx", "spf"}
    site.must(0, "apply", "--records", "mx,spf")
    wanted = [rr for rr in desired(site, domain) if rr.family in ("mx", "spf")]
    after, _ = model.expected(before, dns.name.from_text(zone), wanted)
    assert model.difference(server.axfr(zone), after) == []
    # a later run for one family lets the others stand, also those that are on record
    site.must(0, "apply", "--records", "dmarc")
    wanted += [rr for rr in desired(site, domain) if rr.family == "dmarc"]
    after, _ = model.expected(before, dns.name.from_text(zone), wanted)
    assert model.difference(server.axfr(zone), after) == []
    assert site.run("plan", "--records", "mx,nothing").code == 64


def test_several_domains_in_one_zone(server, site):
    zone = server.add_zone(servers.fresh("many"), ADDRESSES + "x A 192.0.2.99\n")
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        full(site, zone)
        full_domain(site, zone)
        site.add_domain("sub." + zone, zone)
        site.add_domain("deep.er." + zone, zone, report_address="mailto:dmarc@other.example")
        site.add_domain("quiet." + zone, zone, no_mail=True)
        site.write().must(0, "apply")
        check_zone(server, site, zone, before)
        transfers = [w for w in proxy.requests if w[-100:].find(b"\x00\xfc\x00\x01") >= 0]
        assert len(transfers) <= 3, "several domains in one zone share one read"
        nothing_to_do(server, proxy, site, zone)


def test_one_domain_named(server, site):
    zone = server.add_zone(servers.fresh("one"))
    before = server.axfr(zone)
    site = site(server.port)
    one = site.add_domain("a." + zone, zone)
    site.add_domain("b." + zone, zone)
    site.write()
    (planned,) = site.must(2, "plan", "a." + zone).json["domains"]
    assert planned["domain"] == "a." + zone
    site.must(0, "apply", "A." + zone + ".")
    check_zone(server, site, zone, before, [one])
    assert site.run("apply", "c." + zone).code in (1, 64)


def test_manual_domain_is_left_alone(server, site):
    zone = server.add_zone(servers.fresh("man"))
    before = server.axfr(zone)
    site = site(server.port)
    site.settings["domains"].append({"name": zone})
    site.write()
    assert site.must(0, "apply").json["domains"] == []
    assert server.axfr(zone) == before
    exported = site.run("export", zone)
    assert exported.code == 0 and "v=spf1 mx -all" in exported.out


def test_set_to_manual_and_back(server, site):
    """What is managed by hand is ours no more; what is automatic again is, though nothing changed in the zone."""
    zone = server.add_zone(servers.fresh("let"))
    before = server.axfr(zone)
    site = site(server.port)
    domain = site.add_domain(zone)
    site.write()
    site.must(0, "apply")
    published = server.axfr(zone)
    automatic = domain.pop("dns_management")
    site.write()
    site.must(0, "apply")
    site.must(0, "withdraw", zone)
    assert server.axfr(zone) == published
    domain["dns_management"] = automatic
    site.write()
    site.must(0, "apply")
    assert server.axfr(zone) == published
    site.must(0, "withdraw", zone)
    assert server.axfr(zone) == before


def test_automatic_dkim(server, site):
    zone = server.add_zone(servers.fresh("dkim"))
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        domain = site.add_domain(zone, dkim_management={"mode": "automatic"})
        site.write()
        site.must(2, "plan")
        assert not os.path.exists(os.path.join(site.state, "dkim")), "plan writes nothing"
        site.must(0, "apply")
        keys = model.stored_keys(site.state, zone)
        assert len(keys) == 2
        for selector, path in keys:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert re.fullmatch(r"v1-(rsa|ed25519)-\d{8}", selector)
        check_zone(server, site, zone, before, [domain])
        nothing_to_do(server, proxy, site, zone)
        assert model.stored_keys(site.state, zone) == keys


def test_policy_file(bind, site):
    """The MTA-STS policy is written for the web server, once, before its id is published."""
    zone = bind.add_zone(servers.fresh("sts"), ADDRESSES)
    site = site(bind.port)
    domain = site.add_domain(zone)
    path = site.path("mta-sts.txt")
    site.system["mx"] = [{"host": "mx1." + zone, "priority": 10}]
    site.system["mta_sts"] = {"policy_file": path}
    site.write().must(2, "plan")
    assert not os.path.exists(path)
    site.must(0, "apply", "--records", "mx")
    assert not os.path.exists(path)
    site.must(0, "apply")
    with open(path, newline="") as f:
        policy = f.read()
    assert policy == "version: STSv1\r\nmode: enforce\r\nmx: mx1.%s\r\nmax_age: 604800\r\n" % zone
    identity = hashlib.sha256(policy.encode()).hexdigest()[:20]
    assert '"v=STSv1; id=%s"' % identity in site.run("export", zone).out
    before = os.stat(path)
    assert stat.S_IMODE(before.st_mode) == 0o644
    site.must(0, "apply")
    assert os.stat(path).st_mtime_ns == before.st_mtime_ns
    # another domain wants something else in the same file
    site.add_domain("other.example", mx=[{"host": "mx.example.net"}], dns={"mode": "manual"})
    refused = site.write().run("check")
    assert refused.code == 1 and "different MTA-STS policies" in refused.err, refused
    site.settings["domains"].pop()
    # it cannot be written: said, and the rest goes on
    site.system["mta_sts"]["policy_file"] = site.path("nowhere", "mta-sts.txt")
    domain["spf"] = "v=spf1 -all"
    failed = site.write().must(1, "apply")
    assert len(failed.err.splitlines()) == 1 and "nowhere" in failed.err, failed
    assert failed.domain(zone)["applied"] and len(failed.domain(zone)["changes"]) == 2


def test_change_and_removal(server, site):
    """What we published and is no longer desired goes; what is foreign stays."""
    zone = server.add_zone(servers.fresh("chg"), ADDRESSES + '@ TXT "token"\n')
    before = server.axfr(zone)
    site = site(server.port)
    full(site, zone)
    domain = full_domain(site, zone)
    site.write().must(0, "apply")
    site.system["mx"] = [{"host": "mx2." + zone, "priority": 5}]
    site.system["spf"] = "v=spf1 ip4:192.0.2.0/24 " + " ".join("a:h%d.example" % n for n in range(30)) + " -all"
    site.system["services"] = site.system["services"][:3]
    domain["dkim_keys"] = domain["dkim_keys"][:1]
    domain["records"] = ["www 600 IN A 192.0.2.81"]
    site.write().must(0, "apply")
    after, _ = model.expected(before, dns.name.from_text(zone), desired(site, domain))
    assert model.difference(server.axfr(zone), after) == []
    # a family that is no longer published is let go, not deleted
    domain["dns_management"]["publish_records"] = ["mx"]
    domain["records"] = []
    site.write().must(0, "apply")
    assert model.difference(server.axfr(zone), {k: v for k, v in after.items() if k[1] != 1 or not str(k[0]).startswith("www")}) == []


def test_withdraw(server, site):
    zone = server.add_zone(servers.fresh("wd"), ADDRESSES + '@ TXT "token"\n')
    before = server.axfr(zone)
    site = site(server.port)
    full(site, zone)
    full_domain(site, zone)
    site.add_domain("sub." + zone, zone)
    site.write().must(0, "apply")
    site.must(0, "withdraw", zone)
    (_, sub) = site.settings["domains"]
    after, _ = model.expected(before, dns.name.from_text(zone), desired(site, sub))
    assert model.difference(server.axfr(zone), after) == []
    site.must(0, "withdraw", "sub." + zone)
    assert model.difference(server.axfr(zone), before) == []
    site.must(0, "withdraw", zone)  # nothing is left to do


def test_lost_state(server, site):
    """Without its state, mailzone recognises what it published."""
    zone = server.add_zone(servers.fresh("lost"), ADDRESSES)
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        full(site, zone)
        full_domain(site, zone)
        site.write().must(0, "apply")
        os.rename(site.state, site.state + ".lost")
        nothing_to_do(server, proxy, site, zone)


# ---- output ----------------------------------------------------------------------------------

DOMAIN_FIELDS = set("domain origin server serial read in_place foreign changes refused error".split())


def test_json(bind, site):
    zone = bind.add_zone(servers.fresh("json"), '@ TXT "token"\nautoconfig A 192.0.2.1\n')
    site = site(bind.port)
    site.add_domain(zone)
    site.write()
    result = site.plan()
    assert result.code == 1  # autoconfig is refused
    planned = result.domain(zone)
    assert set(planned) >= DOMAIN_FIELDS
    assert planned["origin"] == zone and planned["server"] == "primary"
    assert planned["serial"] == 100 and planned["read"] in ("query", "axfr")
    assert planned["error"] is None and planned["in_place"] == 0
    change = [c for c in planned["changes"] if c["family"] == "mx"]
    assert change == [
        {
            "action": "add",
            "family": "mx",
            "owner": zone + ".",
            "ttl": 300,
            "type": "MX",
            "rdata": "10 mail.example.net.",
        }
    ]
    (refused,) = planned["refused"]
    assert refused["family"] == "autoconfig-legacy" and refused["type"] == "CNAME"
    assert refused["owner"] == "autoconfig.%s." % zone and "A" in refused["reason"]
    result = site.apply()
    assert result.code == 1
    applied = result.domain(zone)
    assert applied["applied"] is True and applied["serial"] == bind.serial(zone) > 100


def test_text(bind, site):
    zone = bind.add_zone(
        servers.fresh("text"), '@ TXT "v=spf1 ~all"\n@ TXT "token"\nautoconfig A 192.0.2.1\n'
    )
    site = site(bind.port)
    site.add_domain(zone, dns={"publish_records": ["mx", "spf", "autoconfig-legacy"]})
    result = site.write().run("plan")
    assert result.code == 1 and "\x1b" not in result.out
    lines = result.out.splitlines()
    assert lines[0] == "%s  zone %s on primary (127.0.0.1:%d)  serial 100" % (zone, zone, bind.port)
    body = [re.split(r"\s+", line.strip(), 4) for line in lines[1:-1]]
    assert ["+", zone + ".", "300", "MX", "10 mail.example.net.  mx"] in [
        b[:4] + [re.sub(r"\s+mx$", "  mx", b[4])] for b in body
    ]
    minus = [line for line in lines if line.startswith("  - ")]
    plus = [line for line in lines if line.startswith("  + ")]
    refused = [line for line in lines if line.startswith("  ! ")]
    assert len(minus) == 1 and '"v=spf1 ~all"' in minus[0] and minus[0].endswith(" spf")
    assert len(plus) == 2 and len(refused) == 1
    assert "autoconfig." + zone in refused[0] and "CNAME" in refused[0]
    assert lines[-1].startswith("Plan: 2 to add, 1 to delete, 0 in place; ")
    assert re.search(r"; \d+ foreign records? left alone\.$", lines[-1])
    assert len(lines) == 6


def test_exit_codes(bind, site):
    zone = bind.add_zone(servers.fresh("code"))
    site = site(bind.port)
    site.add_domain(zone)
    site.write()
    assert site.run("check").code == 0
    assert site.run("plan").code == 2
    assert site.run("apply").code == 0
    assert site.run("plan").code == 0
    for wrong in ([], ["nonsense"], ["plan", "--nonsense"], ["--format", "xml", "plan"],
                  ["withdraw"], ["export"], ["plan", "--records"], ["check", "extra"],
                  ["tasks", "frob"], ["tasks", "show"], ["tasks", "reschedule", "1"],
                  ["dkim", "sing"], ["dkim", "rotate"], ["dkim", "revoke", zone]):
        result = site.run(*wrong)
        assert result.code == 64, wrong
        assert result.err and not result.out, wrong
    strange = site.run("export", "a\nb\x1b[31m")
    assert strange.code == 1 and '"a?b?[31m"' in strange.err and len(strange.err.splitlines()) == 1, strange
    missing = mz.run("-c", site.path("missing.conf"), "check")
    assert missing.code == 1 and "missing.conf" in missing.err


def on_a_terminal(argv, env):
    """What a program writes to a terminal."""
    try:
        main, side = os.openpty()
    except OSError:
        pytest.skip("no terminals here: /dev/pts is not mounted")
    process = subprocess.Popen(argv, stdin=side, stdout=side, stderr=side, env=env)
    os.close(side)
    text = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        text += part
    os.close(main)
    process.wait(60)
    return text.decode(errors="replace")


def test_no_color(bind, site):
    """Colours only on a terminal, and never with NO_COLOR."""
    zone = bind.add_zone(servers.fresh("tty"))
    site = site(bind.port)
    site.add_domain(zone)
    site.write()
    shown = {}
    for name, env in (("plain", {}), ("no_color", {"NO_COLOR": "1"})):
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        environment.update(env, TERM="xterm")
        shown[name] = on_a_terminal([mz.binary(), "-c", site.conf, "plan"], environment)
    assert "\x1b[" in shown["plain"]
    assert "\x1b[" not in shown["no_color"] and zone in shown["no_color"]


@pytest.mark.parametrize("old", ["", '@ TXT "v=spf1 ~all"\n@ TXT "token"\n@ MX 10 old.example.\n'])
def test_nsupdate_format(server, site, old):
    """The script, given to nsupdate, does what apply does."""
    one = server.add_zone(servers.fresh("nsu"), ADDRESSES + old)
    site = site(server.port)
    site.add_domain(one)
    site.system.update({"services": ALL_SERVICES})
    result = site.write().run("plan", "--format", "nsupdate")
    assert result.code == 2
    assert "prereq" in result.out
    before = server.axfr(one)
    key = servers.MAILKEY
    done = subprocess.run(
        ["nsupdate", "-v", "-y", "%s:%s:%s" % (key.algorithm, key.name, key.secret)],
        input=result.out,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + result.out
    check_zone(server, site, one, before)
    assert site.plan().code == 0
    # and its prerequisites guard it: a second time is refused
    done = subprocess.run(
        ["nsupdate", "-v", "-y", "%s:%s:%s" % (key.algorithm, key.name, key.secret)],
        input=result.out,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0 and re.search("[YN]XRRSET|[YN]XDOMAIN", done.stderr)


def test_export(site):
    """The whole text, for every family, against the model."""
    site = site(53)
    full(site, "example.org")
    domain = full_domain(site, "example.org")
    below = site.add_domain("mail.example.org", "example.org", report_address="")
    quiet = site.add_domain("quiet.example", no_mail=True)
    outside = site.add_domain("xn--bcher-kva.example")
    site.write()
    for one in (domain, below, quiet, outside):
        result = site.run("export", one["name"])
        assert result.code == 0, result
        rrs = set()
        for line in result.out.splitlines():
            if not line.strip() or line.startswith(("$", ";")):
                continue
            owner, ttl, rest = line.split(None, 2)
            rest = re.sub(r"^IN\s+", "", rest)
            rdtype, text = rest.split(None, 1)
            text = re.sub(r"\s+;.*$", "", text) if not '"' in text else text
            assert owner.endswith("."), line
            rdata = model.rdata(rdtype, text)
            rrs.add((dns.name.from_text(owner), int(ttl), rdata.rdtype, rdata.to_wire()))
        wanted = {(rr.owner, rr.ttl, rr.type, rr.wire) for rr in desired(site, one)}
        assert rrs == wanted, (rrs ^ wanted)
    assert not os.path.exists(site.state)


def test_names_of_certificates(site):
    """A wildcard, a common name alone, and the hosts of the configuration in their place."""
    site = site(53)
    site.system.update(mx=[{"host": "mx1.example.org"}, {"host": "mx2.example.net"}])
    domain = site.add_domain("example.org", dns={"publish_records": ["tlsa", "autodiscover"]})
    for name, hosts, owners in (
        ("wild", ["*.example.org"], {"_25._tcp.mx1.example.org.", "_443._tcp.autodiscover.example.org."}),
        ("common", ["mx1.example.org"], {"_25._tcp.mx1.example.org."}),
        ("other", ["a.example.org"], set()),
    ):
        cert, _ = mz.self_signed(site.folder, name, hosts, alternative=name != "common")
        site.system["certificates"] = [{"file": cert}]
        text = site.write().must(0, "export", domain["name"]).out
        assert {line.split()[0] for line in text.splitlines() if " TLSA 3 1 1 " in line} == owners, name
    site.system["certificates"][0]["hosts"] = mz.Raw('[ "MX1.example.org." ]')
    assert text.count("TLSA") == 0
    assert "_25._tcp.mx1.example.org. 300 IN TLSA" in site.write().must(0, "export", domain["name"]).out


def test_names_as_written(site):
    """Upper case and final dots make no difference to an issuer and to a pattern of the policy."""
    site = site(53)
    domain = site.add_domain("example.org")
    exported = []
    for issuer, pattern in (("letsencrypt.org", "*.example.net"), ("LetsEncrypt.org.", "*.Example.NET.")):
        site.system["acme"] = [{"issuer": issuer}]
        site.system["mta_sts"] = {"mx": [pattern]}
        exported.append(site.write().must(0, "export", domain["name"]).out)
    assert exported[0] == exported[1]


# ---- the message itself ----------------------------------------------------------------------


def test_update_message(server, site):
    """The UPDATE on the wire, read by another implementation."""
    zone = server.add_zone(
        servers.fresh("wire"),
        ADDRESSES + '@ MX 10 old.example.\n@ TXT "v=spf1 ~all"\n@ TXT "token"\n_dmarc TXT "v=DMARC1; p=none"\n',
    )
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        site.write().must(0, "apply")
        messages = proxy.updates()
    assert len(messages) == 1, "one message holds all changes of a domain"
    check_update(messages[0], zone)
    text = dns.message.from_wire(messages[0], keyring=servers.MAILKEY.dnspython())
    prerequisites = {}
    for rrset in text.prerequisite:
        slot = (rrset.name, rrset.rdtype, rrset.deleting or rrset.rdclass)
        prerequisites.setdefault(slot, set()).update(r.to_text() for r in rrset)
    apex = dns.name.from_text(zone)
    # value-dependent, the whole RRset as it was read
    assert prerequisites[(apex, dns.rdatatype.MX, 1)] == {"10 old.example."}
    assert prerequisites[(apex, dns.rdatatype.TXT, 1)] == {'"v=spf1 ~all"', '"token"'}
    auto = dns.name.from_text("autoconfig", apex)
    assert (auto, dns.rdatatype.ANY, 254) in prerequisites, "CNAME: name not in use"
    tls = dns.name.from_text("_smtp._tls", apex)
    assert (tls, dns.rdatatype.TXT, 254) in prerequisites, "RRset does not exist"


def check_update(wire, zone):
    """What holds for every UPDATE that mailzone sends."""
    assert wire[2] == 0x28 and wire[3] == 0, "opcode UPDATE and no flag, RD neither"
    message = dns.message.from_wire(wire, keyring=servers.MAILKEY.dnspython())
    assert message.had_tsig
    assert message.zone[0].name == dns.name.from_text(zone)
    assert message.zone[0].rdtype == dns.rdatatype.SOA
    seen_add, deletions = False, 0
    touched = set()
    for rrset in dns.message.from_wire(
        wire, keyring=servers.MAILKEY.dnspython(), one_rr_per_rrset=True
    ).update:
        touched.add((rrset.name, rrset.rdtype))
        deleting = rrset.deleting is not None
        assert not (deleting and seen_add), "deletions before additions"
        seen_add |= not deleting
        deletions += deleting
    assert deletions <= 64
    guarded = {(r.name, r.rdtype) for r in message.prerequisite}
    names = {r.name for r in message.prerequisite if r.rdtype == dns.rdatatype.ANY}
    for owner, rdtype in touched:
        assert (owner, rdtype) in guarded or owner in names, (owner, rdtype)
    return message


def test_ids_are_random(bind, site):
    """Ten messages have ten ids, and those do not count up."""
    zones = [servers.Zone(servers.fresh("id")) for _ in range(10)]
    bind.add_zones(zones)
    with Proxy(bind.port) as proxy:
        site = site(proxy.port)
        for zone in zones:
            site.add_domain(zone.name)
        site.write().must(0, "apply")
        messages = proxy.updates()
    ids = [int.from_bytes(w[:2], "big") for w in messages]
    assert len(ids) == 10 and len(set(ids)) > 8
    assert len({b - a for a, b in zip(ids, ids[1:])}) > 3
    for wire in messages:
        zone = dns.message.from_wire(wire, keyring=servers.MAILKEY.dnspython()).zone[0].name
        check_update(wire, zone.to_text())


def test_large_domain(server, site):
    """More than fits one message: several, each within the limits."""
    zone = server.add_zone(servers.fresh("big"))
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port, delete_limit=100)
        # BIND takes at most 100 RRs in an RRset
        domain = site.add_domain(
            zone, records=['r%d 300 IN TXT "%s"' % (n, "x" * 200) for n in range(300)]
        )
        site.write().must(0, "apply")
        messages = proxy.updates()
        assert len(messages) > 1
        for wire in messages:
            check_update(wire, zone)
            assert len(wire) < 24 * 1024
        check_zone(server, site, zone, before, [domain])
        nothing_to_do(server, proxy, site, zone)
        domain["records"] = []
        site.write().must(0, "apply")
        for wire in proxy.updates()[len(messages):]:
            check_update(wire, zone)
        check_zone(server, site, zone, before, [domain])


def test_secrets_stay_secret(server, site):
    zone = server.add_zone(servers.fresh("secret"))
    site = site(server.port)
    site.add_domain(zone, dkim_management={"mode": "automatic"})
    site.write()
    for argv in (["-v", "plan"], ["-v", "apply"], ["-v", "check"]):
        result = site.run(*argv)
        assert servers.MAILKEY.secret not in result.out + result.err
        assert "PRIVATE" not in result.out + result.err
