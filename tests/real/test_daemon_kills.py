# SPDX-License-Identifier: BSD-2-Clause
"""mailzoned killed (-9) at each point where it changes its state: nothing is lost, nothing is done twice.

A run with work to do is killed at the N-th change to a file of the state, N = 1, 1 + stride, ..., until a
run ends by itself. MZ_KILL_STRIDE: the stride (8); 1 is every point.
"""

import os
import shutil
import signal
import sqlite3

import dns.name
import dns.rdatatype
import pytest

import model
import mz
import mzd
import servers
from mzd import Daemon
from test_daemon import daemon_site

STRIDE = int(os.environ.get("MZ_KILL_STRIDE", "8"))
FOREIGN = '@ TXT "foreign"\nhost A 192.0.2.1\n_dmarc.host TXT "v=DMARC1; p=none"'
OPEN = ("pending", "retry", "running")


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The library that kills."""
    return mzd.shim(tmp_path_factory.mktemp("shim"), "kill_at")


def points():
    n = 1
    while True:
        yield n
        n += STRIDE


def ledger(site):
    """{domain: {(owner, type, rdata wire)}} as the state has it."""
    found = {}
    db = sqlite3.connect("file:%s/state.db?mode=ro" % site.state, uri=True)
    for domain, octets in db.execute("SELECT domain, rrs FROM ledger"):
        found[domain] = set(decode(octets))
    db.close()
    return found


def decode(octets):
    """The RRs of the ledger's octets, as src/store/codec.c writes them."""
    owner, at = None, 5
    for _ in range(int.from_bytes(octets[1:5], "big")):
        rdtype, length = int.from_bytes(octets[at + 1 : at + 3], "big"), octets[at + 7]
        at += 8
        if length:
            owner = dns.name.from_wire(octets, at)[0].canonicalize()
        at += length
        size = int.from_bytes(octets[at : at + 2], "big")
        yield owner, dns.rdatatype.RdataType.make(rdtype), octets[at + 2 : at + 2 + size]
        at += 2 + size
    assert at == len(octets)


def replay(site, zone):
    """What the history says is in the zone: all that was added, less what was deleted."""
    held = set()
    for change in reversed(mzd.history(site, zone, "--limit", "100000")):
        assert change["state"] in ("applied", "failed"), change
        if change["state"] == "failed":
            continue
        for sign, rrs in ((False, change["deleted"]), (True, change["added"])):
            for rr in rrs:
                rdtype = dns.rdatatype.from_text(rr["type"])
                key = (dns.name.from_text(rr["owner"]), rdtype, model.rdata(rdtype, rr["rdata"]).to_wire())
                assert (key in held) != sign, "done twice: %s" % rr
                (held.add if sign else held.discard)(key)
    return held


class Run:
    """Two domains, of which one changes and one comes and goes, and a daemon that is killed."""

    def __init__(self, server, site, shim):
        self.server, self.site, self.shim = server, site, shim
        self.zones = [servers.fresh("kill") for _ in range(2)]
        server.add_zones([servers.Zone(z, FOREIGN) for z in self.zones])
        self.foreign = {z: server.axfr(z) for z in self.zones}
        hook = site.file("renew", "#!/bin/sh\necho renewed >>%s\n" % site.path("renewed"), 0o700)
        site.settings["hooks"] = {"certificate_renew": mz.Raw('[ "%s" ]' % hook)}
        self.changing = site.add_domain(self.zones[0])
        self.leaving = site.add_domain(self.zones[1], dns={"on_removal": "withdraw"})
        site.write()
        self.plain = Daemon(site)
        with self.plain:
            self.settle(self.plain)
            assert self.plain.stop() == 0

    def configure(self, n):
        self.changing.update(
            spf="v=spf1 ip4:192.0.2.%d -all" % (n % 250),
            mx=[{"host": "mx%d.example.net" % (n % 7)}],
            records=["www%d 300 IN A 203.0.113.%d" % (n % 5, n % 250)],
        )
        domains = self.site.settings["domains"]
        if self.leaving in domains:
            domains.remove(self.leaving)
        else:
            domains.append(self.leaving)
        self.site.write()

    def desired(self, zone):
        domain = [d for d in self.site.settings["domains"] if d["name"] == zone]
        return model.derive(domain[0], self.site.system) if domain else []

    def wrong(self, zone):
        """How the zone differs from foreign plus desired, octet for octet."""
        want, _ = model.expected(self.foreign[zone], dns.name.from_text(zone), self.desired(zone))
        return model.difference(self.server.axfr(zone), want)

    def settled(self):
        tasks = self.site.run("--format", "json", "tasks")
        if tasks.code != 0 or any(t["state"] in OPEN for t in tasks.json["tasks"]):
            return False
        return not any(self.wrong(z) for z in self.zones)

    def settle(self, daemon):
        try:
            servers.wait_for("the zones", self.settled, 60, daemon.process)
        except TimeoutError:
            print([self.wrong(z) for z in self.zones], daemon.log()[-6000:])
            raise

    def renewals(self):
        path = self.site.path("renewed")
        return len(open(path).readlines()) if os.path.exists(path) else 0

    def killed_at(self, n):
        """A run that is killed at its n-th change. (Was it? Was the task accepted that it was given?)"""
        env = {"LD_PRELOAD": self.shim, "MZ_KILL_IN": self.site.state, "MZ_KILL_AT": str(n)}
        daemon = Daemon(self.site, env).start(wait=False)
        command = ("reconcile", "--on-success-renew-certificate", self.zones[0])
        accepted = False

        def over():
            nonlocal accepted
            if daemon.process.poll() is not None:
                return True
            if not accepted:
                accepted = self.site.run(*command).code == 0
            return accepted and self.settled()

        try:
            servers.wait_for("the end of the run", over, 60)
            status = daemon.stop()
        finally:
            daemon.stop(signal.SIGKILL)
        assert status in (0, -signal.SIGKILL), "mailzoned ended with %s\n%s" % (status, daemon.log()[-4000:])
        return status != 0, accepted

    def check(self):
        """After the next start: all is as if nothing had happened."""
        held = ledger(self.site)
        for zone in self.zones:
            ours = {(rr.owner, rr.type, rr.wire) for rr in self.desired(zone)}
            assert held.get(zone, set()) == ours, "the ledger of %s" % zone
            assert replay(self.site, zone) == ours, "the history of %s" % zone
        assert not [t for t in self.site.must(0, "tasks").json["tasks"] if t["state"] == "failed"]


def test_killed_at_every_change(server, site, shim):
    run = Run(server, daemon_site(site, server.port), shim)
    for n in points():
        run.configure(n)
        serials = [server.serial(z) for z in run.zones]
        renewals = run.renewals()
        killed, accepted = run.killed_at(n)
        with run.plain as daemon:
            run.settle(daemon)
            run.check()
            # one message with an effect a zone, whether the first daemon sent it or the second
            assert [server.serial(z) - s for z, s in zip(run.zones, serials)] == [1, 1], n
            assert not accepted or run.renewals() > renewals, "a task that was accepted is lost"
            assert daemon.stop() == 0
        if not killed:
            break
    print("%s: %d changes of the state a run" % (server.kind, n))
    assert n > 30


def test_killed_while_the_state_is_made(bind, site, shim):
    """A state that is not yet complete is completed; nothing is asked of the operator."""
    run = Run(bind, daemon_site(site, bind.port), shim)
    for n in points():
        shutil.rmtree(run.site.state)
        serials = [bind.serial(z) for z in run.zones]
        killed, _ = run.killed_at(n)
        with run.plain as daemon:
            run.settle(daemon)
            assert [bind.serial(z) for z in run.zones] == serials
            assert daemon.stop() == 0
        if not killed:
            break
    assert n > 30

