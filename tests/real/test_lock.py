# SPDX-License-Identifier: BSD-2-Clause
"""Two processes and one state directory: the second is told who holds it."""

import os
import signal
import sqlite3
import subprocess

import mz
import servers
from proxy import UPDATE, Proxy, opcode


def start(site):
    return subprocess.Popen(
        [mz.binary(), "-c", site.conf, "apply"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_second_process(bind, site):
    zone = bind.add_zone(servers.fresh("lock"))
    # the first waits for a reply that does not come
    swallow = lambda message, _: [] if opcode(message) == UPDATE else None  # noqa: E731
    with Proxy(bind.port, on_request=swallow) as proxy:
        site = site(proxy.port, timeout="30s")
        site.add_domain(zone)
        first = start(site.write())
        try:
            servers.wait_for("the update", proxy.updates, process=first)
            for argv in (["apply"], ["withdraw", zone]):
                second = site.run(*argv)
                assert second.code == 1, second
                assert str(first.pid) in second.err and "mailzone" in second.err, second
                assert second.seconds < 10
            assert len(proxy.updates()) == 1
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
        # the kernel drops the lock of a process that was killed
        proxy.on_request = None
        site.must(0, "apply")
        site.must(0, "plan")


def killed_at_the_reply(site, proxy):
    """An apply that is killed after its UPDATE was done."""
    killed = []

    def kill(message, _):
        if opcode(message) == UPDATE and not killed:
            killed.append(True)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()

    proxy.on_reply = kill
    first = start(site.write())
    servers.wait_for("the kill", lambda: killed)
    proxy.on_reply = None


def history(site):
    """The state of every change, the oldest first: 0 intended, 1 applied, 2 failed."""
    db = sqlite3.connect(os.path.join(site.state, "state.db"))
    states = [row[0] for row in db.execute("SELECT state FROM change ORDER BY id")]
    db.close()
    return states


def test_killed_between_update_and_verify(bind, site):
    """A crash after the update was sent: the next run finds it in place."""
    zone = bind.add_zone(servers.fresh("lock"))
    with Proxy(bind.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone, dkim_management={"mode": "automatic"})
        killed_at_the_reply(site, proxy)
        site.must(0, "apply")
        assert len(proxy.updates()) == 1, "what was done is not done again"
        site.must(0, "withdraw", zone)
        # the keys that the first made were on record before they were published
        assert all(b"_domainkey" not in owner.to_wire() for owner, _ in bind.axfr(zone))


def test_killed_then_withdrawn(bind, site):
    """A crash at the very first update: there is no ledger yet, and withdraw finds the records."""
    zone = bind.add_zone(servers.fresh("lock"), "www A 192.0.2.1\n")
    before = bind.axfr(zone)
    with Proxy(bind.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone)
        killed_at_the_reply(site, proxy)
        assert bind.axfr(zone) != before
        site.must(0, "withdraw", zone)
        assert bind.axfr(zone) == before
        assert history(site) == [1, 1]


def test_killed_then_changed(server, site):
    """What was applied before a crash is history as such, whatever the next run makes of it."""
    zone = server.add_zone(servers.fresh("lock"))
    with Proxy(server.port) as proxy:
        site = site(proxy.port)
        domain = site.add_domain(zone)
        killed_at_the_reply(site, proxy)
        domain["spf"] = "v=spf1 a -all"
        site.write().must(0, "apply")
        assert history(site) == [1, 1]
        # a new TTL deletes and adds the same record
        site.server["ttl"] = "7m"
        killed_at_the_reply(site, proxy)
        site.must(0, "apply")
        assert history(site) == [1, 1, 1]
        # a message that never arrives
        site.server["ttl"] = "9m"
        proxy.on_request = lambda message, _: [] if opcode(message) == UPDATE else None
        first = start(site.write())
        servers.wait_for("the update", lambda: len(proxy.updates()) == 4, process=first)
        first.kill()
        first.wait()
        proxy.on_request = None
        site.must(0, "apply")
        assert history(site) == [1, 1, 1, 2, 1]


def test_killed_then_taken_back(bind, site):
    """A message that never arrives, and its cause is taken back: serial and wishes are as they
    were, and the open change is settled all the same."""
    zone = bind.add_zone(servers.fresh("lock"))
    with Proxy(bind.port) as proxy:
        site = site(proxy.port)
        domain = site.add_domain(zone)
        site.write().must(0, "apply")
        domain["spf"] = "v=spf1 a -all"
        proxy.on_request = lambda message, _: [] if opcode(message) == UPDATE else None
        first = start(site.write())
        servers.wait_for("the update", lambda: len(proxy.updates()) == 2, process=first)
        first.kill()
        first.wait()
        proxy.on_request = None
        del domain["spf"]
        site.write().must(0, "apply")
        assert history(site) == [1, 2]
        assert site.must(0, "apply").domain(zone)["read"] == "serial"
