# SPDX-License-Identifier: BSD-2-Clause
"""ACME DNS-01: challenge present and cleanup add and remove one TXT, and nothing else."""

import base64
import concurrent.futures
import hashlib
import os
import signal
import socket
import sqlite3
import subprocess

import dns.name
import dns.rdatatype
import pytest

import acme
import mz
import mzd
import servers
from proxy import UPDATE, Proxy, opcode, read_frame, write_frame


def value(seed):
    """What ACME makes of a key authorization."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


# one in 64 looks like an option
DASH = next(v for v in map(value, range(10000)) if v.startswith("-"))


def texts(server, name):
    """The TXT strings that a query finds at _acme-challenge.NAME: what a CA sees."""
    return strings(server, "_acme-challenge." + name)


def strings(server, owner):
    answer = server.query(owner, "TXT", tcp=True)
    return sorted(
        b"".join(r.strings).decode() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for r in rrset
    )


def ttl(server, zone, name):
    return server.axfr(zone)[(dns.name.from_text("_acme-challenge.%s." % name), dns.rdatatype.TXT)][0]


def start(site, *argv):
    return subprocess.Popen(
        [mz.binary(), "-c", site.conf, "challenge", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    out, err = process.communicate(timeout=60)
    return mz.Result(process.returncode, out, err, 0)


def one_line(result):
    """It failed, and says so in one line."""
    assert result.code == 1, result
    assert result.err.count("\n") == 1 and result.err.startswith("mailzone: "), result
    return result.err


@pytest.fixture
def kept(server, site):
    """A zone with foreign data, and a site that keeps it."""
    zone = server.add_zone(servers.fresh("acme"), 'www A 192.0.2.1\n_acme-challenge 77 TXT "foreign"\n')
    site = site(server.port)
    site.add_domain(zone)
    return zone, site.write()


def test_present_and_cleanup(server, kept):
    zone, site = kept
    before = server.axfr(zone)
    for name in (zone, "www." + zone, "a.b.www." + zone):
        foreign = texts(server, name)
        for _ in range(2):  # the second finds it there
            site.must(0, "challenge", "present", name.upper() + ".", value(1))
            assert texts(server, name) == sorted(foreign + [value(1)])
        assert ttl(server, zone, name) == (77 if foreign else 300)
        site.must(0, "challenge", "present", "*." + name, DASH)
        assert texts(server, name) == sorted(foreign + [value(1), DASH])
        site.must(0, "challenge", "cleanup", name, value(1))
        assert texts(server, name) == sorted(foreign + [DASH])
        for _ in range(2):
            site.must(0, "challenge", "cleanup", "*." + name, DASH)
            assert texts(server, name) == foreign
    assert server.axfr(zone) == before


@pytest.mark.parametrize("kind", ["bind", "knot"])
def test_signed_zone(started, site, kind):
    """The server signs after it answered: what counts is what it serves."""
    server = started(kind)
    zone = server.add_zone(servers.fresh("acme"), signed=True)
    site = site(server.port)
    site.add_domain(zone)
    site.write()
    for number in range(3):
        site.must(0, "challenge", "present", zone, value(number))
        assert value(number) in texts(server, zone)
    for number in range(3):
        site.must(0, "challenge", "cleanup", zone, value(number))
    assert texts(server, zone) == []


def test_what_is_printed(bind, site):
    zone = bind.add_zone(servers.fresh("acme"))
    site = site(bind.port)
    site.add_domain(zone)
    result = site.write().run("challenge", "present", zone, value(1))
    assert result.code == 0 and result.err == "", result
    assert '+ _acme-challenge.%s.  300   TXT  "%s"' % (zone, value(1)) in result.out
    part = site.must(0, "challenge", "cleanup", zone, value(1)).domain("_acme-challenge." + zone)
    assert part["applied"] and part["origin"] == zone
    assert [(c["action"], c["rdata"]) for c in part["changes"]] == [("delete", '"%s"' % value(1))]


def test_the_primary_is_asked(server, site):
    """It may hold the value and answer from a cache: the last thing is the question of a CA."""
    zone = server.add_zone(servers.fresh("acme"))
    question = dns.name.from_text("_acme-challenge.%s." % zone).to_wire() + b"\0\x10\0\1"
    with Proxy(server.port) as proxy:
        site = site(proxy.port, read="axfr")
        site.add_domain(zone)
        site.write().must(0, "challenge", "present", zone, value(1))
        assert question in proxy.requests[-1] or question in proxy.requests[-2]
        assert any(value(1).encode() in reply for reply in proxy.replies[-2:])
        # one that goes is only seen to be gone
        before = len(proxy.requests)
        site.must(0, "challenge", "cleanup", zone, value(1))
        assert not any(question in request for request in proxy.requests[before:])


def test_wildcard_and_apex_at_once(server, kept):
    """Two processes, two values, one name. Each ends well only once its own is served."""
    zone, site = kept
    names = [zone, "*." + zone, zone, "www." + zone]
    for action, after in (("present", [value(n) for n in range(3)]), ("cleanup", [])):
        running = [start(site, action, name, value(n)) for n, name in enumerate(names)]
        for result in map(ended, running):
            assert result.code == 0, result
        assert texts(server, zone) == sorted(after + ["foreign"])


def test_two_states_at_once(server, site):
    """Two machines with a mailzone each: no lock tells one of the other."""
    zone = server.add_zone(servers.fresh("acme"))
    sites = [site(server.port) for _ in range(2)]
    for each in sites:
        each.add_domain(zone)
        each.write()
    for action, after in (("present", [value(0), value(1)]), ("cleanup", [])):
        running = [start(each, action, zone, value(n)) for n, each in enumerate(sites)]
        for result in map(ended, running):
            assert result.code == 0, result
        assert texts(server, zone) == sorted(after)


# ---- CNAMEs ----------------------------------------------------------------------------------------


@pytest.fixture
def other(started, server):
    """Another server, of another kind."""
    return started("knot" if server.kind == "bind" else "bind")


def test_alias_into_another_zone(server, other, site):
    """By two CNAMEs, the first within the zone, into a zone on another server."""
    far = other.add_zone(servers.fresh("far"))
    zone = servers.fresh("acme")
    server.add_zone(
        zone, "_acme-challenge.www CNAME next\nnext CNAME Token.%s.\n_acme-challenge.lost CNAME www.elsewhere.test.\n" % far
    )
    site = site(server.port)
    site.settings["servers"].append(dict(site.server, name="other", port=other.port))
    site.add_domain(zone)
    site.add_domain(far, dns={"server": "other"})
    site.write()
    before = server.axfr(zone), other.axfr(far)
    token = (dns.name.from_text("token.%s." % far), dns.rdatatype.TXT)
    site.must(0, "challenge", "present", "www." + zone, value(1))
    site.must(0, "challenge", "present", "*.www." + zone, value(2))
    assert server.axfr(zone) == before[0]
    assert len(other.axfr(far)[token][1]) == 2
    site.must(0, "challenge", "cleanup", "*.www." + zone, value(2))
    site.must(0, "challenge", "cleanup", "www." + zone, value(1))
    assert (server.axfr(zone), other.axfr(far)) == before
    line = one_line(site.run("challenge", "present", "lost." + zone, value(1)))
    assert "_acme-challenge.lost.%s." % zone in line and "www.elsewhere.test." in line


def test_aliases_in_a_circle(bind, site):
    zone = bind.add_zone(servers.fresh("acme"), "_acme-challenge CNAME a\na CNAME _acme-challenge\n")
    site = site(bind.port)
    site.add_domain(zone)
    assert "CNAMEs" in one_line(site.write().run("challenge", "present", zone, value(1)))


def test_deepest_zone(bind, site):
    """A zone below another one, both kept."""
    zone = bind.add_zone(servers.fresh("acme"))
    child = bind.add_zone("child." + zone)
    site = site(bind.port)
    site.add_domain(zone)
    site.add_domain("mail." + child, origin=child)
    before = bind.axfr(zone)
    site.write().must(0, "challenge", "present", child, value(1))
    assert bind.axfr(zone) == before
    assert texts(bind, child) == [value(1)]


def test_delegated_name(bind, site):
    """A child zone that we do not keep."""
    zone = bind.add_zone(servers.fresh("acme"), "child NS ns1.invalid.\n")
    site = site(bind.port)
    site.add_domain(zone)
    assert "delegated" in one_line(site.write().run("challenge", "present", "www.child." + zone, value(1)))


@pytest.mark.parametrize("read", ["query", "axfr"])
@pytest.mark.parametrize("wildcard", ['TXT "any"', "CNAME www.elsewhere.test.", "A 192.0.2.1"])
def test_below_a_wildcard(server, site, read, wildcard):
    """What a wildcard makes up at the name stands nowhere: it is neither followed nor kept."""
    zone = server.add_zone(servers.fresh("acme"), "* %s\n" % wildcard)
    before = server.axfr(zone)
    site = site(server.port, read=read)
    site.add_domain(zone)
    site.write().must(0, "challenge", "present", "www." + zone, value(1))
    site.must(0, "challenge", "present", "*.www." + zone, value(2))
    assert texts(server, "www." + zone) == sorted([value(1), value(2)])
    site.must(0, "challenge", "cleanup", "www." + zone, value(1))
    site.must(0, "challenge", "cleanup", "www." + zone, value(2))
    assert server.axfr(zone) == before


# ---- beside the reconcile ------------------------------------------------------------------------------


def test_reconcile_beside(server, site):
    """No plan of the zone's domains sees, counts or removes it; also where one has a TXT there."""
    zone = server.add_zone(servers.fresh("acme"))
    site = site(server.port)
    domain = site.add_domain(zone, records=['_acme-challenge 300 IN TXT "ours"'])
    site.write().must(0, "apply")
    in_place = site.must(0, "plan").domain(zone)["in_place"]
    site.must(0, "challenge", "present", zone, value(1))
    plan = site.must(0, "plan").domain(zone)
    assert plan["changes"] == [] and plan["in_place"] == in_place
    site.must(0, "apply")
    assert texts(server, zone) == sorted(["ours", value(1)])
    domain["records"] = []
    site.write().must(0, "apply")
    assert texts(server, zone) == [value(1)]
    site.must(0, "withdraw", zone)
    assert texts(server, zone) == [value(1)]
    site.must(0, "challenge", "cleanup", zone, value(1))
    assert server.axfr(zone).keys() == {(dns.name.from_text(zone), dns.rdatatype.NS)}


def test_before_the_first_certificate(bind, site):
    """The domain publishes TLSA, and its certificate is the one to be had."""
    zone = bind.add_zone(servers.fresh("acme"), "mail A 192.0.2.1\n")
    site = site(bind.port)
    site.system["hostname"] = "mail." + zone
    site.system["certificates"] = [{"file": site.path("fullchain.pem"), "hosts": mz.Raw('[ "mail.%s" ]' % zone)}]
    site.add_domain(zone, dns={"publish_records": mz.Raw('[ "mx", "tlsa" ]')})
    assert site.write().run("apply").code == 1
    site.must(0, "challenge", "present", "mail." + zone, value(1))
    site.must(0, "challenge", "cleanup", "mail." + zone, value(1))


# ---- what goes wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv, status, part",
    [
        (["present", "example.test", "short"], 1, "43 characters"),
        (["present", "example.test", value(1)[:-1] + "B"], 1, "43 characters"),
        (["cleanup", "example.test", value(1) + "="], 1, "43 characters"),
        (["present", "example.test", value(1)[:-1] + "+"], 1, "43 characters"),
        (["present", "_acme-challenge.example.test", value(1)], 1, "without _acme-challenge"),
        (["present", "b\u00fccher.example.test", value(1)], 1, "A-label"),
        (["present", "*.*.example.test", value(1)], 1, "no name of a certificate"),
        (["present", ".", value(1)], 1, "no name of a certificate"),
        (["present", "a..example.test", value(1)], 1, "a..example.test"),
        (["present", ".".join(["a" * 63] * 3) + "." + "b" * 45 + ".test", value(1)], 1, "no name"),
        (["present", "www.elsewhere.test", value(1)], 1, "www.elsewhere.test"),
        (["publish", "example.test", value(1)], 64, "publish"),
        (["present", "example.test"], 64, "usage"),
        (["present", "example.test", value(1), "more"], 64, "usage"),
    ],
)
def test_bad_arguments(site, argv, status, part):
    site = site(1)
    site.add_domain("example.test")
    result = site.write().run("challenge", *argv)
    assert result.code == status and part in result.err and result.err.count("\n") == 1, result
    assert result.out == ""


@pytest.mark.parametrize(
    "kind, policy",
    [
        ("bind", "grant mailkey name {zone}. ANY;"),
        ("knot", "update-owner: name\n    update-owner-match: equal\n    update-owner-name: [{zone}.]"),
        ("pdns", None),
    ],
)
def test_denied_name(started, site, kind, policy):
    """PowerDNS knows no names: there the key may write nothing."""
    server, zone = started(kind), servers.fresh("acme")
    server.add_zone(zone, policy=policy.format(zone=zone) if policy else None)
    site = site(server.port, timeout="2s")
    if not policy:
        site.settings["keys"].append(site.key(servers.IDLEKEY))
        site.server.update(key=servers.IDLEKEY.name, transfer_key=servers.MAILKEY.name)
    site.add_domain(zone)
    before = server.axfr(zone)
    line = one_line(site.write().run("challenge", "present", "www." + zone, value(1)))
    assert zone in line
    assert server.axfr(zone) == before
    # what is not there needs no permission to be gone
    site.must(0, "challenge", "cleanup", "www." + zone, value(1))


@pytest.fixture(scope="module")
def secondary(started):
    nsd = servers.Nsd(started("bind")).start()
    yield nsd
    nsd.stop()


def behind(bind, nsd, site, **settings):
    """A secondary that is not notified."""
    zone = bind.add_zone(servers.fresh("acme"))
    nsd.add_zone(zone)
    site = site(bind.port, secondaries=["127.0.0.1:%d" % nsd.port], polling_interval="1s", **settings)
    site.add_domain(zone)
    return zone, site.write()


def test_secondary_lags(bind, secondary, site):
    """present ends after the last server has the value; it fails, and names the one that has it not."""
    zone, site = behind(bind, secondary, site, propagation_timeout="30s")
    running = start(site, "present", zone, value(1))
    servers.wait_for("the update", lambda: texts(bind, zone))
    assert running.poll() is None
    secondary.control("transfer", zone)
    assert ended(running).code == 0
    assert secondary.serial(zone) == bind.serial(zone)

    site.server["propagation_timeout"] = "1s"
    line = one_line(site.write().run("challenge", "present", zone, value(2)))
    assert "127.0.0.1:%d" % secondary.port in line
    # nobody waits for what goes: the secondary has the first value still
    for number in (2, 1):
        site.must(0, "challenge", "cleanup", zone, value(number))
    assert texts(bind, zone) == [] and secondary.serial(zone) != bind.serial(zone)


def test_secondary_has_a_cname_still(bind, secondary, site):
    """Where it has the old CNAME it does not serve the value, though nothing could be added there."""
    zone, site = behind(bind, secondary, site, propagation_timeout="1s")
    bind.must_update(zone, [("_acme-challenge", 60, "CNAME", "elsewhere.test.")])
    secondary.control("transfer", zone)
    servers.wait_for("the CNAME", lambda: secondary.serial(zone) == bind.serial(zone))
    bind.must_update(zone, delete=[("_acme-challenge", "CNAME")])
    line = one_line(site.run("challenge", "present", zone, value(1)))
    assert "127.0.0.1:%d" % secondary.port in line


# ---- kill -9 ---------------------------------------------------------------------------------------------------


def kill_at(proxy, where, process):
    """Kills the process of a list at its first UPDATE: before it arrives, or once it was done."""
    killed = []

    def kill(message, _):
        if opcode(message) == UPDATE and not killed:
            killed.append(True)
            os.kill(process[0].pid, signal.SIGKILL)
            process[0].wait()

    setattr(proxy, where, kill)
    return killed


@pytest.mark.parametrize("where", ["on_request", "on_reply"])
def test_tool_is_killed(server, site, where):
    zone = server.add_zone(servers.fresh("acme"))
    before = server.axfr(zone)
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        site.write()
        process = []
        killed = kill_at(proxy, where, process)
        process.append(start(site, "present", zone, value(1)))
        servers.wait_for("the kill", lambda: killed)
        setattr(proxy, where, None)
        servers.wait_for("the update", lambda: texts(server, zone) == [value(1)])
        site.must(0, "challenge", "present", "*." + zone, value(2))
        site.must(0, "challenge", "cleanup", zone, value(1))
        site.must(0, "challenge", "cleanup", "*." + zone, value(2))
        assert server.axfr(zone) == before


@pytest.mark.parametrize("action", ["present", "cleanup"])
def test_what_is_on_its_way(server, site, action):
    """The update of a process that was killed arrives while the opposite is asked for: that has the last word."""
    zone = server.add_zone(servers.fresh("acme"))
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        site.write()
        if action == "cleanup":
            site.must(0, "challenge", "present", zone, value(1))
        process, held = [], []

        def hold(message, _):
            if opcode(message) == UPDATE and not held:
                os.kill(process[0].pid, signal.SIGKILL)
                process[0].wait()
                held.append(message)
                return []

        proxy.on_request = hold
        process.append(start(site, action, zone, value(1)))
        servers.wait_for("the kill", lambda: held)
        seen = len(proxy.requests)
        opposite = start(site, "cleanup" if action == "present" else "present", zone, value(1))
        servers.wait_for("its first question", lambda: len(proxy.requests) > seen)
        try:
            opposite.wait(0.5)  # half a second is a long way
        except subprocess.TimeoutExpired:
            pass
        with socket.create_connection((servers.HOST, server.port), 10) as late:
            write_frame(late, held[0])
            assert read_frame(late)[3] & 15 == 0, "the update comes too late"
        assert ended(opposite).code == 0
        assert texts(server, zone) == ([] if action == "present" else [value(1)])
        with sqlite3.connect(os.path.join(site.state, "state.db")) as db:
            states = db.execute("SELECT state FROM change").fetchall()
        assert states == [(1,)] * (2 if action == "present" else 3), "all of them were applied"


def test_tool_is_killed_beside_the_daemon(bind, site):
    """The daemon goes on without it."""
    zone = bind.add_zone(servers.fresh("acme"))
    with Proxy(bind.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        with mzd.Daemon(site.write()) as daemon:
            daemon.wait_all()
            process = []
            killed = kill_at(proxy, "on_request", process)
            process.append(start(site, "present", zone, value(1)))
            servers.wait_for("the kill", lambda: killed)
            servers.wait_for("the value", lambda: texts(bind, zone) == [value(1)])
            site.must(0, "challenge", "cleanup", zone, value(1))
            assert texts(bind, zone) == []
            assert [c["state"] for c in mzd.history(site, "_acme-challenge." + zone)] == ["applied"] * 2


def test_daemon_is_killed(server, site):
    """The tool says that it did not end well; what was done can be taken away, with and without daemon."""
    zone = server.add_zone(servers.fresh("acme"))
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        with mzd.Daemon(site.write()) as daemon:
            daemon.wait_all()
            before = server.axfr(zone)
            killed = kill_at(proxy, "on_reply", [daemon.process])
            result = site.run("challenge", "present", zone, value(1))
            assert killed and result.code == 1 and result.err.count("\n") == 1, result
            assert texts(server, zone) == [value(1)]
            proxy.on_reply = None
            # nobody holds the state: the tool itself
            site.must(0, "challenge", "present", "*." + zone, value(2))
            daemon.start()
            site.must(0, "reconcile", "--wait")
            assert texts(server, zone) == sorted([value(1), value(2)])
            site.must(0, "challenge", "cleanup", zone, value(1))
            site.must(0, "challenge", "cleanup", "*." + zone, value(2))
            assert server.axfr(zone) == before
            states = [c["state"] for c in mzd.history(site, "_acme-challenge." + zone)]
            assert states == ["applied"] * 4


# ---- through the daemon -----------------------------------------------------------------------------------------


def test_daemon(server, kept):
    """Values come and go while the zone is reconciled; each is one line of the history."""
    zone, site = kept
    with mzd.Daemon(site) as daemon:
        daemon.wait_all()
        before = server.axfr(zone)
        reconciles = [site.must(0, "reconcile", zone)]
        running = [start(site, "present", name, value(n)) for n, name in enumerate([zone, "*." + zone])]
        reconciles.append(site.must(0, "reconcile", zone, "--wait"))
        for result in map(ended, running):
            assert result.code == 0, result
        site.must(0, "reconcile", "--wait")
        assert texts(server, zone) == sorted(["foreign", value(0), value(1)])
        site.must(0, "challenge", "cleanup", zone, value(0))
        site.must(0, "challenge", "cleanup", zone, value(0))
        assert texts(server, zone) == sorted(["foreign", value(1)])
        result = site.run("challenge", "present", zone, "short")
        assert "43 characters" in one_line(result)

        done = mzd.history(site, "_acme-challenge." + zone)
        assert [len(c["added"]) - len(c["deleted"]) for c in done] == [-1, 1, 1]
        assert all(c["state"] == "applied" and c["origin"] == zone for c in done)
        (change,) = [c for c in done if c["added"] and c["added"][0]["rdata"] == '"%s"' % value(1)]
        site.must(0, "undo", str(change["id"]))
        assert server.axfr(zone) == before
        (gone,) = [c for c in done if c["added"] and c["added"][0]["rdata"] == '"%s"' % value(0)]
        assert "moved on" in one_line(site.run("undo", str(gone["id"])))
        assert daemon.status()[zone]["state"] == "in-sync"


def test_daemon_follows_aliases(bind, knot, site):
    zone, far = servers.fresh("acme"), servers.fresh("far")
    bind.add_zone(zone, "_acme-challenge CNAME next\nnext CNAME token.%s.\n" % far)
    knot.add_zone(far)
    site = site(bind.port)
    site.settings["servers"].append(dict(site.server, name="other", port=knot.port))
    site.add_domain(zone)
    site.add_domain(far, dns={"server": "other"})
    with mzd.Daemon(site.write()) as daemon:
        daemon.wait_all()
        before = knot.axfr(far)
        site.must(0, "challenge", "present", zone, value(1))
        (change,) = mzd.history(site, "_acme-challenge." + zone)
        assert change["origin"] == far and change["added"][0]["owner"] == "token.%s." % far
        site.must(0, "undo", str(change["id"]))
        assert knot.axfr(far) == before


def test_beside_what_propagates(bind, secondary, site):
    """A reconcile and a challenge wait for a secondary: other challenges of the zone are done meanwhile."""
    zone, site = behind(bind, secondary, site, propagation_timeout="10m")
    bind.must_update(zone, [("_acme-challenge.www", 60, "TXT", value(9))])
    with mzd.Daemon(site) as daemon:
        servers.wait_for("the MX", lambda: (dns.name.from_text(zone), dns.rdatatype.MX) in bind.axfr(zone))
        running = []
        for number, name in enumerate((zone, "*." + zone)):
            running.append(start(site, "present", name, value(number)))
            servers.wait_for("the value", lambda: value(number) in texts(bind, name.replace("*.", "")))
        site.must(0, "challenge", "cleanup", "www." + zone, value(9))
        assert texts(bind, "www." + zone) == []
        assert daemon.json("tasks", "--state", "running")["tasks"], "the reconcile is over"
        assert all(process.poll() is None for process in running)
        secondary.control("transfer", zone)
        assert [ended(process).code for process in running] == [0, 0]
        daemon.wait_all()
        for number in range(2):
            site.must(0, "challenge", "cleanup", zone, value(number))
        assert texts(bind, zone) == []
        assert {c["state"] for c in mzd.history(site)} == {"applied"}


# ---- ACME clients -------------------------------------------------------------------------------------------------


CONF = os.path.join(mz.TOP, "conf")


def clients_environment(site):
    """`mailzone` on the PATH is ours, with the site's configuration."""
    os.makedirs(site.path("bin"), exist_ok=True)
    path = site.file("bin/mailzone", '#!/bin/sh\nexec "%s" -c "%s" "$@"\n' % (os.path.abspath(mz.binary()), site.conf), 0o755)
    return dict(os.environ, PATH=os.path.dirname(path) + ":" + os.environ["PATH"], HOME=site.folder)


def call(site, *argv, **environment):
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=site.folder,
        env=dict(clients_environment(site), **environment),
    )
    return mz.Result(done.returncode, done.stdout, done.stderr, 0)


def key_authorization(number):
    """Its value and itself."""
    text = "token%d.thumbprint" % number
    return value(text), text


def as_certbot(site, action, zone, number):
    """certbot hands the hook's line to a shell."""
    line = "%s %s" % (os.path.join(CONF, "certbot-hook"), action)
    validation = key_authorization(number)[0]
    return call(site, "/bin/sh", "-c", line, CERTBOT_DOMAIN=zone, CERTBOT_VALIDATION=validation)


def as_lego(site, action, zone, number):
    fqdn = "_acme-challenge.%s." % zone
    return call(site, os.path.join(CONF, "lego-hook"), action, fqdn, key_authorization(number)[0])


def as_lego_raw(site, action, zone, number):
    text = key_authorization(number)[1]
    return call(site, os.path.join(CONF, "lego-hook"), action, "--", zone, text.split(".")[0], text)


def as_acme_sh(site, action, zone, number):
    """acme.sh reads the file, and asks the functions for their status."""
    function = {"present": "dns_mailzone_add", "cleanup": "dns_mailzone_rm"}[action]
    script = '. "$1"; if ! %s "$2" "$3"; then exit 1; fi' % function
    name = "_acme-challenge." + zone
    return call(
        site, "/bin/sh", "-c", script, "acme.sh", os.path.join(CONF, "dns_mailzone.sh"), name, key_authorization(number)[0]
    )


@pytest.mark.parametrize("client", [as_certbot, as_lego, as_lego_raw, as_acme_sh])
def test_hooks(bind, site, client):
    zone = bind.add_zone(servers.fresh("acme"), '_acme-challenge TXT "foreign"\n')
    site = site(bind.port)
    site.add_domain(zone)
    site.write()
    dash = next(n for n in range(10000) if key_authorization(n)[0].startswith("-"))
    for number in (1, dash):
        result = client(site, "present", zone, number)
        assert result.code == 0 and result.err == "", result
    assert texts(bind, zone) == sorted(["foreign"] + [key_authorization(n)[0] for n in (1, dash)])
    for number in (dash, 1):
        assert client(site, "cleanup", zone, number).code == 0
    assert texts(bind, zone) == ["foreign"]
    one_line(client(site, "present", "www.elsewhere.test", 1))


def test_hooks_called_wrongly(site):
    site = site(1).write()
    lego, certbot = os.path.join(CONF, "lego-hook"), os.path.join(CONF, "certbot-hook")
    for argv in ([lego], [lego, "present"], [lego, "present", "--", "a", "b"], [lego, "publish", "a", "b"], [certbot]):
        result = call(site, *argv)
        assert result.code == 64 and result.err.startswith("usage:") and result.err.count("\n") == 1, result
    result = call(site, lego, "present", "token.far.test.", value(1))
    assert result.code == 1 and "LEGO_DISABLE_CNAME_SUPPORT" in result.err, result
    assert call(site, certbot, "present", CERTBOT_DOMAIN="example.test", CERTBOT_VALIDATION="").code != 0


def issued(path, zone):
    with open(path, "rb") as f:
        certificate = acme.x509.load_pem_x509_certificate(f.read())
    names = certificate.extensions.get_extension_for_class(acme.x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(acme.x509.DNSName)) == sorted([zone, "*." + zone])


def certbot(site, ca, zone):
    """Its arguments."""
    hook = os.path.join(CONF, "certbot-hook")
    return [
        *["certbot", "certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email"],
        *["--server", ca.directory, "--manual", "--preferred-challenges", "dns"],
        *["--manual-auth-hook", hook + " present", "--manual-cleanup-hook", hook + " cleanup"],
        *["--config-dir", site.path("le"), "--work-dir", site.path("le"), "--logs-dir", site.path("le")],
        *["-d", zone, "-d", "*." + zone],
    ]


def lego(site, ca, zone):
    """Its arguments, and its environment."""
    argv = ["lego", "--server", ca.directory, "--accept-tos", "--email", "postmaster@example.test"]
    argv += ["--path", site.path("lego"), "--dns", "exec", "--dns.disable-cp", "-d", zone, "-d", "*." + zone, "run"]
    interval = {"EXEC_SEQUENCE_INTERVAL": "1", "EXEC_POLLING_INTERVAL": "1"}
    return argv, dict(interval, EXEC_PATH=os.path.join(CONF, "lego-hook"), LEGO_DISABLE_CNAME_SUPPORT="true")


def test_certbot(server, kept):
    """The real one: apex and wildcard in one certificate, so two values at one name."""
    zone, site = kept
    before = server.axfr(zone)
    with acme.Acme(lambda name: texts(server, name)) as ca:
        result = call(site, *certbot(site, ca, zone))
        assert result.code == 0, result
        assert len(ca.asked) == 2
        wanted = sorted(want for want, _ in ca.asked)
        assert all(found == sorted(wanted + ["foreign"]) for _, found in ca.asked), ca.asked
    issued(site.path("le", "live", zone, "fullchain.pem"), zone)
    assert server.axfr(zone) == before


@pytest.mark.parametrize("mode", ["", "RAW"])
def test_lego(server, kept, mode):
    zone, site = kept
    before = server.axfr(zone)
    with acme.Acme(lambda name: texts(server, name)) as ca:
        argv, environment = lego(site, ca, zone)
        result = call(site, *argv, **dict(environment, EXEC_MODE=mode))
        assert result.code == 0, result
        assert len(ca.asked) == 2 and all(want in found for want, found in ca.asked)
    issued(site.path("lego", "certificates", zone + ".crt"), zone)
    assert server.axfr(zone) == before


@pytest.mark.parametrize("alias", [False, True])
def test_certbot_and_lego_at_once(bind, site, alias):
    """Two clients, apex and wildcard each, one name: also where that is a CNAME into another zone of ours."""
    zone, far = servers.fresh("acme"), servers.fresh("far")
    bind.add_zone(zone, "_acme-challenge CNAME token.%s.\n" % far if alias else "")
    bind.add_zone(far)
    site = site(bind.port)
    site.add_domain(zone)
    site.add_domain(far)
    # a CA follows the CNAME itself
    look = (lambda _: strings(bind, "token." + far)) if alias else (lambda name: texts(bind, name))
    with mzd.Daemon(site.write()) as daemon, acme.Acme(look) as ca:
        daemon.wait_all()
        before = bind.axfr(zone), bind.axfr(far)
        argv, environment = lego(site, ca, zone)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            both = pool.submit(call, site, *certbot(site, ca, zone)), pool.submit(call, site, *argv, **environment)
        for result in (f.result() for f in both):
            assert result.code == 0, result
        assert len(ca.asked) == 4 and all(want in found for want, found in ca.asked)
        assert (bind.axfr(zone), bind.axfr(far)) == before
    issued(site.path("le", "live", zone, "fullchain.pem"), zone)
    issued(site.path("lego", "certificates", zone + ".crt"), zone)
