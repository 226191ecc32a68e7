# SPDX-License-Identifier: BSD-2-Clause
"""mailzoned and servers that fail, change their keys or lag behind."""

import time

import dns.name
import dns.rdatatype
import pytest

import mz
import mzd
import servers
import wire
from mzd import Daemon
from proxy import Answer, Proxy, frames
from test_daemon import daemon_site, wait_whole, whole

SERVFAIL = 2
KEY = servers.ALGORITHM_KEYS["hmac-sha512"]  # the daemon's own; the tests read with others
OTHER_SECRET = servers.Key("another").secret


class Moody:
    """Answers SERVFAIL to one in ten messages, signed and unsigned in turn, and passes the others."""

    def __init__(self):
        self.said = 0

    def on_request(self, message, number):
        if number % 10:
            return None
        self.said += 1
        bare, tsig = wire.strip(message)
        at = wire.skip_name(bare, 12) + 4
        flags = bytes([bare[2] | 0x80, SERVFAIL])
        reply = bare[:2] + flags + bytes([0, 1, 0, 0, 0, 0, 0, 0]) + bare[12:at]
        if tsig is not None and self.said % 2:
            reply, _ = wire.sign(reply, servers.MAILKEY, tsig.mac)
        return Answer(frames([reply]))


def test_servfail_now_and_then(server, site):
    zones = [servers.fresh("moody") for _ in range(30)]
    server.add_zones([servers.Zone(z) for z in zones])
    moody = Moody()
    with Proxy(server.port, on_request=moody.on_request) as proxy:
        site = daemon_site(site, proxy.port)
        site.settings["task_manager"]["max_attempts"] = 20
        domains = [site.add_domain(z) for z in zones]
        site.write()
        with Daemon(site) as daemon:
            daemon.wait_all()
            for domain in domains:
                domain["spf"] = "v=spf1 ip4:192.0.2.9 -all"
            site.write()
            site.must(0, "reload")
            servers.wait_for("the change", lambda: all(whole(server, site, d["name"], d) for d in domains), 60)
            daemon.wait_all()
            assert moody.said >= 20 and not proxy.errors
            assert not daemon.json("tasks", "--state", "failed")["tasks"]
            assert daemon.stop() == 0


@pytest.fixture
def rekeyed(server):
    """rekey(secret): the server knows the daemon's key by this secret; the old one comes back."""
    yield lambda secret: server.rekey(KEY.name, secret)
    server.rekey(KEY.name, KEY.secret)


def keyed_site(server, site, max_delay):
    zone = server.add_zone(servers.fresh("key"))
    site = daemon_site(site, server.port, key=KEY.name)
    site.settings["keys"] = [site.key(KEY)]
    site.settings["task_manager"]["max_attempts"] = 2
    site.settings["task_manager"]["retry"]["max_delay"] = max_delay
    site.add_domain(zone)
    return zone, site.write()


def denied(server, daemon, zone, *states):
    """What the status says of a zone whose server refuses our key."""
    server.must_update(zone, [], [("_dmarc", "TXT")])
    daemon.site.run("reconcile", zone)
    found = servers.wait_for(
        "the refusal",
        lambda: [d for d in [daemon.status()[zone]] if d["reason"] and d["state"] in states],
    )[0]
    # PowerDNS says no more than that it refuses
    said = "BADSIG" if server.kind != "pdns" else KEY.name
    assert said in found["reason"] and "127.0.0.1:%d" % server.port in found["reason"], found
    return found


def test_key_changes_and_reload(server, site, rekeyed):
    """The task waits for an hour, with the true reason; the new key and a reload end that at once."""
    zone, site = keyed_site(server, site, "1h")
    with Daemon(site) as daemon:
        daemon.wait_all()
        rekeyed(OTHER_SECRET)
        denied(server, daemon, zone, "pending")
        (task,) = daemon.json("tasks", "--state", "retry")["tasks"]
        assert task["domain"] == zone and task["reason"]
        site.settings["keys"] = [dict(site.key(KEY), secret=OTHER_SECRET)]
        site.write()
        site.must(0, "reload")
        daemon.wait_state(zone, "in-sync")
        assert whole(server, site, zone)
        assert not daemon.json("tasks", "--state", "retry")["tasks"]
        assert daemon.stop() == 0


def test_key_changes_and_retry(server, site, rekeyed):
    """The task fails; once the server has the key again, `tasks retry` works at once, and so does a reload."""
    zone, site = keyed_site(server, site, "1s")
    with Daemon(site) as daemon:
        daemon.wait_all()
        for again in ("tasks retry", "reload"):
            rekeyed(OTHER_SECRET)
            denied(server, daemon, zone, "failed")
            failed = daemon.json("tasks", "--state", "failed")["tasks"]
            assert failed[-1]["attempt"] == 2 and failed[-1]["reason"], failed
            rekeyed(KEY.secret)
            if again == "reload":
                site.must(0, "reload")
            else:
                site.must(0, "tasks", "retry", str(failed[-1]["id"]))
            daemon.wait_state(zone, "in-sync")
            assert whole(server, site, zone)
        assert daemon.stop() == 0


def test_reload_asks_a_server_that_is_down(bind, site):
    """Where a server moved, nobody waits until the old address would be asked again."""
    zones = [servers.fresh("moved") for _ in range(8)]
    bind.add_zones([servers.Zone(z) for z in zones])
    site = daemon_site(site, servers.free_port(), timeout="1s")
    site.settings["task_manager"]["max_attempts"] = 20
    for zone in zones:
        site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:

        def next_look():
            """When the server is looked at again, once that is well ahead: each vain look doubles the time."""
            due = max(t["due"] or "" for t in daemon.json("tasks")["tasks"])
            soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 8))
            return due if due > soon else None

        due = servers.wait_for("a look that is well ahead", next_look, 60)
        assert [s["state"] for s in daemon.json("status")["servers"]] == ["down"]
        site.server["port"] = bind.port
        site.write()
        site.must(0, "reload")
        daemon.wait_all()
        assert all(whole(bind, site, z) for z in zones)
        assert max(t["changed"] for t in daemon.json("tasks")["tasks"]) < due
        assert daemon.stop() == 0


def test_withdrawal_without_its_server(bind, site):
    """A domain leaves to be withdrawn, and its server with it: that is no success."""
    zones = [servers.fresh("gone") for _ in range(2)]
    bind.add_zones([servers.Zone(z) for z in zones])
    site = daemon_site(site, bind.port)
    other = dict(site.server, name="other")
    site.settings["servers"].append(other)
    site.add_domain(zones[0])
    leaving = site.add_domain(zones[1], dns={"server": "other", "on_removal": "withdraw"})
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        site.settings["domains"].remove(leaving)
        site.settings["servers"].remove(other)
        site.write()
        site.must(0, "reload")
        (task,) = servers.wait_for("the failure", lambda: daemon.json("tasks", "--state", "failed")["tasks"])
        assert task["domain"] == zones[1] and '"other", which is not in the configuration' in task["reason"]
        site.settings["servers"].append(other)
        site.write()
        site.must(0, "reload")
        site.must(0, "tasks", "retry", str(task["id"]))
        apex = (dns.name.from_text(zones[1]), dns.rdatatype.MX)
        servers.wait_for("withdrawal", lambda: apex not in bind.axfr(zones[1]), 10)
        assert whole(bind, site, zones[0])
        assert daemon.stop() == 0


@pytest.fixture(scope="module", params=["bind", "knot"])
def family(request, started):
    """A primary with two secondaries of different kinds."""
    primary = started(request.param)
    nsd, bind = servers.Nsd(primary).start(), servers.BindSecondary(primary).start()
    yield primary, nsd, bind
    nsd.stop()
    bind.stop()


def test_secondaries(family, site):
    """A change counts once both serve it; one that does not is named in the task and in the status."""
    primary, nsd, bind = family
    zone = servers.fresh("sec")
    primary.add_zone(zone, also_notify=[nsd.port])
    nsd.add_zone(zone)
    bind.add_zone(zone)
    both = ["127.0.0.1:%d" % s.port for s in (nsd, bind)]
    site = daemon_site(site, primary.port, secondaries=mz.Raw("[ %s ]" % ", ".join('"%s"' % b for b in both)))
    domain = site.add_domain(zone)
    site.settings["task_manager"]["max_attempts"] = 1
    site.server["propagation_timeout"] = "1h"
    site.write()
    with Daemon(site) as daemon:
        servers.wait_for("the first secondary", lambda: whole(nsd, site, zone), 30)
        # BIND is not notified
        assert not whole(bind, site, zone)
        assert daemon.status()[zone]["state"] == "pending"
        assert [c["state"] for c in mzd.history(site, zone)] == ["intended"]
        site.must(0, "reload")  # what waits keeps the configuration that it began with
        bind.rndc("retransfer", zone)
        daemon.wait_state(zone, "in-sync")
        assert whole(nsd, site, zone) and whole(bind, site, zone)
        assert [c["state"] for c in mzd.history(site, zone)] == ["applied"]

        nsd.kill()
        site.server["propagation_timeout"] = "6s"
        domain["spf"] = "v=spf1 ip4:192.0.2.77 -all"
        site.write()
        site.must(0, "reload")
        wait_whole(primary, site, zone, 10, domain)
        bind.rndc("retransfer", zone)
        found = daemon.wait_state(zone, "failed", seconds=60)
        (task,) = daemon.json("tasks", "--state", "failed")["tasks"]
        for reason in (found["reason"], task["reason"], site.run("status", zone).out):
            assert both[0] in reason and both[1] not in reason, reason
        nsd.start()
        site.must(0, "tasks", "retry", str(task["id"]))
        daemon.wait_state(zone, "in-sync")
        assert whole(nsd, site, zone, domain) and whole(bind, site, zone, domain)
        assert daemon.stop() == 0
