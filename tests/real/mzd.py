# SPDX-License-Identifier: BSD-2-Clause
"""Runs mailzoned for a site, and waits for what it does."""

import json
import os
import signal
import subprocess

import servers


def binary():
    """mailzoned beside the mailzone under test."""
    import mz

    return os.path.join(os.path.dirname(mz.binary()) or ".", "mailzoned")


def shim(folder, name):
    """Compiles NAME.c to a library that can be preloaded: its path."""
    path = os.path.join(str(folder), name + ".so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", path, source, "-ldl"], check=True)
    return path


class Daemon:
    """mailzoned in the foreground, its log in a file of the site. Use as a context."""

    def __init__(self, site, env=None):
        self.site, self.env = site, env
        self.process = None
        self.log_path = site.path("mailzoned.log")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "-c", self.site.conf],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # memory that was freed is overwritten
                env={**os.environ, "MALLOC_PERTURB_": "165", **(self.env or {})},
                preexec_fn=servers._die_with_parent,
            )
        if wait:
            servers.wait_for("mailzoned", self.answers, 30, self.process)
        return self

    def answers(self):
        return self.site.run("version").code == 0

    def stop(self, how=signal.SIGTERM):
        """Ends it; the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(20)
        self.process = None
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def json(self, *argv):
        return self.site.must(0, *argv).json

    def status(self):
        """Domain: its part of the status."""
        return {d["domain"]: d for d in self.json("status")["domains"]}

    def wait_state(self, domain, *states, seconds=30):
        def reached():
            found = self.status()[domain]
            return found if found["state"] in states else None

        return servers.wait_for("%s %s" % (domain, states), reached, seconds, self.process)

    def wait_all(self, state="in-sync", seconds=60):
        def reached():
            return all(d["state"] == state for d in self.status().values() if d["mode"] == "automatic")

        servers.wait_for("all domains " + state, reached, seconds, self.process)

    def wait_log(self, text, seconds=20, times=1):
        servers.wait_for("%r in the log" % text, lambda: self.log().count(text) >= times, seconds, self.process)


def history(site, *argv):
    return json.loads(site.must(0, "history", *argv).out)["changes"]
