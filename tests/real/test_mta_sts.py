# SPDX-License-Identifier: BSD-2-Clause
"""MTA-STS over time: senders who see a new id find the new policy, whatever fails or dies in between."""

import hashlib
import os
import shutil
import signal

import dns.name
import dns.rdatatype

import servers
from mzd import Daemon
from proxy import UPDATE, Cut, Proxy, opcode


def published(server, zone):
    """The id that the primary has, or None."""
    slot = (dns.name.from_text("_mta-sts." + zone), dns.rdatatype.TXT)
    wires = server.axfr(zone).get(slot, (0, ()))[1]
    (text,) = [w[1:].decode() for w in wires] or [None]
    return text and text.split("id=")[1]


def served(path):
    """The id of what the web server has, or None."""
    try:
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()[:20]
    except FileNotFoundError:
        return None


def prepared(server, port, site):
    zone = server.add_zone(servers.fresh("sts"))
    site = site(port)
    os.mkdir(site.path("www"))
    path = site.path("www", "mta-sts.txt")
    site.settings["log"] = {"level": "info", "format": "logfmt"}
    site.settings["task_manager"] = {"retry": {"strategy": "fixed", "delay": "1s"}}
    site.system["mta_sts"] = {"mode": "testing", "policy_file": path}
    site.add_domain(zone, dns={"publish_records": ["mta-sts"]})
    return zone, path, site.write()


def wait_published(server, zone, path, old):
    servers.wait_for("the new id", lambda: published(server, zone) not in (None, old), 40)
    assert published(server, zone) == served(path)


def cut_updates(wire, _):
    if opcode(wire) == UPDATE:
        raise Cut


def test_file_first(server, site):
    """No update arrives: the file is new and the id is old; killed then, the next one goes on from there."""
    with Proxy(server.port) as proxy:
        zone, path, site = prepared(server, proxy.port, site)
        with Daemon(site) as daemon:
            wait_published(server, zone, path, None)
            old = published(server, zone)
            daemon.wait_all()
            proxy.on_request = cut_updates
            site.system["mta_sts"]["mode"] = "enforce"
            site.write()
            daemon.signal(signal.SIGHUP)
            servers.wait_for("the new policy", lambda: served(path) != old, 20)
            assert published(server, zone) == old
            daemon.stop(signal.SIGKILL)
            assert sorted(os.listdir(site.path("www"))) == ["mta-sts.txt"]
            daemon.start()
            assert published(server, zone) == old
            proxy.on_request = None
            wait_published(server, zone, path, old)


def test_no_file_no_id(bind, site):
    """Where the file cannot be written the id waits, the rest goes on, and it is written when it can be."""
    zone, path, site = prepared(bind, bind.port, site)
    shutil.rmtree(site.path("www"))
    with Daemon(site) as daemon:
        found = daemon.wait_state(zone, "failed")
        assert path in found["reason"] and "_mta-sts." + zone in found["reason"], found
        assert published(bind, zone) is None
        assert (dns.name.from_text("mta-sts." + zone), dns.rdatatype.CNAME) in bind.axfr(zone)
        assert path in daemon.log()
        os.mkdir(site.path("www"))
        wait_published(bind, zone, path, None)
        # somebody else writes it
        with open(path, "a") as f:
            f.write("mx: another.example\r\n")
        servers.wait_for("the policy", lambda: served(path) == published(bind, zone), 20)
        daemon.wait_state(zone, "in-sync")


def test_no_file_no_id_one_shot(bind, site):
    zone, path, site = prepared(bind, bind.port, site)
    site.must(0, "apply")
    old = published(bind, zone)
    assert old == served(path)
    shutil.rmtree(site.path("www"))
    site.system["mta_sts"]["mode"] = "enforce"
    result = site.write().must(1, "apply")
    assert path in result.err and result.domain(zone)["refused"][0]["owner"] == "_mta-sts.%s." % zone
    assert published(bind, zone) == old
    os.mkdir(site.path("www"))
    site.must(0, "apply")
    assert published(bind, zone) == served(path) != old
