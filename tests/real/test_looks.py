# SPDX-License-Identifier: BSD-2-Clause
"""The looks by timer: one small question a zone where nothing has changed, everything else where something has."""

import threading
import time

import dns.message
import dns.rdatatype

import servers
import wire
from dkimsite import add_zone, dkim_site, wait_keys
from mzd import Daemon
from proxy import Proxy
from test_daemon import daemon_site, wait_whole, whole


def looks_site(site, port, interval="1s", **settings):
    made = daemon_site(site, port, **settings)
    made.settings["reconcile_interval"] = interval
    made.settings["log"]["level"] = "debug"
    return made


def question(message):
    return dns.message.from_wire(wire.strip(message)[0]).question[0]


def asked(proxy, zone):
    """The SOA questions about the zone."""
    found = [question(w) for w in proxy.requests]
    return [q for q in found if q.name.to_text(True) == zone and q.rdtype == dns.rdatatype.SOA]


def at_rest(daemon, state):
    """The server stands so, and no job with it is under way."""
    (found,) = daemon.json("status")["servers"]
    return found["state"] == state and found["inflight"] == 0


def test_nothing_changed(server, site):
    """Many domains of a zone are one question a look, and it is all that is asked."""
    shared, lone = servers.fresh("shared"), servers.fresh("lone")
    server.add_zones([servers.Zone(shared), servers.Zone(lone)])
    names = ["m%d.%s" % (i, shared) for i in range(6)]
    with Proxy(server.port) as proxy:
        site = looks_site(site, proxy.port)
        for name in names:
            site.add_domain(name, origin=shared)
        site.add_domain(lone)
        site.write()
        with Daemon(site) as daemon:
            daemon.wait_all()
            daemon.wait_log(" unchanged ", times=2 * len(names))
            before = daemon.status()
            began = daemon.log().count(" flow ")
            proxy.requests.clear()
            servers.wait_for("looks", lambda: len(asked(proxy, lone)) >= 4)
            servers.wait_for(
                "all domains", lambda: all(s["last_verified"] > before[n]["last_verified"] for n, s in daemon.status().items())
            )
            assert len(asked(proxy, shared)) <= len(asked(proxy, lone)) + 1
            assert {question(w).rdtype for w in proxy.requests} == {dns.rdatatype.SOA}
            assert daemon.log().count(" flow ") == began, "a look that finds nothing needs no more than its question"
            assert not proxy.errors and daemon.stop() == 0


def test_part_of_the_records(server, site):
    """Who looks at a part of the records has not looked at the others."""
    zone = server.add_zone(servers.fresh("part"))
    site = looks_site(site, server.port, "3s")
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        for _ in range(3):
            daemon.wait_all()
            seen = daemon.log().count(" unchanged ")
            daemon.wait_log(" unchanged ", times=seen + 1)
            server.must_update(zone, [], [("@", "MX")])
            site.must(0, "reconcile", "--wait", "--records", "dmarc", zone)
            wait_whole(server, site, zone, 40 if server.kind == "pdns" else 20)
        assert daemon.stop() == 0


def test_server_falls_silent(server, site):
    """All domains say so, though only some zones were asked; it is not asked on and on; and all is well after."""
    zones = [servers.fresh("silent") for _ in range(40)]
    server.add_zones([servers.Zone(z) for z in zones])
    silent = threading.Event()
    with Proxy(server.port, on_request=lambda *_: [] if silent.is_set() else None) as proxy:
        site = looks_site(site, proxy.port, "2s", timeout="1s")
        for zone in zones:
            site.add_domain(zone)
        site.settings["task_manager"]["max_attempts"] = 100
        site.write()
        with Daemon(site) as daemon:
            daemon.wait_all()
            daemon.wait_log(" unchanged ", times=len(zones))
            silent.set()
            servers.wait_for("reasons", lambda: all(s["reason"] and "127.0.0.1" in s["reason"] for s in daemon.status().values()))
            servers.wait_for("the server is down", lambda: at_rest(daemon, "down"))
            proxy.requests.clear()
            server.must_update(zones[7], [], [("@", "MX")])
            # one zone is asked now and then whether it is back, and not all
            servers.wait_for("questions", lambda: len(proxy.requests) >= 4)
            assert len({question(w).name for w in proxy.requests}) <= 2
            silent.clear()
            servers.wait_for("repair", lambda: whole(server, site, zones[7]), 60)
            daemon.wait_all()
            seen = daemon.log().count(" unchanged ")
            daemon.wait_log(" unchanged ", times=seen + len(zones))
            assert daemon.stop() == 0


class Held:
    """Keeps answers about a zone back while it is told to."""

    def __init__(self):
        self.go = threading.Event()
        self.go.set()
        self.waits = threading.Event()

    def on_reply(self, *_):
        if not self.go.is_set():
            self.waits.set()
            self.go.wait(30)

    def hold(self):
        self.waits.clear()
        self.go.clear()
        assert self.waits.wait(30), "no look came"


def test_reload_in_between(server, site):
    """What was asked before a reload is answered after it: the new configuration holds, also for who left."""
    zones = [servers.fresh("between") for _ in range(5)]
    server.add_zones([servers.Zone(z) for z in zones])
    held = Held()
    with Proxy(server.port, on_reply=held.on_reply) as proxy:
        site = looks_site(site, proxy.port, "1s")
        domains = [site.add_domain(z) for z in zones]
        site.write()
        with Daemon(site) as daemon:
            daemon.wait_all()
            daemon.wait_log(" unchanged ", times=2 * len(zones))
            for round in range(3):
                held.hold()
                domains[round]["spf"] = "v=spf1 ip4:192.0.2.%d -all" % round
                site.settings["domains"] = [d for d in domains if d is not domains[4 - round % 2]]
                site.write()
                site.must(0, "reload")
                held.go.set()
                for domain in site.settings["domains"]:
                    wait_whole(server, site, domain["name"], 20, domain)
                daemon.wait_all()
            seen = daemon.log().count(" unchanged ")
            daemon.wait_log(" unchanged ", times=seen + 2 * len(zones))
            # it also ends while it waits for an answer
            held.hold()
            began = time.monotonic()
            assert daemon.stop() == 0 and time.monotonic() - began < 10
            held.go.set()


def test_cancelled_task(server, site):
    """The next step of a key is months away, and its task is cancelled: the next look files it anew."""
    zone = add_zone(server)
    site = dkim_site(site, server, zone, ["ed25519-sha256"])
    site.settings["reconcile_interval"] = "2s"
    site.write()

    def steps(daemon):
        return [t for t in daemon.json("tasks")["tasks"] if t["kind"] == "dkim-management" and t["state"] == "pending"]

    with Daemon(site) as daemon:
        wait_keys(daemon, {("active", "ed25519-sha256")})
        for command in ("cancel",), ("reschedule", "+864000000"):
            # looks at rest file nothing: the task stays the one that it is
            daemon.wait_all()
            seen = daemon.log().count(" unchanged ")
            daemon.wait_log(" unchanged ", times=seen + 1)
            (task,) = steps(daemon)
            seen = daemon.log().count(" unchanged ")
            daemon.wait_log(" unchanged ", times=seen + 2)
            assert steps(daemon) == [task]
            site.must(0, "tasks", command[0], str(task["id"]), *command[1:])
            (again,) = servers.wait_for("a task", lambda: [t for t in steps(daemon) if t["id"] != task["id"]], 20)
            assert again["due"] == task["due"]
        assert daemon.stop() == 0
