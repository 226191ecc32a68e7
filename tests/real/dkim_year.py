# SPDX-License-Identifier: BSD-2-Clause
"""A year of mailzoned with DKIM keys, by a clock that the test sets, on real servers to which things happen.

The clock goes at its own speed while the daemon works, and leaps to what is due next when it does not. MZ_DAYS: how
long (365); MZ_YEARS: how many of them on each server (1); MZ_SEED: of the first (1). What happens when depends on the
seed, what it meets in the daemon also on the machine. Not for a build with sanitizers, which must be loaded first.
tests/year runs it.
"""

import json
import os
import random
import signal
import socket
import time

import pytest

import clock
import keylife
import mz
import mzd
import servers
from keylife import seconds
from dkimsite import signers

DAYS = int(os.environ.get("MZ_DAYS", "365"))
YEARS = int(os.environ.get("MZ_YEARS", "1"))
SEED = int(os.environ.get("MZ_SEED", "1"))
MINUTE, HOUR, DAY = 60, 3600, 86400
TIMES = {"rotate_after": 90 * DAY, "retire_after": 7 * DAY, "delete_after": 20 * DAY, "reconcile_interval": 3 * DAY}
COUNTED = ["events", "leaps", "checks", "kills", "new_record_changed"]
REFRESH = 300  # of a secondary that is not told
BOTH = ["ed25519-sha256", "rsa-sha256"]


class Year:
    def __init__(self, kind, site, folder, seed):
        self.random = random.Random(seed)
        self.clock = clock.Clock(folder)
        self.killer = mzd.shim(folder, "kill_at")
        notified = servers.free_port()
        self.servers = {"primary": servers.KINDS[kind]()}
        self.servers["nsd"] = servers.Nsd(self.servers["primary"], refresh=REFRESH)
        # nobody tells this one: it looks by itself
        self.servers["bind"] = servers.BindSecondary(self.servers["primary"], "max-refresh-time %d;" % REFRESH)
        self.away = {}  # server: when it comes back
        self.begin(notified)
        self.site = site(self.servers["primary"].port)
        self.configure(notified)
        self.life = keylife.Life(self.site, self.clock, TIMES)
        self.daemon = None
        self.daemon_back = self.clock.now()
        self.due = []  # when the daemon has something to do
        self.owed = {}  # as Life.behind: secondaries that had to look during the last leap
        self.well = self.clock.now()  # since when all is up
        self.happens = self.clock.now() + 3 * DAY
        self.story = []  # what happened
        self.counts = dict.fromkeys(COUNTED + [event.__name__ for _, event in EVENTS], 0)

    # ---- what there is

    def begin(self, notified):
        primary, nsd = self.servers["primary"], self.servers["nsd"]
        told = primary.options["also_notify"] = [notified, nsd.port]
        for server in self.servers.values():
            server.env = self.clock.env
            server.start()
        self.zones = [servers.fresh("year"), servers.fresh("year")]
        primary.add_zones([servers.Zone(z, also_notify=told, minimum=HOUR) for z in self.zones])
        for zone in self.zones:
            nsd.add_zone(zone)
        self.servers["bind"].add_zones([servers.Zone(z) for z in self.zones])

    def configure(self, notified):
        site = self.site
        secondaries = ['"127.0.0.1:%d"' % self.servers[s].port for s in ("nsd", "bind")]
        site.server.update(secondaries=mz.Raw("[ %s ]" % ", ".join(secondaries)))
        site.server.update(polling_interval="15s", propagation_timeout="15s")
        site.settings["reconcile_interval"] = TIMES["reconcile_interval"]
        site.settings["notify"] = {"listen": ["127.0.0.1:%d" % notified]}
        site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "/bin/true" ]')}
        signers(site)
        management = {"mode": "automatic", "algorithms": mz.Raw('[ "%s" ]' % '", "'.join(BOTH))}
        management.update((k, v) for k, v in TIMES.items() if k != "reconcile_interval")
        self.domains = [self.zones[0], "sub." + self.zones[0], self.zones[1]]
        for domain in self.domains:
            dns = {"publish_records": mz.Raw('[ "dkim" ]')}
            origin = ".".join(domain.split(".")[-2:])
            site.add_domain(domain, origin=origin, dns=dns, dkim_management=management)
        site.write()

    def say(self, *words):
        time_now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock.now()))
        self.story.append(" ".join(map(str, (time_now,) + words)))

    # ---- the daemon, which may be killed at any moment

    def start_daemon(self):
        self.clock.unseen()
        env = {
            **self.clock.env_seen,
            "LD_PRELOAD": "%s %s" % (self.clock.env["LD_PRELOAD"], self.killer),
            "MZ_KILL_IN": self.site.folder,
            "MZ_KILL_AT": str(int(10 ** self.random.uniform(1.5, 4))),
        }
        self.daemon = mzd.Daemon(self.site, env).start(wait=False)
        self.daemon_back = None
        self.say("mailzoned starts")
        self.well = self.clock.now()

    def ended(self, status, back):
        assert status in (0, -signal.SIGKILL), "mailzoned ended with %s" % status
        if status != 0:
            self.counts["kills"] += 1
            self.life.killed()
        self.say("mailzoned ended with %d" % status)
        self.daemon, self.daemon_back = None, back

    def alive(self):
        """Was it killed meanwhile? Then it comes back later."""
        if self.daemon is None:
            return False
        status = self.daemon.process.poll()
        if status is None:
            return True
        assert status != 0, "mailzoned ended by itself"
        self.ended(status, self.clock.now() + self.random.uniform(0, self.random.choice([0, 0, 2 * HOUR, DAY])))
        return False

    def command(self, *argv):
        """A command of the tool in JSON: its result, or None where the daemon did not live to answer."""
        done = self.site.run("--format", "json", *argv)
        return done if done.code == 0 or self.alive() else None

    def ask(self, command, *argv, **options):
        """The same by its socket, as it is asked many times; the answer, or None."""
        call = {"mailzone": 1, "command": command, "arguments": {"argv": argv, "format": "json", **options}}
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(self.site.path("control.sock"))
                sock.sendall(json.dumps(call).encode() + b"\n")
                with sock.makefile() as replies:
                    said = [json.loads(line) for line in replies]
        except (OSError, ValueError):  # it may end in the middle of a line
            return None
        good = said and said[-1].get("exit") == 0
        return json.loads("".join(reply["output"] for reply in said[:-1])) if good else None

    # ---- one instant after the other

    def check(self):
        """All that must hold now. The daemon's tasks, or None where it does not answer."""
        tasks = listed = None
        if self.alive():
            tasks = [self.ask("tasks", state=state) for state in ("retry", "pending", "running")]
            listed = self.ask("dkim", "list")
        if listed is not None:
            self.life.take_list(listed["keys"])
        up = {name: s.port for name, s in self.servers.items() if name not in self.away}
        self.life.check(up)
        self.counts["checks"] += 1
        if tasks is None or None in tasks:
            return None
        return [(t["id"], t["state"], seconds(t["due"])) for answer in tasks for t in answer["tasks"]]

    def settle(self):
        """Lets daemon and secondaries do what is due, or what they can until the next event. True: that is all."""
        before, step, began, asked = None, 1, time.monotonic(), 0
        while self.clock.now() < self.next_event():
            tasks = self.check()
            waited = time.monotonic() - began
            assert waited < 300, "no rest: %s" % (tasks,)
            # a secondary may give up on a primary that was away, for longer than is of interest here; and NSD may
            # believe that it has what it does not serve when it was ended in the middle of a transfer
            if waited > 10 * (asked + 1):
                asked += 1
                self.say("secondaries are asked to look:", self.late())
                self.ask_secondaries()
            up, now = self.daemon is not None, self.clock.now()
            seen = not up or self.clock.seen()
            busy = up and (tasks is None or [t for t in tasks if t[1] == "running" or t[2] <= now])
            if seen and not busy and not self.late():
                if up:
                    self.rest(tasks)
                return True
            if seen and tasks == before:
                # it waits for a server that does not answer, or for one that does not have it yet
                self.clock.leap(step)
                step = min(step * 2, 5)
                # theirs; on a busy machine a transfer must end before its signature is too old
                time.sleep(0.01 * (1 + waited))
            else:
                step = 1
            before = tasks
        return False

    def ask_secondaries(self):
        if "nsd" not in self.away:
            self.servers["nsd"].control("force_transfer", check=False)
        for zone in self.zones if "bind" not in self.away else []:
            self.servers["bind"].rndc("retransfer", zone, check=False)

    def late(self):
        """Has a secondary that should have looked during the last leap not transferred yet?"""
        behind = self.life.behind
        return [at for at, serial in self.owed.items() if behind.get(at, 0) == serial and at[0] not in self.away]

    def rest(self, tasks):
        self.life.settled()
        self.life.check_files()
        servers.wait_for("signers' files that agree", lambda: self.life.agree() or not self.alive(), 30)
        if not self.away:
            self.life.check_times(self.well)
        status = self.ask("status")
        self.due = [t[2] for t in tasks]
        if status is not None:
            self.due += [seconds(d["next_look"]) for d in status["domains"]]

    # ---- what happens

    def next_event(self):
        times = [self.happens, self.daemon_back, *self.away.values()]
        return min(t for t in times if t is not None)

    def events(self):
        """What has come."""
        now = self.clock.now()
        for name in [n for n, back in self.away.items() if back <= now]:
            self.come_back(name)
        if self.daemon_back is not None and self.daemon_back <= now:
            self.start_daemon()
        if self.happens <= now:
            self.happens = now + self.random.expovariate(1 / (3 * DAY))
            weights = [weight for weight, _ in EVENTS]
            event = self.random.choices([e for _, e in EVENTS], weights)[0]
            if event(self):
                self.counts["events"] += 1
                self.counts[event.__name__] += 1

    def come_back(self, name):
        server = self.servers[name]
        if server.process is None:
            server.launch()
        else:
            server.process.send_signal(signal.SIGCONT)
        del self.away[name]
        self.say(name, "is back")
        self.well = self.clock.now()

    def secondary_stops(self):
        name = self.random.choice(["nsd", "bind"])
        if name in self.away:
            return False
        if self.random.random() < 0.5:
            self.servers[name].process.send_signal(signal.SIGSTOP)  # it says nothing
        else:
            self.servers[name].end()  # nobody listens
        self.away[name] = self.clock.now() + self.random.uniform(10 * MINUTE, DAY)
        self.say(name, "stops" if self.servers[name].process is None else "is silent")
        return True

    def primary_stops(self):
        if "primary" in self.away:
            return False
        self.servers["primary"].end()
        self.say("primary stops")
        self.away["primary"] = self.clock.now() + self.random.choice([0, self.random.uniform(0, 15 * MINUTE)])
        return True

    def daemon_stops(self):
        if not self.alive():
            return False
        away = self.random.choice([0, 0, HOUR, DAY, 8 * DAY])
        self.ended(self.daemon.stop(signal.SIGTERM), self.clock.now() + self.random.uniform(0, away))
        return True

    def reload(self):
        return self.alive() and self.command("reload") is not None

    def rotate(self):
        domain, algorithm = self.random.choice(self.domains), self.random.choice(BOTH)
        argv = ["dkim", "rotate", domain, "--algorithm", algorithm]
        done = self.alive() and self.command(*argv, *self.random.choice([[], ["--now"]]))
        if not done or done.code != 0:
            return False
        for key in self.life.keys.values():
            if (key.domain, key.algorithm, key.stage) == (domain, algorithm, "active"):
                key.asked = self.clock.now()
        return True

    def pick(self, *stages):
        """A key in one of these stages, or None."""
        found = [k for k in self.life.keys.values() if k.stage in stages]
        return self.random.choice(found) if found else None

    def revoke(self):
        key = self.pick("pending", "active", "retiring") if self.alive() else None
        if key is None:
            return False
        at = (key.domain, key.algorithm)
        key.revoked = True
        if key.stage == "active" or self.life.told.get(at) == key:
            self.life.unsigned.add(at)
        done = self.command("dkim", "revoke", key.domain, key.selector)
        key.accepted = done is not None and done.code == 0
        self.say("revoked", key, key.accepted)
        return key.accepted

    def record_changed(self):
        """A second writer changes the record of a key that signs or has signed: the daemon needs its time."""
        key = self.pick("active", "retiring")
        if key is None or "primary" in self.away:
            return False
        key.disturbed = dict.fromkeys(self.servers, self.clock.now())
        self.write_record(key)
        return True

    def new_record_changed(self):
        """The same for one that is to sign: it must not. Only at rest, before the look that it signs after."""
        key = self.pick("pending")
        if key is not None and key not in self.life.told.values() and "primary" not in self.away:
            key.touched = True
            self.write_record(key)
            self.counts["new_record_changed"] += 1

    def write_record(self, key):
        """Deletes it, puts another one in its place, or one beside it."""
        delete = "update delete %s TXT\n" % key.name
        add = 'update add %s 300 TXT "v=DKIM1; k=rsa; p=AAAA"\n' % key.name
        script = self.random.choice([delete, delete + add, add])
        primary, writer = self.servers["primary"], servers.OTHERKEY
        head = "server 127.0.0.1 %d\nzone %s\n" % (primary.port, key.zone)
        primary.write("second", head + script + "send\n")
        argv = ["nsupdate", "-y", "%s:%s:%s" % (writer.algorithm, writer.name, writer.secret), primary.path("second")]
        # PowerDNS on SQLite may say SERVFAIL while its database is locked
        servers.wait_for("the second writer", lambda: primary.command(*argv, check=False).returncode == 0, 20)
        self.say("second writer:", script)

    # ---- all of it

    def leap(self):
        """To what is due next, and a little more, as the daemon's timers may be a second late: nothing that it should
        do is leapt over."""
        now = self.clock.now()
        to = min([self.next_event(), now + 2 * DAY] + (self.due if self.daemon else []))
        self.clock.leap(max(0, to - now) + self.random.uniform(1, 2))
        self.owed = dict(self.life.behind) if to - now > REFRESH else {}
        self.counts["leaps"] += 1

    def run(self, seconds):
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            if self.settle():
                if self.random.random() < 0.01:
                    self.new_record_changed()
                self.leap()
            self.events()

    def finish(self):
        """Nothing happens any more: all becomes as it should be."""
        now = self.clock.now()
        self.happens, self.killer = float("inf"), ""
        self.away = dict.fromkeys(self.away, now)
        if self.alive():
            self.ended(self.daemon.stop(signal.SIGTERM), now)
        self.daemon_back = now
        self.run(TIMES["reconcile_interval"] + 2 * DAY)
        assert not self.away and self.daemon is not None
        life = self.life
        assert set(life.told) == {(domain, algorithm) for domain in self.domains for algorithm in BOTH}
        assert {key.stage for key in life.told.values()} <= {"pending", "active"} and not life.unsigned
        assert not [key for key in life.keys.values() if key.disturbed and key.stage in ("active", "retiring")]
        assert len(life.keys) >= (1 + DAYS // 120) * len(life.told)
        assert self.counts["kills"] > 0 or DAYS < 365
        assert life.counts["unanswered"] < life.counts["answers"] / 100

    def close(self):
        if self.daemon is not None:
            self.daemon.stop(signal.SIGKILL)
        for name, server in self.servers.items():
            if name in self.away and server.process is not None:
                server.process.send_signal(signal.SIGCONT)
            server.stop()


# (weight, what happens)
EVENTS = [
    (15, Year.secondary_stops),
    (10, Year.primary_stops),
    (15, Year.daemon_stops),
    (10, Year.reload),
    (15, Year.rotate),
    (5, Year.revoke),
    (15, Year.record_changed),
]


@pytest.mark.parametrize("kind", ["bind", "knot", "pdns"])
@pytest.mark.parametrize("seed", range(SEED, SEED + YEARS))
def test_a_year(kind, seed, site, tmp_path):
    year = Year(kind, site, tmp_path, seed)
    try:
        year.run(DAYS * DAY)
        year.finish()
    except BaseException:
        print("\n".join(year.story[-100:]), (tmp_path / "site0" / "mailzoned.log").read_text()[-6000:], sep="\n")
        for name, server in year.servers.items():
            print("%s:" % name, server.log()[-6000:], sep="\n")
        raise
    finally:
        year.close()
        print(kind, seed, year.counts, year.life.counts, [s for s in year.story if "asked" in s])
