# SPDX-License-Identifier: BSD-2-Clause
"""DKIM keys over time: no key signs before every server serves it, and none goes before its successor signs."""

import base64
import contextlib
import datetime
import glob
import grp
import json
import os
import pwd
import random
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import time

import dkim
import dns.exception
import dns.name
import dns.rdatatype
import pytest

import mz
import servers
from mzd import Daemon, history

BOTH = ["ed25519-sha256", "rsa-sha256"]


@pytest.fixture(scope="module", params=["bind", "knot", "pdns"])
def server(request, started):
    if request.param != "pdns":
        yield started(request.param)
        return
    # its caches would only make this slow: a minute for "no such name"
    pdns = servers.Pdns(extra="cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0").start()
    yield pdns
    pdns.stop()


def dkim_site(site, server, zone, algorithms=BOTH, **settings):
    made = site(server.port)
    made.settings["log"] = {"level": "debug", "format": "logfmt"}
    made.settings["task_manager"] = {
        "retry": {"strategy": "exponential", "initial_delay": "1s", "max_delay": "1s", "jitter": False},
        "max_attempts": 1000,
    }
    management = {
        "mode": "automatic",
        "algorithms": mz.Raw("[ %s ]" % ", ".join('"%s"' % a for a in algorithms)),
        "retire_after": "1h",
    }
    management.update(settings)
    made.add_domain(zone, dkim_management=management)
    return made.write()


def add_zone(server, **options):
    zone = servers.fresh("dkim")
    server.add_zones([servers.Zone(zone, minimum=1, **options)])
    return zone


def keys(daemon, *stages):
    """The keys in these stages, oldest first."""
    return [k for k in daemon.json("dkim", "list")["keys"] if k["stage"] in stages]


def wait_keys(daemon, what, seconds=60):
    """Waits until the list of (stage, algorithm) is this set; the keys by stage and algorithm."""

    def reached():
        found = daemon.json("dkim", "list")["keys"]
        by = {(k["stage"], k["algorithm"]): k for k in found}
        return by if set(by) == set(what) and len(by) == len(found) else None

    return servers.wait_for("keys %s" % sorted(what), reached, seconds, daemon.process)


def record(server, zone, selector):
    """The joined text of the one TXT record of a selector, by transfer; None where there is none."""
    owner = dns.name.from_text("%s._domainkey.%s" % (selector, zone))
    held = server.axfr(zone).get((owner, dns.rdatatype.TXT))
    if held is None:
        return None
    (wire,) = held[1]
    text, at = b"", 0
    while at < len(wire):
        text += wire[at + 1 : at + 1 + wire[at]]
        at += 1 + wire[at]
    return text.decode()


def wait_record(server, zone, selector, want, seconds=20):
    servers.wait_for(
        "%s of %s" % (want, selector), lambda: record(server, zone, selector) == want, seconds
    )


def key_file(site, zone, selector):
    return site.path("state", "dkim", zone, selector + ".pem")


def expected(site, zone, key):
    """The record that OpenSSL's view of the private key asks for."""
    path = key_file(site, zone, key["selector"])
    der = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    if key["algorithm"] == "ed25519-sha256":
        return "v=DKIM1; k=ed25519; h=sha256; p=" + base64.b64encode(der[-32:]).decode()
    return "v=DKIM1; k=rsa; h=sha256; p=" + base64.b64encode(der).decode()


def secrets(site):
    """Lines of the private keys that there are now."""
    lines = []
    for path in glob.glob(site.path("state", "dkim", "*", "*.pem")):
        with open(path) as f:
            lines += [line.strip() for line in f if not line.startswith("-----")]
    assert lines
    return lines


def all_active():
    return {("active", a) for a in BOTH}


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


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_keys_by_hand_and_back(bind, site, how):
    """While keys are managed by hand anybody may delete a record: the old key does not sign when that ends."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    site.settings["signers"] = {"opendkim_key_table": site.path("KeyTable")}
    site.write()
    management = site.settings["domains"][0]["dkim_management"]

    def change(daemon, mode):
        management["mode"] = mode
        site.write()
        if how == "reload":
            site.must(0, "reload")
        else:
            assert daemon.stop() == 0
            daemon.start()

    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        change(daemon, "manual")
        servers.wait_for("an empty table", lambda: text(site.path("KeyTable")) == "", 20)
        # mail that was signed with it is under way, and somebody may still sign
        assert record(bind, zone, old["selector"]) == expected(site, zone, old)
        bind.must_update(zone, delete=[("%s._domainkey.%s." % (old["selector"], zone), "TXT")])
        change(daemon, "automatic")
        found = wait_keys(daemon, {("retiring", "ed25519-sha256"), ("active", "ed25519-sha256")})
        assert found["retiring", "ed25519-sha256"]["selector"] == old["selector"]
        wait_record(bind, zone, old["selector"], expected(site, zone, old))
        new = found["active", "ed25519-sha256"]["selector"]
        servers.wait_for("the table", lambda: new in text(site.path("KeyTable")), 20)
        assert old["selector"] not in text(site.path("KeyTable"))
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


def test_left_and_came_back(bind, site):
    """A domain whose records were withdrawn has no key that signs when it comes back."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    site.settings["signers"] = {"opendkim_key_table": site.path("KeyTable")}
    (domain,) = site.settings["domains"]
    domain["dns_management"]["on_removal"] = "withdraw"
    site.write()
    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        site.settings["domains"] = []
        site.write().must(0, "reload")
        servers.wait_for("an empty table", lambda: text(site.path("KeyTable")) == "", 20)
        wait_record(bind, zone, old["selector"], None)
        site.settings["domains"] = [domain]
        site.write().must(0, "reload")
        found = wait_keys(daemon, {("retired", "ed25519-sha256"), ("active", "ed25519-sha256")})
        new = found["active", "ed25519-sha256"]["selector"]
        assert found["retired", "ed25519-sha256"]["selector"] == old["selector"] != new
        servers.wait_for("the table", lambda: new in text(site.path("KeyTable")), 20)
        assert old["selector"] not in text(site.path("KeyTable"))
        assert daemon.stop() == 0


@pytest.mark.parametrize("how", ["reload", "restart"])
@pytest.mark.parametrize("on_removal", ["keep", "withdraw"])
def test_left(server, site, on_removal, how):
    """Of a domain that left the signers are told first, then its records go, then its keys are deleted."""
    zone = add_zone(server)
    site = dkim_site(site, server, zone, delete_after="3s")
    signers(site)
    script = site.file(
        "activated", '#!/bin/sh\necho "told $SELECTOR old=$OLD_SELECTOR."\nexit $(cat %s)\n' % site.path("status"), 0o700
    )
    site.file("status", "0")
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script)}
    (domain,) = site.settings["domains"]
    domain["dns_management"]["on_removal"] = on_removal
    site.write()
    with Daemon(site) as daemon:
        old = wait_keys(daemon, all_active())
        site.file("status", "7")
        site.settings["domains"] = []
        site.write()
        if how == "restart":
            assert daemon.stop() == 0
            daemon.start()
        else:
            site.must(0, "reload")
        for algorithm in BOTH:
            daemon.wait_log("told  old=%s." % old["active", algorithm]["selector"], times=2)
        # signers may still have them: nothing goes
        assert text(site.path("KeyTable")) == "" and text(site.path("domains.conf")).count("selector") == 0
        assert not os.path.lexists(site.path("signers", zone, "current-rsa-sha256"))
        for algorithm in BOTH:
            key = old["active", algorithm]
            assert record(server, zone, key["selector"]) == expected(site, zone, key)
        records = {a: expected(site, zone, old["active", a]) for a in BOTH}
        # a restart forgets nothing
        assert daemon.stop() == 0
        daemon.start()
        site.file("status", "0")
        for folder in (site.path("state", "dkim", zone), site.path("signers", zone)):
            servers.wait_for("no " + folder, lambda: not os.path.exists(folder), 30, daemon.process)
        for algorithm in BOTH:
            selector = old["active", algorithm]["selector"]
            wait_record(server, zone, selector, None if on_removal == "withdraw" else records[algorithm])
        with contextlib.closing(sqlite3.connect(site.path("state", "state.db"))) as db:
            assert db.execute("SELECT DISTINCT stage FROM dkim").fetchall() == [(4,)]
            assert db.execute("SELECT * FROM domain").fetchall() == []
        servers.wait_for("the tasks", lambda: {t["state"] for t in daemon.json("tasks")["tasks"]} <= {"done"}, 30)
        assert daemon.stop() == 0


def test_back_while_told(bind, site):
    """A domain that comes back while signers are told to give its key up: mail that is under way verifies."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    go = site.path("go")
    os.mkfifo(go)
    script = site.file(
        "activated", '#!/bin/sh\necho "told $SELECTOR."\ntest -n "$SELECTOR" || read x < %s\n' % go, 0o700
    )
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script), "timeout": "60s"}
    domains = site.settings["domains"]
    domains[0]["dns_management"]["on_removal"] = "withdraw"
    site.write()
    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        site.settings["domains"] = []
        site.write().must(0, "reload")
        daemon.wait_log("told .")
        site.settings["domains"] = domains
        site.write().must(0, "reload")
        with open(go, "w") as fifo:
            fifo.write("go\n")
        daemon.wait_log("told .", times=2)
        with open(go, "w") as fifo:
            fifo.write("go\n")
        found = wait_keys(daemon, {("retiring", "ed25519-sha256"), ("active", "ed25519-sha256")})
        assert found["retiring", "ed25519-sha256"]["selector"] == old["selector"]
        site.must(0, "reconcile", "--wait", zone)
        assert record(bind, zone, old["selector"]) == expected(site, zone, old)
        deleted = [rr["owner"] for change in history(site) for rr in change["deleted"]]
        assert [owner for owner in deleted if old["selector"] in owner] == []
        assert daemon.stop() == 0


def test_keys_by_hand_take_over(server, site):
    """Automatic keys of a domain whose keys are managed by hand from now on retire as in a rotation."""
    zone = add_zone(server)
    site = dkim_site(site, server, zone, retire_after="6s", delete_after="2s")
    (domain,) = site.settings["domains"]
    with Daemon(site) as daemon:
        old = wait_keys(daemon, all_active())
        rsa, other = (old["active", a] for a in ("rsa-sha256", "ed25519-sha256"))
        # one of them is taken over as it is, the other one is followed by a key of another name
        made = site.file("own.pem", "", 0o600)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", made], check=True, capture_output=True)
        taken = key_file(site, zone, rsa["selector"])
        domain["dkim_management"]["mode"] = "manual"
        domain["dkim_keys"] = [
            {"selector": "own", "file": made},
            {"selector": rsa["selector"], "file": taken},
        ]
        records = {k["selector"]: expected(site, zone, k) for k in (rsa, other)}
        site.write().must(0, "reload")
        found = wait_keys(daemon, {("retiring", a) for a in BOTH})
        assert {k["selector"] for k in found.values()} == set(records)
        site.must(0, "reconcile", "--wait", zone)
        # mail that was signed with it is under way
        assert record(server, zone, other["selector"]) == records[other["selector"]]
        assert record(server, zone, "own") is not None
        daemon.wait_state(zone, "in-sync")
        wait_record(server, zone, other["selector"], None)
        servers.wait_for("no file", lambda: not os.path.exists(key_file(site, zone, other["selector"])), 30)
        servers.wait_for("no keys", lambda: not daemon.json("dkim", "list")["keys"], 30)
        assert record(server, zone, rsa["selector"]) == records[rsa["selector"]]
        assert os.path.exists(taken)
        assert {t["state"] for t in daemon.json("tasks")["tasks"]} <= {"done"}
        daemon.wait_state(zone, "in-sync")
        assert "task_failed" not in daemon.log()
        assert daemon.stop() == 0


def test_no_mail_any_more(bind, site):
    """The keys of a domain that is to have no mail are given up, then their records go, then the files."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"], retire_after="1s", delete_after="1s")
    script = site.file("activated", '#!/bin/sh\necho "told $SELECTOR."\nexit $(cat %s)\n' % site.path("status"), 0o700)
    site.file("status", "0")
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script)}
    site.write()
    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        site.file("status", "7")
        site.settings["domains"][0]["no_mail"] = True
        site.write().must(0, "reload")
        daemon.wait_log("told .", times=2)
        assert record(bind, zone, old["selector"]) == expected(site, zone, old)
        site.file("status", "0")
        wait_record(bind, zone, old["selector"], None)
        daemon.wait_state(zone, "in-sync")
        servers.wait_for("no keys", lambda: not daemon.json("dkim", "list")["keys"], 30)
        assert not os.path.exists(key_file(site, zone, old["selector"]))
        assert daemon.stop() == 0


def test_revoked_after_keys_by_hand(bind, site):
    """A key that retires as keys are managed by hand can be revoked."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"], delete_after="2s")
    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]["selector"]
        site.settings["domains"][0]["dkim_management"]["mode"] = "manual"
        site.write().must(0, "reload")
        wait_keys(daemon, {("retiring", "ed25519-sha256")})
        assert "retiring" in site.must(0, "dkim", "list", zone).out
        result = site.run("dkim", "rotate", zone)
        assert result.code == 1 and "automatic management" in result.err, result
        site.must(0, "dkim", "revoke", zone, old)
        wait_record(bind, zone, old, "v=DKIM1; p=")
        wait_record(bind, zone, old, None)
        servers.wait_for("no keys", lambda: not daemon.json("dkim", "list")["keys"], 30)
        assert not os.path.exists(key_file(site, zone, old))
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


def test_hook(bind, site):
    """The hook is told what to sign with; while it fails the old key stays active, and the task says why."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    script = site.file(
        "activated",
        '#!/bin/sh\necho "told $DOMAIN $SELECTOR $ALGORITHM $KEYFILE old=$OLD_SELECTOR"\n'
        "test -s $KEYFILE || exit 9\nexit $(cat %s)\n" % site.path("status"),
        0o700,
    )
    site.file("status", "0")
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script), "timeout": "10s"}
    site.write()
    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]
        file = key_file(site, zone, old["selector"])
        told = "told %s %s ed25519-sha256 %s old=" % (zone, old["selector"], file)
        assert re.search(re.escape(told) + r"[^\w]", daemon.log()), daemon.log()
        site.file("status", "3")
        site.must(0, "dkim", "rotate", zone, "--now")
        daemon.wait_log("ended with exit status 3", times=4)
        (new,) = keys(daemon, "pending")
        assert new["waiting_for"] == "the signers to take it over"
        assert [k["selector"] for k in keys(daemon, "active")] == [old["selector"]]
        # the signers may have it all the same
        (change,) = [c for c in history(site) if any(new["selector"] in r["owner"] for r in c["added"])]
        result = site.run("undo", str(change["id"]))
        assert result.code != 0 and "mail is signed with this key" in result.out + result.err, result
        assert record(bind, zone, new["selector"]) == expected(site, zone, new)
        (task,) = [t for t in daemon.json("tasks")["tasks"] if t["kind"] == "dkim-management"]
        assert task["state"] in ("retry", "running") and "exit status 3" in task["reason"], task
        # what is not confirmed is not confirmed by a restart either
        assert daemon.stop() == 0
        daemon.start()
        assert [k["selector"] for k in keys(daemon, "active")] == [old["selector"]]
        site.file("status", "0")
        found = wait_keys(daemon, {("active", "ed25519-sha256"), ("retiring", "ed25519-sha256")})
        assert found["active", "ed25519-sha256"]["selector"] == new["selector"]
        assert "old=" + old["selector"] in daemon.log()
        assert daemon.stop() == 0


def test_hook_that_knows_new_keys_only(bind, site):
    """It fails when a key is to be given up and none signs: the successor comes all the same, and is told of first."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    script = site.file(
        "copy",
        '#!/bin/sh\necho "told of ${SELECTOR:-none}"\nexec cp "$KEYFILE" %s\n' % site.path("copy.pem"),
        0o700,
    )
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script)}
    site.write()
    with Daemon(site) as daemon:
        old = wait_keys(daemon, {("active", "ed25519-sha256")})["active", "ed25519-sha256"]["selector"]
        site.must(0, "dkim", "revoke", zone, old)
        found = wait_keys(daemon, {("revoked", "ed25519-sha256"), ("active", "ed25519-sha256")})
        new = found["active", "ed25519-sha256"]["selector"]
        # with a key to name, it is told that the old one is given up, too
        daemon.wait_log("told of " + new, times=2)
        assert text(site.path("copy.pem")) == text(key_file(site, zone, new))
        assert "told of none" in daemon.log()
        assert daemon.stop() == 0


def test_status_tells_of_a_hook_that_fails(bind, site):
    """Also between its tasks, when all records are as they should be."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    site.settings["task_manager"]["max_attempts"] = 2
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "/bin/false" ]')}
    site.write()
    with Daemon(site) as daemon:
        status = daemon.wait_state(zone, "failed")
        assert "exit status 1" in status["reason"], status
        site.must(0, "reconcile", "--wait", zone)
        assert daemon.wait_state(zone, "failed")["reason"] == status["reason"]
        site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "/bin/true" ]')}
        site.write()
        site.must(0, "reload")
        (task,) = [t for t in daemon.json("tasks", "--state", "failed")["tasks"]]
        site.must(0, "tasks", "retry", str(task["id"]))
        assert daemon.wait_state(zone, "in-sync")["reason"] is None
        assert daemon.stop() == 0


def test_hook_ends_when_it_ends(bind, site):
    """Not when its output does, which it may close early or leave to a service that it started."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, ["ed25519-sha256"])
    go = site.path("go")
    scripts = [
        site.file("early", "#!/bin/sh\nexec >/dev/null 2>&1\nread x < %s\ntouch %s.done\n" % (go, go), 0o700),
        site.file("late", "#!/bin/sh\necho last words\nsetsid sleep 25 &\nexit 0\n", 0o700),
    ]
    os.mkfifo(go)
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % scripts[0]), "timeout": "20s"}
    site.write()
    with Daemon(site) as daemon:
        # opening waits for the reader, which has closed its output by then
        with open(go, "w") as fifo:
            site.must(0, "version")
            fifo.write("go\n")
        wait_keys(daemon, {("active", "ed25519-sha256")})
        assert os.path.exists(go + ".done")
        site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % scripts[1]), "timeout": "20s"}
        site.write().must(0, "reload")
        site.must(0, "dkim", "rotate", zone, "--now")
        wait_keys(daemon, {("active", "ed25519-sha256"), ("retiring", "ed25519-sha256")})
        daemon.wait_log("last words")
        assert "result=\"the hook" not in daemon.log()
        assert daemon.stop() == 0


def test_hooks_of_two_names(bind, site):
    """A hook waits for those of its own name, which may work on the same files, and for no other."""
    zones = [add_zone(bind) for _ in range(2)]
    site = dkim_site(site, bind, zones[0], ["ed25519-sha256"])
    site.add_domain(zones[1], dkim_management=site.settings["domains"][0]["dkim_management"])
    go = site.path("go")
    os.mkfifo(go)
    renew = site.file("renew", "#!/bin/sh\necho renewing\nread x < %s\necho renewed\n" % go, 0o700)
    # mkdir fails where another one runs
    told = site.file("told", "#!/bin/sh\nmkdir %s.lock && sleep 1 && rmdir %s.lock\n" % (go, go), 0o700)
    site.settings["hooks"] = {
        "dkim_activated": mz.Raw('[ "%s" ]' % told),
        "certificate_renew": mz.Raw('[ "%s" ]' % renew),
        "timeout": "90s",
    }
    site.write()
    with Daemon(site) as daemon:
        site.must(0, "reconcile", "--on-success-renew-certificate", zones[0])
        daemon.wait_log("renewing")
        servers.wait_for("two keys", lambda: len(keys(daemon, "active")) == 2, 40, daemon.process)
        assert "renewed" not in daemon.log() and "exit status" not in daemon.log()
        with open(go, "w") as fifo:
            fifo.write("go\n")
        daemon.wait_log("renewed")
        assert daemon.stop() == 0


def test_given_up(bind, site):
    """Signers are told to stop: of a key that is revoked at once, of an algorithm that goes before its record."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, retire_after="2s", delete_after="2s")
    script = site.file(
        "activated",
        '#!/bin/sh\necho "told $SELECTOR file=$KEYFILE old=$OLD_SELECTOR."\n'
        "exit $(cat %s)\n" % site.path("status"),
        0o700,
    )
    site.file("status", "0")
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script)}
    site.settings["signers"] = {"opendkim_key_table": site.path("KeyTable")}
    site.write()
    with Daemon(site) as daemon:
        first = wait_keys(daemon, all_active())
        rsa, other = (first["active", a]["selector"] for a in ("rsa-sha256", "ed25519-sha256"))
        site.file("status", "7")
        site.must(0, "dkim", "revoke", zone, rsa)
        wait_record(bind, zone, rsa, "v=DKIM1; p=")
        daemon.wait_log("told  file= old=%s." % rsa)
        # its successor, once it may sign, is what they are to be told of first
        daemon.wait_log("told v2-rsa", times=4)
        (key,) = keys(daemon, "revoked")
        assert key["waiting_for"] == "the signers to give it up", key
        assert rsa not in text(site.path("KeyTable"))
        # nobody knows whether they have: whatever its age, nothing goes
        assert os.path.exists(key_file(site, zone, rsa))
        site.settings["domains"][0]["dkim_management"]["algorithms"] = mz.Raw('[ "rsa-sha256" ]')
        site.write().must(0, "reload")
        daemon.wait_log("told  file= old=%s." % other, times=4)
        (key,) = keys(daemon, "retiring")
        assert key["selector"] == other and key["waiting_for"] == "the signers to give it up", key
        assert record(bind, zone, other) == expected(site, zone, first["active", "ed25519-sha256"])
        # a restart forgets neither
        assert daemon.stop() == 0
        daemon.start()
        daemon.wait_log("told  file= old=%s." % other)
        site.file("status", "0")
        wait_keys(daemon, {("active", "rsa-sha256")})
        for gone in (rsa, other):
            wait_record(bind, zone, gone, None)
            assert not os.path.exists(key_file(site, zone, gone))
        assert daemon.stop() == 0


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


def signers(site, **settings):
    made = {
        "directory": site.path("signers"),
        "opendkim_key_table": site.path("KeyTable"),
        "opendkim_signing_table": site.path("SigningTable"),
        "rspamd_selector_map": site.path("selectors.map"),
        "rspamd_path_map": site.path("paths.map"),
        "rspamd_domains": site.path("domains.conf"),
    }
    made.update(settings)
    site.settings["signers"] = made
    site.write()


def text(path):
    with open(path) as f:
        return f.read()


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


def test_signers(bind, site):
    """What signers read names the new key before it is active, and never a key that is gone."""
    zone = add_zone(bind)
    site = dkim_site(site, bind, zone, retire_after="3s", delete_after="2s")
    # only root may give files away
    owned = {"owner": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    signers(site, mode="0640", **owned)
    script = site.file(
        "activated",
        '#!/bin/sh\ntest -s "$KEYFILE" && grep -q "$SELECTOR" %s/index.json && cd %s/%s &&\n'
        'cmp -s "$KEYFILE" current-$ALGORITHM && echo "in place $SELECTOR"\n'
        % (site.path("signers"), site.path("signers"), zone),
        0o700,
    )
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % script)}
    site.write()

    def selectors(found, stage):
        return {a: found[stage, a]["selector"] for a in BOTH}

    with Daemon(site) as daemon:
        first = selectors(wait_keys(daemon, all_active()), "active")
        site.must(0, "dkim", "rotate", zone, "--now")
        wait_keys(daemon, all_active() | {("retiring", a) for a in BOTH})
        now = selectors(wait_keys(daemon, all_active()), "active")
        for algorithm in BOTH:
            assert "in place " + first[algorithm] in daemon.log()
            assert "in place " + now[algorithm] in daemon.log()
        folder = site.path("signers", zone)
        assert sorted(os.listdir(folder)) == sorted(
            [s + ".pem" for s in now.values()]
            + [now["ed25519-sha256"] + ".seed"]
            + ["current-" + a for a in BOTH]
        )
        rsa, path = now["rsa-sha256"], os.path.join(folder, now["rsa-sha256"] + ".pem")
        assert text(path) == text(key_file(site, zone, rsa))
        assert os.readlink(os.path.join(folder, "current-rsa-sha256")) == rsa + ".pem"
        assert text(site.path("KeyTable")) == "%s._domainkey.%s %s:%s:%s\n" % (rsa, zone, zone, rsa, path)
        assert text(site.path("SigningTable")) == "%s %s._domainkey.%s\n" % (zone, rsa, zone)
        assert text(site.path("selectors.map")) == "%s %s\n" % (zone, rsa)
        assert text(site.path("paths.map")) == "%s %s/$selector.pem\n" % (zone, folder)
        assert all(s in text(site.path("domains.conf")) for s in now.values())
        for name in [path, site.path("KeyTable"), site.path("signers", "index.json")]:
            assert stat.S_IMODE(os.stat(name).st_mode) == 0o640, name
            if owned:
                found = os.stat(name)
                assert pwd.getpwuid(found.st_uid).pw_name == "nobody", name
                assert grp.getgrgid(found.st_gid).gr_name == "nogroup", name
        # a key that is revoked is named by nobody any more
        site.must(0, "dkim", "revoke", zone, rsa)
        servers.wait_for("tables without it", lambda: rsa not in text(site.path("domains.conf")), 10)
        assert rsa not in text(site.path("KeyTable")) + text(site.path("selectors.map"))
        # where nothing can be written, nothing becomes active
        blocked = site.path("blocked")
        site.file("blocked", "")
        signers(site, opendkim_key_table=os.path.join(blocked, "KeyTable"))
        site.must(0, "reload")
        site.must(0, "dkim", "rotate", zone, "--algorithm", "ed25519-sha256", "--now")
        daemon.wait_log("cannot write " + blocked, times=3)
        assert now["ed25519-sha256"] in [k["selector"] for k in keys(daemon, "active")]
        assert daemon.stop() == 0


def verifies(server, signed):
    """The algorithm of the signature, once it is checked against the server."""
    def txt(name, timeout=5):
        answer = server.query(name.decode().rstrip(".") + ".", "TXT", tcp=True)
        return b"".join(answer.answer[0][0].strings) if answer.answer else None

    assert dkim.verify(signed, dnsfunc=txt), signed
    return re.search(rb"a=([a-z0-9-]+)", signed).group(1).decode()


def test_opendkim_and_rspamd_sign(bind, site):
    """Both sign by what was written for them, and by the new key after a rotation."""
    import signers as programs

    zone = add_zone(bind)
    site = dkim_site(site, bind, zone)
    signers(site)
    with Daemon(site) as daemon:
        first = wait_keys(daemon, all_active())
        milter = programs.OpenDkim(site.path("KeyTable"), site.path("SigningTable"))
        both = programs.Rspamd('.include "%s"\n' % site.path("domains.conf"))
        maps = programs.Rspamd(
            'selector_map = "%s"; path_map = "%s";\n'
            % (site.path("selectors.map"), site.path("paths.map"))
        )
        for program in (milter, both, maps):
            program.start()
        try:
            signed = milter.sign(zone)
            assert verifies(bind, signed) == "rsa-sha256"
            assert b"s=" + first["active", "rsa-sha256"]["selector"].encode() in signed
            assert sorted(verifies(bind, s) for s in both.sign(zone)) == BOTH
            assert [verifies(bind, s) for s in maps.sign(zone)] == ["rsa-sha256"]
            site.must(0, "dkim", "rotate", zone, "--now")
            # while the new keys are on their way the old ones sign
            during = [milter.sign(zone)] + both.sign(zone) + maps.sign(zone)
            assert [verifies(bind, s) for s in during[:1] + during[3:]] == ["rsa-sha256"] * 2
            found = wait_keys(daemon, all_active() | {("retiring", a) for a in BOTH})
            new = [b"s=" + found["active", a]["selector"].encode() + b";" for a in BOTH]
            # what was signed before still verifies
            for s in [signed] + during:
                assert verifies(bind, s) in BOTH and not any(n in s for n in new)
            # OpenDKIM and a block of Rspamd's have to be told; Rspamd looks at maps by itself
            milter.process.send_signal(signal.SIGUSR1)
            both.process.send_signal(signal.SIGHUP)

            def all_new():
                now = [milter.sign(zone)] + maps.sign(zone) + both.sign(zone)
                assert all(verifies(bind, s) in BOTH for s in now)
                return [any(n in s for n in new) for s in now] == [True] * 4

            servers.wait_for("the new keys", all_new, 90)
        finally:
            for program in (milter, both, maps):
                program.stop()
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
