# SPDX-License-Identifier: BSD-2-Clause
"""One daemon with 200 domains on three kinds of servers at once."""

import os
import time

import pytest

import mz
import servers
from mzd import Daemon
from proxy import Proxy, zone_of
from test_daemon import daemon_site, whole

DOMAINS = 200


@pytest.fixture
def fronts(started):
    """A proxy before each server, by the server."""
    made = {started(kind): None for kind in servers.KINDS}
    for server in made:
        made[server] = Proxy(server.port)
    yield made
    for proxy in made.values():
        proxy.close()


def many_site(site, fronts):
    """The site, and its domains: (server, zone)."""
    site = daemon_site(site, 0)
    site.settings["reconcile_interval"] = "30d"  # no look of its own while we count
    site.settings["servers"] = [
        dict(site.server, name=server.kind, port=proxy.port) for server, proxy in fronts.items()
    ]
    kinds = list(fronts)
    domains = [(kinds[i % len(kinds)], servers.fresh("many")) for i in range(DOMAINS)]
    for server in kinds:
        server.add_zones([servers.Zone(z) for s, z in domains if s is server])
    for server, zone in domains:
        site.add_domain(zone, dns={"server": server.kind})
    os.mkdir(site.path("domains.d"))
    site.settings["domain_directory"] = "domains.d"
    return site.write(), domains


def test_many(fronts, site):
    """All is published; one more is, at once, and nothing else is touched; a broken file changes nothing."""
    new = {server: server.add_zone(servers.fresh("new")) for server in fronts}
    site, domains = many_site(site, fronts)
    begin = time.monotonic()
    with Daemon(site) as daemon:
        daemon.wait_all()
        print("%d domains published in %.2f s" % (len(domains), time.monotonic() - begin))
        for server, zone in domains:
            assert whole(server, site, zone), zone
        serials = [server.serial(zone) for server, zone in domains]

        for server, zone in new.items():
            seen = {s: len(proxy.requests) for s, proxy in fronts.items()}
            text = [{"name": zone, "dns_management": {"mode": "automatic", "server": server.kind}}]
            site.file("domains.d/%s.conf" % server.kind, "domains = %s;\n" % mz.libconfig(text))
            begin = time.monotonic()
            site.must(0, "reload")
            servers.wait_for("zone %s" % zone, lambda: whole(server, site, zone), 20)
            print("%s: published %.3f s after the reload" % (server.kind, time.monotonic() - begin))
            daemon.wait_state(zone, "in-sync")
            asked = {zone_of(w).to_text() for s, p in fronts.items() for w in p.requests[seen[s] :]}
            assert asked == {zone + "."}

        site.file("domains.d/broken.conf", 'domains = (\n  { name = "x.test";\n    dns_managment = { }; } );\n')
        result = site.run("reload")
        assert result.code == 1 and "broken.conf:3: error:" in result.err, result
        daemon.wait_log("broken.conf:3: error:")
        assert [server.serial(zone) for server, zone in domains] == serials
        assert {d["state"] for d in daemon.status().values()} == {"in-sync"}
        # the old set goes on
        for server, zone in domains[: len(fronts)]:
            server.must_update(zone, [], [("_dmarc", "TXT")])
            # a server may answer the first question from a cache
            servers.wait_for(
                "the repair", lambda: site.must(0, "reconcile", "--wait", zone) and whole(server, site, zone), 40
            )
        assert daemon.stop() == 0
