# SPDX-License-Identifier: BSD-2-Clause
"""mailzoned: what starts its work, what survives, and what it says.

MZ_KILLS: how many kills -9 a server (25).
"""

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import struct
import time

import dns.name
import dns.rdatatype
import pytest

import model
import mz
import mzd
import servers
from mzd import Daemon
from proxy import Proxy

KILLS = int(os.environ.get("MZ_KILLS", "25"))


def daemon_site(site, port, **settings):
    made = site(port, **settings)
    made.settings["log"] = {"level": "info", "format": "logfmt"}
    made.settings["reconcile_interval"] = "1h"
    made.settings["task_manager"] = {
        "max_attempts": 3,
        "retry": {"strategy": "exponential", "initial_delay": "1s", "max_delay": "2s", "jitter": False},
    }
    return made


def whole(server, site, zone, domain=None):
    """Does the zone hold all that its domain desires?"""
    held = server.axfr(zone)
    wanted = model.derive(domain or {"name": zone}, site.system)
    return all(rr.wire in held.get(rr.slot, (0, frozenset()))[1] for rr in wanted)


def wait_whole(server, site, zone, seconds=20, domain=None):
    servers.wait_for("zone %s" % zone, lambda: whole(server, site, zone, domain), seconds)


def test_start_reload_and_errors(server, site):
    """Everything is published at the start; a new file is; a broken one is not, and the old set goes on."""
    site = daemon_site(site, server.port)
    os.mkdir(site.path("domains.d"))
    site.settings["domain_directory"] = "domains.d"
    zones = [servers.fresh("d") for _ in range(12)]
    server.add_zones([servers.Zone(z) for z in zones])
    for zone in zones[:10]:
        site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        for zone in zones[:10]:
            assert whole(server, site, zone), zone
        serials = [server.serial(z) for z in zones[:10]]
        new = mz.libconfig([{"name": zones[10], "dns_management": {"mode": "automatic", "server": "primary"}}])
        site.file("domains.d/new.conf", "domains = %s;\n" % new)
        site.must(0, "reload")
        wait_whole(server, site, zones[10], 5)
        assert [server.serial(z) for z in zones[:10]] == serials
        site.file("domains.d/broken.conf", "domains = (\n  { nmae = \"x.test\"; } );\n")
        result = site.run("reload")
        assert result.code == 1 and "the old one goes on" in result.err.splitlines()[-1], result
        assert [line.split(": ")[1:] for line in result.err.splitlines()[:-1]] == [
            line.split(": ") for line in site.run("check").err.splitlines()
        ], result
        assert "broken.conf:2: error:" in result.err, result
        daemon.wait_log("broken.conf:2: error:")
        assert daemon.status()[zones[10]]["state"] == "in-sync"
        os.unlink(site.path("domains.d/broken.conf"))
        # a file that appears is found without a word
        new = new.replace(zones[10], zones[11])
        site.file("domains.d/other.conf", "domains = %s;\n" % new)
        wait_whole(server, site, zones[11], 10)
        assert daemon.stop() == 0


@pytest.mark.parametrize("how", ["SIGHUP", "command"])
def test_changed_and_removed(server, site, how):
    """What changed is published; what left is kept, or withdrawn; what is manual is let go."""
    site = daemon_site(site, server.port)
    zones = [servers.fresh("d") for _ in range(4)]
    server.add_zones([servers.Zone(z) for z in zones])
    domains = [site.add_domain(z) for z in zones]
    domains[1]["dns_management"]["on_removal"] = "withdraw"
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        domains[0]["spf"] = "v=spf1 ip4:192.0.2.1 -all"
        domains[3]["dns_management"]["mode"] = "manual"
        site.settings["domains"] = [domains[0], domains[3]]
        site.write()
        if how == "SIGHUP":
            daemon.signal(signal.SIGHUP)
        else:
            site.must(0, "reload")
        wait_whole(server, site, zones[0], 10, domains[0])
        apex = (dns.name.from_text(zones[1]), dns.rdatatype.MX)
        servers.wait_for("withdrawal", lambda: apex not in server.axfr(zones[1]), 10)
        daemon.wait_log(" deleted domain=%s " % zones[1])
        assert whole(server, site, zones[2]) and whole(server, site, zones[3])
        assert daemon.status()[zones[3]]["state"] == "manual"
        assert daemon.stop() == 0
    result = site.run("withdraw", zones[3])
    assert "nothing to withdraw" in result.out, result


def test_comes_back_before_its_withdrawal(server, site):
    """A withdrawal that waits to be tried again is over when its domain is in the configuration again."""
    site = daemon_site(site, server.port)
    site.settings["task_manager"].update(max_attempts=20)
    zones = [servers.fresh("d") for _ in range(2)]
    server.add_zones([servers.Zone(z) for z in zones])
    domains = [site.add_domain(z) for z in zones]
    domains[1]["dns_management"]["on_removal"] = "withdraw"
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        site.server["port"] = servers.free_port()  # nobody answers there
        site.settings["domains"] = domains[:1]
        site.write().must(0, "reload")
        servers.wait_for("an attempt", lambda: daemon.json("tasks", "--state", "retry")["tasks"], 20)
        site.server["port"] = server.port
        domains[1]["spf"] = "v=spf1 ip4:192.0.2.1 -all"
        site.settings["domains"] = domains
        site.write().must(0, "reload")
        wait_whole(server, site, zones[1], 10, domains[1])
        servers.wait_for("the tasks", lambda: {t["state"] for t in daemon.json("tasks")["tasks"]} <= {"done"}, 30)
        assert whole(server, site, zones[1], domains[1])
        assert daemon.stop() == 0


def test_history_is_long(bind, site):
    """A client that does not read a long history holds nobody up, and gets all of it once it does."""
    site = daemon_site(site, bind.port)
    site.write()
    with Daemon(site) as daemon:
        assert daemon.stop() == 0
        rr = struct.pack(">BHIB", 4, 16, 300, 8) + b"\1a\4test\0" + struct.pack(">HB", 201, 200) + b"x" * 200
        rrs = b"\1" + struct.pack(">I", 1) + rr
        with contextlib.closing(sqlite3.connect(site.path("state", "state.db"))) as db, db:
            db.executemany(
                "INSERT INTO change (time, server, origin, domain, state, serial, added, deleted)"
                " VALUES (1793491200, 'primary', 'a.test', 'a.test', 1, ?, ?, ?)",
                [(i, rrs, rrs) for i in range(40000)],
            )
        daemon.start()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(site.path("control.sock"))
            sock.sendall(
                b'{"mailzone": 1, "command": "history", "arguments": {"format": "json", "limit": 100000}}\n'
            )
            # so much is never kept for a client
            site.must(0, "version")
            with sock.makefile() as replies:
                said = [json.loads(line) for line in replies]
        assert said[-1] == {"exit": 0}, said[-1]
        changes = json.loads("".join(reply["output"] for reply in said[:-1]))["changes"]
        assert [c["serial"] for c in changes] == list(range(39999, -1, -1))
        assert len(site.run("history", "--limit", "30001").out.splitlines()) == 3 * 30001
        assert site.run("history", "b.test", "--limit", "7").out == ""
        assert [c["id"] for c in mzd.history(site, "a.test", "--limit", "2")] == [40000, 39999]
        assert daemon.stop() == 0


def test_notify_repairs(server, site):
    """A record deleted by hand comes back at once where the server sends NOTIFY."""
    port = servers.free_port()
    if server.kind == "pdns":
        server = servers.Pdns(also_notify=[port]).start()
    try:
        zone = servers.fresh("n")
        server.add_zones([servers.Zone(zone, also_notify=[port])])
        site = daemon_site(site, server.port)
        site.settings["notify"] = {"listen": ["127.0.0.1:%d" % port]}
        site.add_domain(zone)
        site.write()
        with Daemon(site) as daemon:
            daemon.wait_all()
            for rdtype in ("MX", "TXT"):
                server.must_update(zone, [], [("@", rdtype)])
                wait_whole(server, site, zone, 10)
            assert daemon.stop() == 0
    finally:
        if server.kind == "pdns":
            server.stop()


def test_interval_repairs(server, site):
    zone = server.add_zone(servers.fresh("i"))
    site = daemon_site(site, server.port)
    site.settings["reconcile_interval"] = "1s"
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        server.must_update(zone, [("@", 60, "MX", "5 other.example.")], [("@", "MX")])
        wait_whole(server, site, zone, 30 if server.kind == "pdns" else 10)
        tasks = daemon.json("tasks")["tasks"]
        assert len(tasks) == 1, "looks that went well leave no trace: %s" % tasks
        assert daemon.stop() == 0


def test_sigusr1(server, site):
    zone = server.add_zone(servers.fresh("u"))
    site = daemon_site(site, server.port)
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        server.must_update(zone, [], [("_dmarc", "TXT")])
        daemon.signal(signal.SIGUSR1)
        if server.kind == "pdns":  # its answer to the probe may come from a cache
            servers.wait_for("SOA", lambda: not time.sleep(0.5) and (daemon.signal(signal.SIGUSR1) or whole(server, site, zone)), 40)
        wait_whole(server, site, zone, 10)


def test_same_commands_either_way(server, site):
    """plan, apply and withdraw print the same with a daemon and without."""
    zone = server.add_zone(servers.fresh("e"), '@ TXT "foreign"')
    site = daemon_site(site, server.port)
    site.add_domain(zone, dns={"publish_records": ["mx"]})
    site.write()
    site.must(0, "apply")
    alone = site.plan(zone), site.run("plan")
    with Daemon(site) as daemon:
        daemon.wait_all()
        both = site.plan(zone), site.run("plan")
        assert [r.out for r in both] == [r.out for r in alone]
        assert [r.code for r in both] == [0, 0]
        assert site.run("plan", "no.such.test").code == 1
        for command in ("plan", "status"):  # as many names as one likes, and in any spelling
            assert site.run(command, *[zone] * 1000).out == site.run(command, zone.upper() + ".").out, command
        assert site.run("history", zone.upper() + ".").out == site.run("history", zone).out != ""
        server.must_update(zone, [], [("@", "MX")])
        result = site.must(0, "apply")
        assert [c["type"] for c in result.domain(zone)["changes"]] == ["MX"]
        result = site.must(0, "withdraw", zone)
        assert [c["action"] for c in result.json["domains"][0]["changes"]] == ["delete"]
        assert daemon.stop() == 0


def test_status_and_log_of_what_is_done_by_hand(server, site):
    """apply, withdraw and undo through the daemon: each change is a line of its log, the status follows."""
    zone = server.add_zone(servers.fresh("hand"), "autodiscover A 192.0.2.1")
    site = daemon_site(site, server.port)
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:

        def logged(event):
            return sum(" %s domain=%s " % (event, zone) in line for line in daemon.log().splitlines())

        reason = daemon.wait_state(zone, "failed")["reason"]
        assert "autodiscover" in reason, reason
        added = logged("added")
        server.must_update(zone, [], [("autodiscover", "A")])
        result = site.must(0, "apply", zone)
        assert logged("added") == added + 1
        status = daemon.status()[zone]
        assert (status["state"], status["reason"]) == ("in-sync", None), status
        assert status["serial"] == result.domain(zone)["serial"], status
        result = site.run("withdraw", zone)
        assert result.code == 0 and "come again" in result.err, result
        assert logged("deleted") == added + 1
        status = daemon.status()[zone]
        assert status["state"] == "pending" and "by hand" in status["reason"], status
        site.must(0, "apply", "--records", "mx", zone)  # only a part: the status waits for the whole
        assert daemon.status()[zone]["state"] == "pending"
        site.must(0, "reconcile", "--wait", zone)
        assert daemon.status()[zone]["state"] == "in-sync"
        changes = mzd.history(site, zone)
        site.must(0, "undo", str(changes[0]["id"]))
        assert logged("deleted") == added + 1 + len(changes[0]["added"])
        assert daemon.status()[zone]["state"] == "pending"
        assert daemon.stop() == 0


def test_undo(server, site):
    zone = server.add_zone(servers.fresh("h"), '@ 900 MX 5 old.example.\n_dmarc 60 TXT "v=DMARC1; p=none"')
    before = server.axfr(zone)
    site = daemon_site(site, server.port)
    domain = site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        (change,) = mzd.history(site, zone)
        assert change["state"] == "applied" and change["serial"] is not None
        result = site.run("undo", str(change["id"]))
        assert result.code == 0 and "come again" in result.err, result
        assert server.axfr(zone) == before
        assert {c["id"]: c["state"] for c in mzd.history(site)}[change["id"]] == "undone"
        assert site.run("undo", str(change["id"])).code == 1
        site.must(0, "reconcile", "--wait", zone)
        assert whole(server, site, zone, domain)
        newest = mzd.history(site, zone)[0]
        server.must_update(zone, [], [("@", "MX")])
        held = server.axfr(zone)
        result = site.run("undo", str(newest["id"]))
        assert result.code == 1 and "moved on" in result.err, result
        assert server.axfr(zone) == held
        assert site.run("undo", "4711").code == 1
        assert site.run("undo", "x").code == 64
        assert daemon.stop() == 0


def test_reconcile_and_tasks(server, site):
    zones = [servers.fresh("t") for _ in range(3)]
    server.add_zones([servers.Zone(z) for z in zones])
    with Proxy(server.port) as proxy:
        site = daemon_site(site, proxy.port, timeout="1s")
        for zone in zones:
            site.add_domain(zone)
        site.write()
        with Daemon(site) as daemon:
            daemon.wait_all()
            sent = len(proxy.updates())
            result = site.must(0, "reconcile", "--wait")
            assert len(result.json["tasks"]) == 3
            assert len(proxy.updates()) == sent
            assert site.run("reconcile", "no.such.test").code == 1
            result = site.run("reconcile", "--on-success-renew-certificate")
            assert result.code == 1 and "hooks.certificate_renew" in result.err, result
            assert site.run("tasks", "--state", "no-such").code == 64
            assert site.run("tasks", "show", "4711").code == 1
            done = daemon.json("tasks", "--state", "done")["tasks"]
            assert len(done) == 6 and all(t["kind"] == "dns-management" for t in done)
            assert daemon.stop() == 0


def test_server_down(server, site):
    """Tasks retry, wait, fail with the true reason, and `tasks retry` works at once."""
    zone = server.add_zone(servers.fresh("down"))
    proxy = Proxy(server.port)
    site = daemon_site(site, proxy.port, timeout="1s")
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        port = proxy.port
        proxy.close()
        server.must_update(zone, [], [("@", "MX")])
        result = site.run("reconcile", "--wait", zone)
        assert result.code == 1 and "no connection" in result.err + daemon.log(), result
        found = daemon.wait_state(zone, "failed")
        assert "127.0.0.1:%d" % port in found["reason"]
        (failed,) = daemon.json("tasks", "--state", "failed")["tasks"]
        assert failed["attempt"] == 3 and failed["reason"]
        daemon.wait_log(" task_failed task=%d domain=%s reason=" % (failed["id"], zone))
        assert site.must(0, "status").json["servers"][0]["state"] in ("slow", "down")
        # back at the same port
        site.server["port"] = server.port
        site.write()
        site.must(0, "reload")
        site.must(0, "tasks", "retry", str(failed["id"]))
        wait_whole(server, site, zone, 40 if server.kind == "pdns" else 10)
        daemon.wait_state(zone, "in-sync")
        assert daemon.stop() == 0


def test_second_daemon(bind, site):
    zone = bind.add_zone(servers.fresh("two"))
    site = daemon_site(site, bind.port)
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        second = mz.subprocess.run([mzd.binary(), "-c", site.conf], capture_output=True, text=True, timeout=20)
        assert second.returncode == 1
        assert "mailzoned, pid %d, since 20" % daemon.process.pid in second.stderr, second
        assert daemon.answers()


@pytest.mark.parametrize("fault", ["corrupt", "not a folder"])
def test_bad_state(bind, site, fault):
    """A clear line, exit 1, no zone touched."""
    zone = bind.add_zone(servers.fresh("bad"))
    before = bind.serial(zone)
    site = daemon_site(site, bind.port)
    site.add_domain(zone)
    site.write()
    if fault == "corrupt":
        os.mkdir(site.state, 0o700)
        site.file("state/state.db", b"SQLite format 3\0" + b"\xff" * 8192)
    else:
        site.file("state", "a file")
    ended = mz.subprocess.run([mzd.binary(), "-c", site.conf], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    lines = [x for x in ended.stderr.splitlines() if x.startswith("mailzoned: ")]
    assert len(lines) == 1 and "state" in lines[0], ended
    assert bind.serial(zone) == before


def test_killed_at_any_moment(server, site):
    """After each kill -9 and a new start: no task lost, no row left open, the ledger equals the zone."""
    rng = random.Random(os.environ.get("MZ_SEED", "kills"))
    zones = [servers.fresh("k") for _ in range(6)]
    server.add_zones([servers.Zone(z, '@ TXT "foreign"') for z in zones])
    before = {z: server.axfr(z) for z in zones}
    site = daemon_site(site, server.port)
    domains = [site.add_domain(z) for z in zones]
    daemon = Daemon(site)
    try:
        for n in range(KILLS):
            for domain in domains:
                domain["spf"] = "v=spf1 ip4:192.0.2.%d -all" % rng.randrange(250)
                domain["mx"] = [{"host": "mx%d.example.net" % rng.randrange(9)}]
            site.write()
            daemon.start(wait=False)
            time.sleep(rng.random() * 0.12)
            daemon.stop(signal.SIGKILL)
        daemon.start()
        daemon.wait_all()
        for zone, domain in zip(zones, domains):
            assert whole(server, site, zone, domain), zone
        states = {c["state"] for c in mzd.history(site, "--limit", "1000")}
        assert "intended" not in states, states
        for zone in zones:
            site.must(0, "withdraw", zone)
            left = {s: v for s, v in server.axfr(zone).items() if s[1] != dns.rdatatype.SOA}
            was = {s: v for s, v in before[zone].items() if s[1] != dns.rdatatype.SOA}
            assert left == was, model.difference(left, was)
        assert daemon.stop() == 0
    finally:
        daemon.stop(signal.SIGKILL)


def test_renew_hook(bind, site):
    """The hook runs once the change is served; its output goes to the log; a failure is a failed task."""
    zone = bind.add_zone(servers.fresh("hook"))
    site = daemon_site(site, bind.port)
    script = site.file(
        "renew",
        "#!/bin/sh\necho renewed at once\n"
        "echo /dev/null is open as $(ls -l /proc/self/fd | sed -n 's!.* \\([0-9]*\\) -> /dev/null$!\\1!p').\n"
        "exit $(cat %s)\n" % site.path("status"),
        0o700,
    )
    site.file("status", "0")
    site.settings["hooks"] = {"certificate_renew": mz.Raw('[ "%s" ]' % script), "timeout": "10s"}
    site.add_domain(zone)
    site.write()
    with Daemon(site) as daemon:
        daemon.wait_all()
        site.must(0, "reconcile", "--on-success-renew-certificate", "--wait", zone)
        assert "renewed at once" in daemon.log()
        daemon.wait_log("/dev/null is open as 0.")  # and as nothing else
        site.file("status", "3")
        result = site.must(1, "reconcile", "--on-success-renew-certificate", "--wait", zone)
        assert "exit status 3" in result.err
        assert daemon.stop() == 0


def test_sd_notify(bind, site):
    import socket

    zone = bind.add_zone(servers.fresh("sd"))
    site = daemon_site(site, bind.port)
    site.add_domain(zone)
    site.write()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(site.path("notify.sock"))
        sock.settimeout(10)
        with Daemon(site, {"NOTIFY_SOCKET": site.path("notify.sock")}) as daemon:
            assert sock.recv(512).startswith(b"READY=1\nSTATUS=1 domains")
            daemon.signal(signal.SIGHUP)
            assert sock.recv(512).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert sock.recv(512).startswith(b"READY=1")
            assert daemon.stop() == 0
            assert sock.recv(512) == b"STOPPING=1"
