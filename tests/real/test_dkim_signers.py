# SPDX-License-Identifier: BSD-2-Clause
"""Whoever signs: the files for signers, hooks, OpenDKIM and Rspamd."""

import grp
import os
import pwd
import re
import signal
import sqlite3
import stat
import threading

import dkim
import pytest

import mz
import servers
from dkimsite import BOTH, add_zone, all_active, dkim_site, expected, key_file, keys, record, signers, text, wait_keys, wait_record
from mzd import Daemon, history
from proxy import Proxy


@pytest.fixture
def server(uncached):
    return uncached


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


@pytest.mark.parametrize("told", ["nobody", "link", "table"])
def test_ended_before_they_were_told(server, site, told):
    """Killed between the decision to hand a key over and the files: its record may be gone at the next start. A key
    that some file names may be signing, and stays handed over."""
    zone = add_zone(server)
    silent = threading.Event()
    with Proxy(server.port, on_request=lambda *_: [] if silent.is_set() else None) as proxy:
        site = dkim_site(site, server, zone, ["ed25519-sha256"])
        site.server.update(port=proxy.port, timeout="2s")
        signers(site)
        link = site.path("signers", zone, "current-ed25519-sha256")
        with Daemon(site) as daemon:
            (old,) = wait_keys(daemon, {("active", "ed25519-sha256")}).values()
            site.must(0, "dkim", "rotate", zone)
            new = wait_keys(daemon, {("active", "ed25519-sha256"), ("pending", "ed25519-sha256")})["pending", "ed25519-sha256"]
            wait_record(server, zone, new["selector"], expected(site, zone, new))
            assert daemon.stop() == 0
            with sqlite3.connect(site.path("state", "state.db")) as state:
                assert state.execute("UPDATE dkim SET handed = since WHERE stage = 0").rowcount == 1
            state.close()
            if told == "link":
                os.unlink(link)
                os.symlink(new["selector"] + ".pem", link)
            table = text(site.path("KeyTable"))
            if told == "table":
                site.file("KeyTable", table.replace(old["selector"], new["selector"]))
            os.unlink(site.path("signers", "index.json"))
            server.must_update(zone, [], [("%s._domainkey" % new["selector"], "TXT")])
            silent.set()
            daemon.start()
            servers.wait_for("the files", lambda: os.path.exists(site.path("signers", "index.json")))
            if told == "nobody":
                assert os.readlink(link) == old["selector"] + ".pem" and text(site.path("KeyTable")) == table
                assert new["selector"] not in text(site.path("signers", "index.json"))
                daemon.wait_log("no signer was told of it")
            else:
                assert os.readlink(link) == new["selector"] + ".pem"
                assert "no signer was told of it" not in daemon.log()
            silent.clear()
            wait_record(server, zone, new["selector"], expected(site, zone, new), 60)
            found = wait_keys(daemon, {("active", "ed25519-sha256"), ("retiring", "ed25519-sha256")}, 120)
            assert found["active", "ed25519-sha256"]["selector"] == new["selector"]
            assert os.readlink(link) == new["selector"] + ".pem"
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
