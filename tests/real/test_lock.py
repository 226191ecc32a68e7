# SPDX-License-Identifier: BSD-2-Clause
"""Two processes and one state directory: the second is told who holds it."""

import os
import signal
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


def test_killed_between_update_and_verify(bind, site):
    """A crash after the update was sent: the next run finds it in place."""
    zone = bind.add_zone(servers.fresh("lock"))
    with Proxy(bind.port) as proxy:
        site = site(proxy.port)
        site.add_domain(zone, dkim_management={"mode": "automatic"})
        killed = []

        def kill(message, _):
            if opcode(message) == UPDATE and not killed:
                killed.append(True)
                os.kill(first.pid, signal.SIGKILL)
                first.wait()

        proxy.on_reply = kill
        first = start(site.write())
        servers.wait_for("the kill", lambda: killed)
        site.must(0, "apply")
        assert len(proxy.updates()) == 1, "what was done is not done again"
        site.must(0, "withdraw", zone)
        # the keys that the first made were on record before they were published
        assert all(b"_domainkey" not in owner.to_wire() for owner, _ in bind.axfr(zone))
