# SPDX-License-Identifier: BSD-2-Clause
"""TLSA over time: at each step what is published fits the key in use, for whoever asks and for whoever asked before.

Certificates are renewed as certbot does it, the records are read from the server, and a DANE verifier connects to
a TLS listener. TTLs are of seconds, so that what takes two of them ends soon; nothing is right because it was quick.
"""

import calendar
import os
import random
import signal
import sqlite3
import subprocess
import time

import dns.name
import dns.rdata
import dns.rdatatype
import pytest

import mz
import mzd
import servers
import tls
from mzd import Daemon

TTL = 2


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Case:
    """One MX host with a certificate of its own, in a zone of its own."""

    def __init__(self, server, site, folder, ttl=TTL, next_key=True, zone=None, host="mx1", families=("tlsa",), **settings):
        self.server = server
        self.zone = zone or server.add_zone(servers.fresh("tlsa"), "mx1 A 192.0.2.1\n")
        self.host = "%s.%s" % (host, self.zone)
        self.owner = "_25._tcp." + self.host
        self.authority = tls.Authority(folder, "one")
        self.lineage = tls.Lineage(folder, [self.host])
        self.first = self.lineage.renew(self.authority)
        self.next = self.lineage.new_key()
        self.site = site(server.port, ttl="%ds" % ttl, **settings)
        certificate = {"file": self.lineage.chain}
        if next_key:
            certificate["next_key"] = self.lineage.next_key
        self.site.settings["log"] = {"level": "info", "format": "logfmt"}
        self.site.system.update({"mx": [{"host": self.host}], "certificates": [certificate]})
        self.site.add_domain(self.zone, dns={"publish_records": list(families)})
        self.site.write()

    def records(self):
        """The TLSA RRset as the primary has it: "3 1 1 HEX"."""
        slot = (dns.name.from_text(self.owner), dns.rdatatype.TLSA)
        wires = self.server.axfr(self.zone).get(slot, (0, ()))[1]
        return {dns.rdata.from_wire(1, dns.rdatatype.TLSA, w, 0, len(w)).to_text() for w in wires}

    def others(self):
        """The types at the zone's own name, but for SOA and NS."""
        found = {dns.rdatatype.to_text(t) for name, t in self.server.axfr(self.zone) if name == dns.name.from_text(self.zone)}
        return found - {"SOA", "NS"}

    def keys(self):
        return {r.split()[3] for r in self.records() if r.startswith("3 1 1 ")}

    def issuers(self):
        return {r.split()[3] for r in self.records() if r.startswith("2 1 1 ")}

    def wait_keys(self, *keys):
        def reached():
            found = self.keys()
            assert found, "the RRset is gone"
            return found == set(keys)

        servers.wait_for("keys %s" % (keys,), reached, 60)
        assert self.issuers()

    def gate(self):
        """Asked in both formats; the JSON one."""
        text, result = self.site.run("tlsa", "gate", self.host), self.site.run("--format", "json", "tlsa", "gate", self.host)
        assert result.code in (0, 2), result
        assert result.json["host"] == self.host and result.json["safe"] == (result.code == 0)
        assert text.code == result.code or text.code == 2, text
        return result

    def wait_gate(self):
        servers.wait_for("the gate", lambda: self.gate().code == 0, 60)


@pytest.fixture
def case(server, site, tmp_path):
    return lambda **settings: Case(server, site, tmp_path, **settings)


def test_planned_switches(case):
    """The next key is published, the gate opens, it comes into use: every verifier is content all the time."""
    case = case()
    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        started = time.time()
        daemon.wait_all()
        case.wait_keys(case.first, case.next)
        old, new = case.first, case.next
        for turn in range(2):
            case.wait_gate()
            assert time.time() >= int(started) + 2 * TTL
            cached = case.records()
            assert listener.accepts(cached)
            key = case.lineage.path("used.key")
            os.rename(case.lineage.next_key, key)
            successor = case.lineage.new_key()
            started = time.time()
            case.lineage.renew(case.authority, key)
            case.wait_keys(old, new, successor)
            # The mail server has still the old one, and loads the new one later.
            for loaded in (False, True):
                if loaded:
                    listener.load()
                for known in (cached, case.records()):
                    assert listener.accepts(known), known
                if turn == 0:
                    daemon.stop(signal.SIGKILL)
                    daemon.start()
            case.wait_keys(new, successor)
            assert time.time() >= int(started) + 2 * TTL, "the old key left before its time"
            assert listener.accepts(case.records())
            old, new = new, successor
        assert "tlsa_early" not in daemon.log()
        daemon.wait_all()
        assert daemon.stop() == 0


def test_unknown_key(case):
    """It is added at once, with a warning, and the old one leaves late."""
    case = case(next_key=False)
    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        daemon.wait_all()
        case.wait_keys(case.first)
        cached, started = case.records(), time.time()
        new = case.lineage.renew(case.authority)
        servers.wait_for("the new key", lambda: new in case.keys(), 30)
        daemon.wait_log("tlsa_early")
        assert case.lineage.chain in daemon.log()
        assert listener.accepts(cached)
        listener.load()
        # For those that asked before, the issuer's record fits: it is the same authority.
        assert listener.accepts(cached) and listener.accepts(case.records())
        case.wait_keys(new)
        assert time.time() >= int(started) + 2 * TTL
        assert daemon.log().count("tlsa_early") == 1
        assert listener.accepts(case.records())


def test_what_waits_is_said(case):
    """With a TTL of an hour: the gate and the status say until when, also after a kill -9."""
    case = case(ttl=3600)
    before = int(time.time())
    with Daemon(case.site) as daemon:
        daemon.wait_all()
        result = case.gate()
        assert result.code == 2
        until = seconds(result.json["until"])
        assert before + 7200 <= until <= time.time() + 7200
        assert result.json["certificates"] == [{"file": case.lineage.chain, "next_key": case.lineage.next_key}]
        text = case.site.run("tlsa", "gate", case.host)
        assert text.code == 2 and result.json["until"] in text.out and case.owner in text.out, text
        daemon.stop(signal.SIGKILL)
        # without a daemon: from the state as it was left
        assert case.gate().json == result.json
        daemon.start()
        assert case.gate().json == result.json
        # another next key: it was never published, whatever the one before it was
        last = case.lineage.new_key()
        assert case.gate().json["until"] is None or seconds(case.gate().json["until"]) > until
        servers.wait_for("the next key", lambda: last in case.keys(), 30)
        case.lineage.renew(case.authority)
        servers.wait_for("all keys", lambda: len(case.keys()) == 4, 30)
        case.site.must(0, "reconcile", "--wait")
        status = daemon.wait_state(case.zone, "in-sync")
        daemon.wait_log("tlsa_waits")
        assert status["next_look"] <= status["tlsa_until"]
        assert "no longer in use stays until " + status["tlsa_until"] in case.site.run("status").out
        daemon.stop(signal.SIGKILL)
        daemon.start()
        assert len(case.keys()) == 4
        daemon.wait_all()
        assert daemon.status()[case.zone]["tlsa_until"] == status["tlsa_until"]


def test_renewed_with_the_same_key(case):
    """Nothing changes but for the issuers' records, where the chain has others."""
    case = case()
    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        daemon.wait_all()
        case.wait_keys(case.first, case.next)
        before, serial = case.records(), case.server.serial(case.zone)
        case.lineage.renew(case.authority, case.lineage.key)
        daemon.wait_log(" reloaded ")
        daemon.wait_all()
        assert case.records() == before and case.server.serial(case.zone) == serial
        other = tls.Authority(case.site.folder, "two")
        case.lineage.renew(other, case.lineage.key)
        servers.wait_for("the new issuer", lambda: other.digest in case.issuers(), 30)
        assert case.keys() == {case.first, case.next}
        assert listener.accepts(before) and listener.accepts(case.records())
        listener.load()
        assert listener.accepts(before) and listener.accepts(case.records())


def test_issuer_changes(case):
    """A new chain, as Let's Encrypt has one with each renewal: whoever goes by the issuers alone is content all the time."""
    case = case(next_key=False)

    def by_issuer():
        return {r for r in case.records() if r.startswith("2 1 1 ")}

    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        daemon.wait_all()
        case.wait_keys(case.first)
        assert case.issuers() == {case.authority.digest} and listener.accepts(by_issuer())
        other, started = tls.Authority(case.site.folder, "two"), time.time()
        case.lineage.renew(other, case.lineage.key)
        servers.wait_for("the new issuer", lambda: other.digest in case.issuers(), 30)
        daemon.stop(signal.SIGKILL)
        daemon.start()
        # The mail server has still the old chain, and loads the new one later.
        assert case.issuers() == {case.authority.digest, other.digest}
        assert listener.accepts(by_issuer())
        listener.load()
        assert listener.accepts(by_issuer())
        daemon.wait_state(case.zone, "in-sync")
        assert daemon.status()[case.zone]["tlsa_until"], "nothing waits"
        servers.wait_for("the old issuer to leave", lambda: case.issuers() == {other.digest}, 30)
        assert time.time() >= int(started) + 2 * TTL
        assert listener.accepts(by_issuer()) and listener.accepts(case.records())
        assert "tlsa_early" not in daemon.log()


def roll(case):
    """A new key comes into use under a TTL of an hour, which is one second from then on; the time before it."""
    case.site.must(0, "apply")
    new, before = case.lineage.renew(case.authority), int(time.time())
    case.site.must(0, "apply")
    assert case.keys() == {case.first, new}
    case.site.server["ttl"] = "1s"
    return new, before


def assert_waits(case, new, before):
    assert case.keys() == {case.first, new}
    until = case.site.must(0, "apply").domain(case.zone)["tlsa_until"]
    assert until and seconds(until) >= before + 7200, until


def test_moved_in_the_middle(server, site, tmp_path):
    """To another name of the server, another mail system, another zone: what resolvers hold is the same."""
    case = Case(server, site, tmp_path, ttl=3600, next_key=False)
    new, before = roll(case)
    case.site.server["name"] = case.site.settings["domains"][0]["dns_management"]["server"] = "moved"
    case.site.write().must(0, "apply")
    assert_waits(case, new, before)
    case.site.system["name"] = "other"
    case.site.write().must(0, "apply")
    assert_waits(case, new, before)


def test_left_in_the_middle(server, site, tmp_path):
    """The host leaves and comes back: so does the key that resolvers and the mail server may still go by."""
    case = Case(server, site, tmp_path, ttl=3600, next_key=False)
    new, before = roll(case)
    case.site.system["mx"] = [{"host": "mx.elsewhere.test"}]
    case.site.write().must(0, "apply")
    assert case.records() == set()
    case.site.system["mx"] = [{"host": case.host}]
    case.site.write().must(0, "apply")
    assert_waits(case, new, before)


def damage_half(case):
    with open(case.lineage.archive("fullchain")) as f:
        text = f.read()
    with open(case.lineage.archive("fullchain"), "w") as f:
        f.write(text[: len(text) // 3])

    def mend():
        with open(case.lineage.archive("fullchain"), "w") as f:
            f.write(text)

    return mend


def damage_link(case):
    case.lineage.link("fullchain", 99)
    return lambda: case.lineage.link("fullchain", case.lineage.number)


def damage_gone(case):
    os.unlink(case.lineage.chain)
    return lambda: case.lineage.link("fullchain", case.lineage.number)


def damage_next_key(case):
    os.rename(case.lineage.next_key, case.lineage.next_key + ".away")
    return lambda: os.rename(case.lineage.next_key + ".away", case.lineage.next_key)


@pytest.mark.parametrize("damage", [damage_half, damage_link, damage_gone, damage_next_key])
def test_damaged_files(case, damage):
    """The TLSA records stay as they are, and status says which file it is: before a restart, and after. The other
    families are kept all the same."""
    case = case(families=["tlsa", "mx", "spf"])
    path = case.lineage.next_key if damage is damage_next_key else case.lineage.chain

    def lose():
        case.server.must_update(case.zone, [], [(case.zone + ".", "MX"), (case.zone + ".", "TXT")])

    def assert_failed():
        found = daemon.wait_state(case.zone, "failed")
        assert path in found["reason"] and case.host in found["reason"], found

    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        daemon.wait_all()
        case.wait_keys(case.first, case.next)
        before = case.records()
        mend = damage(case)
        assert_failed()
        assert path in daemon.log()
        assert case.site.run("check").code == 1
        checked = subprocess.run([mzd.binary(), "-c", case.site.conf, "--check"], capture_output=True, text=True)
        assert checked.returncode == 1 and path in checked.stderr, checked
        for _ in range(2):
            lose()
            result = case.site.run("reconcile", "--wait")
            assert result.code == 1 and path in result.out + result.err, result
            assert case.others() == {"MX", "TXT"} and case.records() == before
            assert_failed()
            daemon.stop(signal.SIGKILL)
            daemon.start()
        gate = case.site.run("tlsa", "gate", case.host)
        assert gate.code == 1 and path in gate.err, gate
        # a new configuration is taken all the same
        case.site.settings["domains"][0]["spf"] = "v=spf1 mx ?all"
        assert path in case.site.write().must(0, "reload").err
        servers.wait_for("the SPF record", lambda: "?all" in str(case.server.query(case.zone, "TXT", tcp=True)), 30)
        assert_failed()
        assert case.records() == before
        mend()
        daemon.wait_state(case.zone, "in-sync")
        assert case.records() == before and listener.accepts(before)
        case.wait_gate()
    # the one-shot tool
    mend = damage(case)
    lose()
    assert case.site.run("export", case.zone).code == 1
    planned = case.site.must(1, "plan").domain(case.zone)
    assert {c["type"] for c in planned["changes"]} == {"MX", "TXT"}
    for _ in range(2):
        result = case.site.run("apply")
        assert result.code == 1 and path in result.err, result
        assert case.records() == before and case.others() == {"MX", "TXT"}
    mend()
    case.site.must(0, "apply")
    assert case.records() == before


def test_damaged_beside_a_good_one(bind, site, tmp_path):
    """Of two hosts: the one whose file is good is renewed meanwhile, and the other stays as it is."""
    case = Case(bind, site, tmp_path, next_key=False)
    other = Case(bind, site, os.path.join(tmp_path, "two"), next_key=False, zone=case.zone, host="mx2")
    case.site.system["mx"] += other.site.system["mx"]
    case.site.system["certificates"] += other.site.system["certificates"]
    case.site.server["delete_limit"] = 0
    with Daemon(case.site.write()) as daemon:
        daemon.wait_all()
        kept = other.records()
        damage_gone(other)
        found = daemon.wait_state(case.zone, "failed")
        assert other.lineage.chain in found["reason"], found
        with tls.Listener(case.lineage) as listener:
            new = case.lineage.renew(case.authority)
            servers.wait_for("the new key", lambda: new in case.keys(), 30)
            assert case.first in case.keys(), "what is in doubt does not let a key leave"
            listener.load()
            assert listener.accepts(case.records())
        served = time.time()
        servers.wait_for("two TTLs", lambda: time.time() > served + 2 * TTL + 1, 30)
        assert case.site.run("reconcile", "--wait").code == 1
        assert case.keys() == {case.first, new} and other.records() == kept
        other.lineage.link("fullchain", other.lineage.number)
        daemon.wait_state(case.zone, "in-sync")
        case.wait_keys(new)
        assert other.records() == kept
        # a host of which nothing was ever published is not begun with half of what it needs
        case.site.settings["mail_systems"][0]["mx"].append({"host": "mx3." + case.zone})
        third = tls.Lineage(os.path.join(tmp_path, "three"), ["mx3." + case.zone])
        third.renew(case.authority)
        case.site.system["certificates"].append({"file": third.chain})
        damage_gone(other)
        case.site.write().must(0, "reload")
        found = daemon.wait_state(case.zone, "failed")
        assert case.site.run("reconcile", "--wait").code == 1
        slot = (dns.name.from_text("_25._tcp.mx3." + case.zone), dns.rdatatype.TLSA)
        assert slot not in bind.axfr(case.zone)
        other.lineage.link("fullchain", other.lineage.number)
        servers.wait_for("mx3", lambda: slot in bind.axfr(case.zone), 30)


def test_expired_certificate(case):
    """One with an unknown key: it is added, and the old one stays however long that lasts."""
    case = case(next_key=False)
    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        daemon.wait_all()
        bad = case.lineage.renew(case.authority, expired=True)
        case.wait_keys(case.first, bad)
        cached = case.records()
        assert listener.accepts(cached)
        listener.load()
        # DANE-EE looks at no dates (RFC 7672 3.1.1)
        assert listener.accepts(cached) and listener.accepts({r for r in cached if bad in r})
        daemon.wait_log("certificate_expired")
        assert case.lineage.chain in daemon.log()
        assert "good certificate" in case.site.run("status").out
        served = time.time()
        servers.wait_for("two TTLs", lambda: time.time() > served + 2 * TTL + 1, 30)
        case.site.must(0, "reconcile", "--wait")
        assert case.keys() == {case.first, bad}
        # back to the old one, renewed
        case.lineage.renew(case.authority, case.lineage.archive("privkey", 1))
        case.wait_keys(case.first)
        listener.load()
        assert listener.accepts(cached) and listener.accepts(case.records())


def test_one_shot(case):
    """The tool alone does the same from the state that it keeps."""
    case = case(next_key=False)
    case.site.must(0, "apply")
    assert case.keys() == {case.first}
    started = time.time()
    new = case.lineage.renew(case.authority)
    planned = case.site.must(2, "plan").domain(case.zone)["changes"]
    assert [(c["action"], c["rdata"].split()[3].lower()) for c in planned] == [("add", new)]
    result = case.site.run("apply")
    assert result.code == 0 and "tlsa_early" in result.err and "stays until" in result.out, result
    assert case.keys() == {case.first, new}
    until = seconds(case.site.must(0, "apply").domain(case.zone)["tlsa_until"])
    assert until >= int(started) + 2 * TTL
    servers.wait_for("its time", lambda: time.time() > until, 30)
    result = case.site.must(0, "apply").domain(case.zone)
    assert [c["action"] for c in result["changes"]] == ["delete"] and result["tlsa_until"] is None
    assert case.keys() == {new}
    # without state: what is on disk
    case.site.settings["state_directory"] = case.site.path("elsewhere")
    exported = case.site.write().must(0, "export", case.zone).out
    assert exported.count("TLSA 3 1 1") == 1 and new in exported.lower()


def test_killed_at_any_moment(case):
    """Renewals with unknown keys and a kill -9 somewhere in each: no key that was published goes before its time."""
    case, known = case(ttl=3600, next_key=False), []
    dice = random.Random(1)
    with Daemon(case.site) as daemon:
        daemon.wait_all()
        known.append(case.first)
        for _ in range(8):
            known.append(case.lineage.renew(case.authority))
            time.sleep(dice.random())  # anywhere between nothing done and all done
            daemon.stop(signal.SIGKILL)
            assert set(known[:-1]) <= case.keys()
            daemon.start()
            servers.wait_for("the new key", lambda: known[-1] in case.keys(), 30)
            assert set(known) == case.keys()
        daemon.wait_all()
        assert daemon.stop() == 0


def test_undo_is_refused(case):
    """To take a key back that is in use would leave nothing that fits."""
    case = case(next_key=False, ttl=3600)
    with tls.Listener(case.lineage) as listener, Daemon(case.site) as daemon:
        daemon.wait_all()
        (first,) = mzd.history(case.site)
        new = case.lineage.renew(case.authority)
        servers.wait_for("the new key", lambda: new in case.keys(), 30)
        daemon.wait_all()
        changes = [c for c in mzd.history(case.site) if c["id"] != first["id"]]
        result = case.site.run("undo", str(changes[0]["id"]))
        assert result.code == 1 and "no TLSA record would fit a certificate in use" in result.out + result.err, result
        assert case.keys() == {case.first, new}
        # nor the one that the mail server has until it loads the new one
        result = case.site.run("undo", str(first["id"]))
        assert result.code == 1 and "or just replaced" in result.err and case.first in result.err.lower(), result
        assert case.keys() == {case.first, new} and listener.accepts(case.records())


def test_undo_of_all(case):
    """Without any TLSA record senders do as they did before DANE."""
    case = case(next_key=False, ttl=3600)
    with Daemon(case.site) as daemon:
        daemon.wait_all()
        (first,) = mzd.history(case.site)
        case.site.must(0, "undo", str(first["id"]))
        assert case.records() == set()
        case.site.must(0, "reconcile", "--wait")
        assert case.keys() == {case.first}


def test_renewal_follows_the_secondaries(bind, site, tmp_path):
    """certbot is started once every server has the next key: it asks one itself."""
    nsd = servers.Nsd(bind).start()
    try:
        case = Case(bind, site, tmp_path, secondaries=["127.0.0.1:%d" % nsd.port], propagation_timeout="2m")
        nsd.add_zone(case.zone)
        seen = case.site.path("seen")
        look = "dig @127.0.0.1 -p %d +short %s TLSA" % (nsd.port, case.owner)
        hook = case.site.file("renew", "#!/bin/sh\n%s > %s.tmp && mv %s.tmp %s\n" % (look, seen, seen, seen), 0o700)
        case.site.settings["hooks"] = {"certificate_renew": mz.Raw('[ "%s" ]' % hook)}
        with Daemon(case.site.write()) as daemon:
            servers.wait_for("the records", case.records)
            nsd.control("transfer", case.zone)
            daemon.wait_all()
            last = case.lineage.new_key()
            case.site.must(0, "reload")
            case.site.must(0, "reconcile", "--on-success-renew-certificate", case.zone)
            servers.wait_for("the next key", lambda: last in case.keys(), 30)
            assert not os.path.exists(seen)
            nsd.control("transfer", case.zone)
            servers.wait_for("the hook", lambda: os.path.exists(seen), 60)
            with open(seen) as f:
                assert last in f.read().replace(" ", "").lower()
            daemon.wait_all()
    finally:
        nsd.stop()


def test_gate_fails(case):
    case = case(next_key=False)
    result = case.site.run("tlsa", "gate", case.host)
    assert result.code == 1 and result.err.count("\n") == 1 and "next_key" in result.err, result
    result = case.site.run("tlsa", "gate", "other.example")
    assert result.code == 1 and result.err.count("\n") == 1 and "other.example" in result.err, result
    assert case.site.run("tlsa", "gate", "not..a.name").code == 1
    assert case.site.run("tlsa", "gate").code == 64
    assert case.site.run("tlsa", "open", case.host).code == 64
    with Daemon(case.site):
        result = case.site.run("tlsa", "gate", "other.example")
        assert result.code == 1 and "other.example" in result.err, result


def test_gate_waits_for_secondaries(bind, site, tmp_path):
    """A next key that one secondary does not serve is not published everywhere."""
    nsd = servers.Nsd(bind).start()
    try:
        case = Case(bind, site, tmp_path, secondaries=["127.0.0.1:%d" % nsd.port], propagation_timeout="2s")
        result = case.gate()
        assert result.code == 2 and result.json["until"] is None
        nsd.kill()
        assert case.site.run("apply").code == 1
        assert case.keys() == {case.first, case.next}, "the primary has it"
        result = case.gate()
        assert result.code == 2 and result.json["until"] is None and case.owner in result.json["reason"], result
        nsd.start()
        nsd.add_zone(case.zone)
        before = int(time.time())
        case.site.must(0, "apply")
        case.wait_gate()
        assert time.time() >= before + 2 * TTL
    finally:
        nsd.stop()


def test_gate_waits_for_data(bind, knot, site, tmp_path):
    """A server that has the primary's serial by chance does not serve the next key for that."""
    case = Case(bind, site, tmp_path, secondaries=["127.0.0.1:%d" % knot.port], propagation_timeout="1s")
    knot.add_zone(case.zone)
    assert case.site.run("apply").code == 1
    for n in range(100):
        if knot.serial(case.zone) == bind.serial(case.zone):
            break
        knot.must_update(case.zone, [("n%d.%s." % (n, case.zone), 60, "TXT", "n")], [])
    assert knot.serial(case.zone) == bind.serial(case.zone)
    result = case.site.run("apply")
    assert result.code == 1 and "answers without it" in result.err, result
    assert case.gate().json["until"] is None


def test_gate_after_deletion_by_hand(bind, site, tmp_path):
    """A record that was away for a while is as good as new."""
    case = Case(bind, site, tmp_path)
    case.site.must(0, "apply")
    case.wait_gate()
    (record,) = [r for r in case.records() if r.split()[3] == case.next]
    bind.must_update(case.zone, [], [(case.owner + ".", "TLSA", record)])
    before = int(time.time())
    case.site.must(0, "apply")
    case.wait_gate()
    assert time.time() >= before + 2 * TTL


def test_domains_share_a_host(bind, site, tmp_path):
    """One certificate of many domains: one set of keys, one warning."""
    case = Case(bind, site, tmp_path, next_key=False, ttl=3600)
    for n in range(3):
        case.site.add_domain("d%d.%s" % (n, case.zone), case.zone, dns={"publish_records": ["tlsa"]})
    case.site.write()
    with Daemon(case.site) as daemon:
        daemon.wait_all()
        new = case.lineage.renew(case.authority)
        case.wait_keys(case.first, new)
        case.site.must(0, "reconcile", "--wait")
        assert daemon.log().count("tlsa_early") == 1
        assert len({d["tlsa_until"] for d in daemon.status().values()} - {None}) == 1
        daemon.stop()
    with sqlite3.connect(os.path.join(case.site.state, "state.db")) as db:
        assert db.execute("SELECT count(*) FROM tlsa WHERE usage = 3").fetchone() == (2,)


def test_longer_ttl_before(bind, site, tmp_path):
    """Resolvers may hold the RRset of before the TTL was lowered."""
    case = Case(bind, site, tmp_path, ttl=3600)
    case.site.must(0, "apply")
    case.site.server["ttl"] = "1s"
    case.lineage.new_key()
    before = int(time.time())
    case.site.write().must(0, "apply")
    assert seconds(case.gate().json["until"]) >= before + 7200
    # and so it stays when the next key changes once more
    case.lineage.new_key()
    case.site.must(0, "apply")
    assert seconds(case.gate().json["until"]) >= before + 7200


def test_gate_of_a_file_of_two_systems(bind, site, tmp_path):
    """A file is switched for every mail system that names it: also for one that does not publish its next key."""
    case = Case(bind, site, tmp_path)
    other = dict(case.site.system, name="other", mx=[{"host": "mx2." + case.zone}])
    other["certificates"] = [{"file": case.lineage.chain, "hosts": ["mx2." + case.zone]}]
    case.site.settings["mail_systems"].append(other)
    case.site.settings["domains"][0]["mail_system"] = case.site.system["name"]
    case.site.add_domain("d." + case.zone, case.zone, mail_system="other", dns={"publish_records": ["tlsa"]})
    case.site.write().must(0, "apply")
    servers.wait_for("two TTLs", lambda: "_25._tcp." + case.host not in (case.gate().json["reason"] or ""), 30)
    result = case.gate()
    assert result.code == 2 and "_25._tcp.mx2." + case.zone in result.json["reason"], result
    assert "next_key" in result.json["reason"] and "other" in result.json["reason"], result
    other["certificates"][0]["next_key"] = case.lineage.next_key
    case.site.write().must(0, "apply")
    case.wait_gate()
