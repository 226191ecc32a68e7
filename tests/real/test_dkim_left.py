# SPDX-License-Identifier: BSD-2-Clause
"""DKIM keys that are not kept any more: of a domain that left, has no mail or keys of its own."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

import mz
import servers
from dkimsite import BOTH, add_zone, all_active, dkim_site, expected, key_file, keys, record, signers, text, wait_keys, wait_record
from mzd import Daemon, history


@pytest.fixture
def server(uncached):
    return uncached


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
        # but for the look that follows
        servers.wait_for("no task to be left", lambda: {t["state"] for t in daemon.json("tasks")["tasks"]} <= {"done"}, 10)
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
