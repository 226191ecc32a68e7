# SPDX-License-Identifier: BSD-2-Clause
"""The disk of the state is full, or read-only: a clear line, no zone touched, nothing lost."""

import os
import subprocess

import pytest

import mz
import mzd
import servers
from mzd import Daemon
from test_daemon import daemon_site, whole


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The library that stands between the program and its disk."""
    return mzd.shim(tmp_path_factory.mktemp("shim"), "disk")


def faulty(site, shim, kind):
    """The environment, and the file that makes the fault."""
    flag = site.path("fault")
    preload = ":".join(filter(None, [os.environ.get("LD_PRELOAD"), shim]))
    env = {"LD_PRELOAD": preload, "MZ_DISK": kind, "MZ_DISK_FLAG": flag, "MZ_DISK_FOLDER": site.state}
    # the runtime of a sanitizer wants to be loaded first
    return {**env, "ASAN_OPTIONS": "verify_asan_link_order=0"}, flag


def test_full_while_it_runs(server, site, shim):
    """What cannot be written down first is not sent; once there is room, all is made good."""
    zone, late = server.add_zone(servers.fresh("full")), server.add_zone(servers.fresh("full"))
    site = daemon_site(site, server.port)
    site.settings["domain_directory"] = site.path("domains.d")
    os.mkdir(site.path("domains.d"))
    site.add_domain(zone)
    site.write()
    env, flag = faulty(site, shim, "full")
    with Daemon(site, env) as daemon:
        daemon.wait_all()
        open(flag, "w").close()
        server.must_update(zone, [], [("@", "MX")])
        before = {z: server.axfr(z) for z in (zone, late)}
        site.file(
            "domains.d/late.conf",
            'name = "%s"; dns_management = { mode = "automatic"; server = "primary"; };\n' % late,
        )
        site.run("reload")
        result = site.run("reconcile", "--wait", zone)
        assert result.code == 1, result
        servers.wait_for("the reason", lambda: "no space left for" in daemon.log(), 20, daemon.process)
        assert site.path("state", "state.db") in daemon.log()
        assert {z: server.axfr(z) for z in (zone, late)} == before, "nothing was sent"
        os.unlink(flag)
        site.must(0, "reload")
        site.must(0, "reconcile", "--wait", zone, late)
        daemon.wait_all()
        assert whole(server, site, zone) and whole(server, site, late)
        states = {c["state"] for c in daemon.json("history")["changes"]}
        assert states == {"applied"}, states
        assert daemon.stop() == 0


@pytest.mark.parametrize("kind", ["full", "read-only"])
@pytest.mark.parametrize("who", ["mailzone", "mailzoned"])
def test_from_the_start(bind, site, shim, kind, who):
    """The program ends with one line; the state that was there is whole."""
    zone, later = bind.add_zone(servers.fresh("disk")), bind.add_zone(servers.fresh("disk"))
    site = daemon_site(site, bind.port)
    site.add_domain(zone)
    site.write()
    site.must(0, "apply")
    site.add_domain(later)
    site.write()
    before = {z: bind.serial(z) for z in (zone, later)}
    env, flag = faulty(site, shim, kind)
    open(flag, "w").close()
    argv = [mz.binary(), "-c", site.conf, "apply"] if who == "mailzone" else [mzd.binary(), "-c", site.conf]
    ended = subprocess.run(
        argv, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert ended.returncode == 1, ended
    said = [x for x in ended.stderr.splitlines() if site.state in x]
    wanted = "no space left" if kind == "full" else "ead-only file system"
    assert said and all(wanted.lower() in x.lower() for x in said), ended
    assert {z: bind.serial(z) for z in (zone, later)} == before
    os.unlink(flag)
    site.must(0, "apply")
    assert whole(bind, site, zone) and whole(bind, site, later)
