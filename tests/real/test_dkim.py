# SPDX-License-Identifier: BSD-2-Clause
"""DKIM keys over time: no key signs before every server serves it, and none goes before its successor signs."""

import contextlib
import datetime
import glob
import json
import os
import random
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import time

import pytest

import mz
import servers
from dkimsite import BOTH, add_zone, all_active, dkim_site, expected, key_file, keys, record, signers, text, wait_keys, wait_record
from mzd import Daemon


@pytest.fixture
def server(uncached):
    return uncached


def secrets(site):
    """Lines of the private keys that there are now."""
    lines = []
    for path in glob.glob(site.path("state", "dkim", "*", "*.pem")):
        with open(path) as f:
            lines += [line.strip() for line in f if not line.startswith("-----")]
    assert lines
    return lines


def test_first_rotated_retired(server, site):
    """The first keys sign once they are served; a rotation replaces them; the old ones leave in time."""
    zone = add_zone(server)
    site = dkim_site(site, server, zone, retire_after="4s", delete_after="3s")
    hidden = set()
    with Daemon(site) as daemon:
        first = wait_keys(daemon, all_active())
        # the next step is months away: nothing is pending
        assert daemon.wait_state(zone, "in-sync")["reason"] is None
        for (_, _), key in first.items():
            path = key_file(site, zone, key["selector"])
            assert record(server, zone, key["selector"]) == expected(site, zone, key)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
            assert key["seen_at"] == ["primary"] and key["waiting_for"] is None, key
            assert key["next_transition"] > key["since"]
        hidden.update(secrets(site))
        site.must(0, "dkim", "rotate", zone, "--now")
        both = wait_keys(daemon, all_active() | {("retiring", a) for a in BOTH})
        hidden.update(secrets(site))
        for algorithm in BOTH:
            new, old = both["active", algorithm], both["retiring", algorithm]
            assert old["selector"] == first["active", algorithm]["selector"] != new["selector"]
            # one step: there is no moment without, and none with two that sign
            assert new["since"] == old["since"]
            assert record(server, zone, new["selector"]) == expected(site, zone, new)
        wait_keys(daemon, all_active())
        for algorithm in BOTH:
            old = first["active", algorithm]["selector"]
            wait_record(server, zone, old, None)
            assert not os.path.exists(key_file(site, zone, old))
            assert os.path.exists(key_file(site, zone, both["active", algorithm]["selector"]))
        said = daemon.log()
        said += site.run("--format", "json", "history", "--limit", "1000").out
        said += site.run("history").out + site.run("tasks").out
        said += site.run("dkim", "list").out + site.run("--format", "json", "dkim", "list").out
        assert [line for line in hidden if line in said] == []
        assert daemon.stop() == 0
    # the next process goes on with the same keys
    with Daemon(site) as daemon:
        again = wait_keys(daemon, all_active())
        assert {k["selector"] for k in again.values()} == {
            both["active", a]["selector"] for a in BOTH
        }
        assert daemon.stop() == 0


def test_revoked(server, site):
    """The record of a revoked key says so at once, and its successor signs soon."""
    zone = add_zone(server)
    site = dkim_site(site, server, zone, ["ed25519-sha256"])
    with Daemon(site) as daemon:
        first = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        site.must(0, "dkim", "revoke", zone, first["selector"])
        wait_record(server, zone, first["selector"], "v=DKIM1; p=")
        found = wait_keys(daemon, {("revoked", "ed25519-sha256"), ("active", "ed25519-sha256")})
        assert found["revoked", "ed25519-sha256"]["selector"] == first["selector"]
        assert record(server, zone, first["selector"]) == "v=DKIM1; p="
        assert site.run("dkim", "revoke", zone, first["selector"]).code == 1
        assert daemon.stop() == 0


@pytest.mark.parametrize("how", ["deleted", "altered", "added"])
def test_repaired(server, site, how):
    """The record of a key that signs is as it should be, and alone, with the next look after somebody changed it."""
    zone = add_zone(server)
    site = dkim_site(site, server, zone, ["ed25519-sha256"])
    with Daemon(site) as daemon:
        key = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        owner = "%s._domainkey.%s." % (key["selector"], zone)
        add = [] if how == "deleted" else [(owner, 300, "TXT", '"v=DKIM1; k=rsa; p=AAAA"')]
        server.must_update(zone, add, [] if how == "added" else [(owner, "TXT")])
        site.must(0, "reconcile", "--wait", zone)
        assert record(server, zone, key["selector"]) == expected(site, zone, key)
        daemon.wait_log("deleted domain=" if how == "added" else "dkim_repaired")
        assert daemon.stop() == 0


def test_repaired_before_it_signs(bind, site):
    """Of a record that was gone between two looks caches may say for its negative TTL that there is none."""
    zone = servers.fresh("dkim")
    bind.add_zones([servers.Zone(zone, minimum=12)])
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    with Daemon(site) as daemon:
        waits = lambda words: [k for k in keys(daemon, "pending") if k["waiting_for"].startswith(words)]
        (key,) = servers.wait_for("two looks", lambda: waits("what caches keep"), 20)
        due = datetime.datetime.fromisoformat(key["next_transition"].replace("Z", "+00:00")).timestamp()
        servers.wait_for("nearly its time", lambda: time.time() > due - 5, 20)
        bind.must_update(zone, delete=[("%s._domainkey.%s." % (key["selector"], zone), "TXT")])
        site.must(0, "reconcile", "--wait", zone)
        mended = time.time()
        assert record(bind, zone, key["selector"]) == expected(site, zone, key)
        wait_keys(daemon, {("active", "ed25519-sha256")})
        assert time.time() - mended >= 12
        assert daemon.stop() == 0


def test_stopped_secondary(bind, site):
    """While one secondary does not answer, the old key goes on to sign; then the new one takes over."""
    nsd = servers.Nsd(bind).start()
    try:
        zone = add_zone(bind, also_notify=[nsd.port])
        nsd.add_zone(zone)
        site = dkim_site(site, bind, zone, ["ed25519-sha256"])
        site.server["secondaries"] = mz.Raw('[ "127.0.0.1:%d" ]' % nsd.port)
        site.server["propagation_timeout"] = "2s"
        site.server["timeout"] = "2s"
        site.write()
        with Daemon(site) as daemon:
            old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
            assert old["seen_at"] == ["primary", "127.0.0.1:%d" % nsd.port]
            nsd.kill()
            site.must(0, "dkim", "rotate", zone, "--now")

            def primary_only():
                new = keys(daemon, "pending")
                return new[0] if new and new[0]["seen_at"] == ["primary"] else None

            # the primary has been seen to serve it twice, and still:
            new = servers.wait_for("the primary", primary_only, 30)
            servers.wait_for(
                "two looks",
                lambda: keys(daemon, "pending")[0]["waiting_for"].endswith(" at 127.0.0.1:%d" % nsd.port),
                30,
            )
            assert [k["selector"] for k in keys(daemon, "active")] == [old["selector"]]
            nsd.start()
            found = wait_keys(daemon, {("active", "ed25519-sha256"), ("retiring", "ed25519-sha256")}, 120)
            assert found["active", "ed25519-sha256"]["selector"] == new["selector"]
            assert daemon.stop() == 0
    finally:
        nsd.stop()


@pytest.mark.parametrize("how", ["added", "deleted"])
def test_secondary_from_before(server, site, how):
    """One that lags has the record as it was before it was put right: what was there in between may still come."""
    secondary = servers.BindSecondary(server).start()
    try:
        zone = servers.fresh("dkim")
        server.add_zones([servers.Zone(zone, minimum=15)])
        secondary.add_zone(zone)
        site = dkim_site(site, server, zone, ["ed25519-sha256"])
        site.server["secondaries"] = mz.Raw('[ "127.0.0.1:%d" ]' % secondary.port)
        site.server["propagation_timeout"] = "2s"
        site.write()

        def waits(words):
            return [k for k in keys(daemon, "pending") if k["waiting_for"] == words]

        with Daemon(site) as daemon:
            (key,) = servers.wait_for("a key", lambda: keys(daemon, "pending"), 20)
            owner = "%s._domainkey.%s." % (key["selector"], zone)
            servers.wait_for("its record", lambda: record(server, zone, key["selector"]), 20)
            secondary.rndc("retransfer", zone)
            servers.wait_for("two looks", lambda: waits("what caches keep from before to run out"), 30)
            if how == "added":
                server.must_update(zone, [(owner, 1, "TXT", '"v=DKIM1; k=rsa; p=AAAA"')])
            else:
                server.must_update(zone, delete=[(owner, "TXT")])
            site.must(0, "reconcile", "--wait", zone)
            # it answers with the right record, and is a version behind
            for held in (server, secondary):
                assert record(held, zone, key["selector"]) == expected(site, zone, key)
            assert secondary.serial(zone) < server.serial(zone)
            words = "two looks in a row that find its record as it was put right at 127.0.0.1:%d" % secondary.port
            servers.wait_for("the primary", lambda: waits(words), 30)
            assert daemon.stop(signal.SIGKILL) != 0
            daemon.start()
            servers.wait_for("the same", lambda: waits(words), 30)
            secondary.rndc("retransfer", zone)
            caught_up = time.time()
            found = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
            assert found["selector"] == key["selector"]
            assert time.time() - caught_up >= 15
            assert daemon.stop() == 0
    finally:
        secondary.stop()


def test_killed(bind, site):
    """kill -9 at any moment of a rotation: there is one key that signs, it is served, and it goes on."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"], retire_after="2s", delete_after="1s")
    signers(site)
    selectors = set()
    with Daemon(site) as daemon:
        wait_keys(daemon, {("active", "ed25519-sha256")})
        for _ in range(8):
            site.run("dkim", "rotate", zone, "--now")
            time.sleep(random.uniform(0, 5))
            daemon.stop(signal.SIGKILL)
            daemon.start()
            found = daemon.json("dkim", "list")["keys"]
            (active,) = [k for k in found if k["stage"] == "active"]
            assert record(bind, zone, active["selector"]) == expected(site, zone, active)
            # what signers were told is this key, or one that is served as well and about to follow it
            (told,) = re.findall(r":(\S+):/", text(site.path("KeyTable")))
            (key,) = [k for k in found if k["selector"] == told]
            assert key["stage"] in ("active", "pending"), found
            assert record(bind, zone, told) == expected(site, zone, key)
            selectors.add(active["selector"])
        last = {k["selector"] for k in keys(daemon, "active")}
        site.run("dkim", "rotate", zone, "--now")
        servers.wait_for("the last rotation", lambda: {k["selector"] for k in keys(daemon, "active")} != last, 60)
        wait_keys(daemon, {("active", "ed25519-sha256")}, 60)
        left = glob.glob(site.path("state", "dkim", zone, "*"))
        left += glob.glob(site.path("signers", zone, "*.pem"))
        assert len(left) == 2, left
        assert daemon.stop() == 0


def test_left_by_a_crash(bind, site):
    """What was being written is deleted at the start; a key that the state does not know is only named."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    signers(site)
    with Daemon(site) as daemon:
        (key,) = wait_keys(daemon, {("active", "ed25519-sha256")}).values()
        assert daemon.stop() == 0
        folder, copies = site.path("state", "dkim", zone), site.path("signers", zone)
        kept = {
            os.path.join(folder, name)
            for name in ("unknown.pem", "s1.pem.0123.tmp", "s1.pem.tmp", "by-hand.pem", "x.pem.0123abcd.tmp.bak")
        } | {os.path.join(copies, "mine.pem")}
        gone = {os.path.join(folder, "s1.pem.0123abcd.tmp"), os.path.join(copies, "s1.seed.0123abcd.tmp")}
        for path in kept | gone:
            with open(path, "w") as f:
                f.write("private\n")
        site.add_domain("other.test", dns={"mode": "manual"})["dkim_keys"] = [
            {"selector": "s1", "file": site.path("state", "dkim", zone, "by-hand.pem")}
        ]
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519", "-out", os.path.join(folder, "by-hand.pem")],
            check=True, capture_output=True,
        )
        os.chmod(os.path.join(folder, "by-hand.pem"), 0o600)
        site.write()
        daemon.start()
        assert [p for p in gone if os.path.exists(p)] == []
        assert [p for p in kept if not os.path.exists(p)] == []
        named = re.findall(r'dkim_file path=(\S+) reason="the state', daemon.log())
        assert named == [os.path.join(folder, "unknown.pem")], daemon.log()
        assert os.path.exists(key_file(site, zone, key["selector"]))
        # with the state the list of keys is lost: what is left of them stays
        assert daemon.stop() == 0
        for path in glob.glob(site.path("state", "state.db*")):
            os.unlink(path)
        daemon.start()
        assert os.path.exists(key_file(site, zone, key["selector"]))
        assert daemon.stop() == 0


def test_wrong_usage(bind, site):
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    other = add_zone(bind)
    site.add_domain(other)
    site.write()
    with Daemon(site) as daemon:
        wait_keys(daemon, {("active", "ed25519-sha256")})
        for argv, code, words in [
            (("dkim", "sing"), 64, "usage:"),
            (("dkim", "rotate"), 64, "usage:"),
            (("dkim", "revoke", zone), 64, "usage:"),
            (("dkim", "rotate", "nowhere.test"), 1, "there is no domain"),
            (("dkim", "rotate", other), 1, "automatic management"),
            (("dkim", "list", other), 1, "automatic management"),
            (("dkim", "revoke", zone, "nothing"), 1, "no DKIM key"),
            (("dkim", "rotate", zone, "--algorithm", "rsa-sha256"), 1, "no keys of the algorithm"),
            (("dkim", "rotate", zone, "--algorithm", "rot13"), 64, "is none of"),
            (("status", "--now"), 64, "does not take --now"),
        ]:
            result = site.run(*argv)
            assert result.code == code and words in result.err, (argv, result)
        assert daemon.stop() == 0


def test_list_of_many(bind, site):
    """A list of many keys comes piece by piece, so that whatever else is due has its turn between them."""
    site = dkim_site(site, bind, "d000.test", ["ed25519-sha256"])
    names = ["d%03d.test" % i for i in range(250)]
    for name in names[1:]:
        site.add_domain(name, dkim_management={"mode": "automatic"})
    site.settings["domains"] = sorted(site.settings["domains"], key=lambda d: d["name"])
    site.write()
    with Daemon(site) as daemon:
        assert daemon.stop() == 0
        with contextlib.closing(sqlite3.connect(site.path("state", "state.db"))) as db, db:
            db.execute("DELETE FROM dkim")
            db.executemany(
                "INSERT INTO dkim (domain, selector, algorithm, stage, version, public_text, created, since)"
                " VALUES (?, 's1', 1, 1, 1, 'x', 1793491200, 1793491200)",
                [(name,) for name in names],
            )
        daemon.start()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(site.path("control.sock"))
            sock.sendall(b'{"mailzone": 1, "command": "dkim", "arguments": {"argv": ["list"]}}\n')
            with sock.makefile() as replies:
                said = [json.loads(line) for line in replies]
        assert said[-1].get("exit") == 0, said
        listed = "".join(reply["output"] for reply in said[:-1])
        assert [line.split()[0] for line in listed.splitlines() if " s1 " in line] == names
        assert len(said) > 3
        assert {k["domain"] for k in keys(daemon, "active")} == set(names)
        assert daemon.stop() == 0


def test_rotations_are_spread(bind, site):
    """Domains that came together do not rotate together; the two keys of a domain do."""
    zones = [add_zone(bind) for _ in range(8)]
    site = dkim_site(site, bind, zones[0], rotate_after="1000d")
    for zone in zones[1:]:
        site.add_domain(zone, dkim_management=site.settings["domains"][0]["dkim_management"])
    site.write()

    def found():
        keys = daemon.json("dkim", "list")["keys"]
        return keys if [k["stage"] for k in keys] == ["active"] * 16 else None

    with Daemon(site) as daemon:
        keys = servers.wait_for("all keys active", found, 90, daemon.process)
        days = {}
        for key in keys:
            since, then = (datetime.datetime.fromisoformat(key[k].rstrip("Z")) for k in ("since", "next_transition"))
            days.setdefault(key["domain"], set()).add((then - since).days)
        assert all(len(d) == 1 for d in days.values()), days
        spread = sorted(min(d) for d in days.values())
        assert 1000 <= spread[0] and spread[-1] <= 1100, spread
        assert len(set(spread)) > 4, spread
