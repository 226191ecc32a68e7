# SPDX-License-Identifier: BSD-2-Clause
"""Real name servers for the tests: BIND, Knot DNS and PowerDNS, and NSD as a secondary.

Every server is a process of our own in a temporary folder, on a free loopback port. It is
stopped by its pid when the tests end, and by the kernel when the tests are killed. The three
primaries have the same methods, so that a test can be run against each of them.
"""

import atexit
import base64
import contextlib
import ctypes
import itertools
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update

HOST = "127.0.0.1"

# Algorithms that BIND, Knot and PowerDNS have. The truncated ones of RFC 8945 are in none.
SERVER_ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def _secret(text):
    return base64.b64encode(text.encode().ljust(32, b"-")[:32]).decode()


class Key:
    """A TSIG key: name, algorithm and base64 secret."""

    def __init__(self, name, algorithm="hmac-sha256", secret=None):
        self.name = name
        self.algorithm = algorithm
        self.secret = secret or _secret("secret of " + name)

    def dnspython(self):
        return dns.tsig.Key(self.name, self.secret, self.algorithm)


MAILKEY = Key("mailkey")  # mailzone's own
OTHERKEY = Key("otherkey")  # the second writer's
IDLEKEY = Key("idlekey")  # known to the server, may do nothing
ALGORITHM_KEYS = {a: Key("alg-" + a, a) for a in SERVER_ALGORITHMS}
WRITERS = [MAILKEY, OTHERKEY] + list(ALGORITHM_KEYS.values())
KEYS = WRITERS + [IDLEKEY]

# What the server makes by itself in a signed zone: no part of a comparison.
SERVER_TYPES = {
    dns.rdatatype.from_text(t)
    for t in ("SOA DNSKEY RRSIG NSEC NSEC3 NSEC3PARAM CDS CDNSKEY ZONEMD TYPE65534").split()
}

_numbers = itertools.count(1)


def fresh(prefix="z", parent="test"):
    """A zone name that no test used before: servers remember journals and keys by name."""
    return "%s%d.%s" % (prefix, next(_numbers), parent)


def free_port():
    """A port that is free for TCP and for UDP on loopback, below those that the kernel gives to clients: whoever
    stops and starts finds it free again."""
    for _ in range(100):
        port = random.randrange(10000, 32768)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind((HOST, port))
                    udp.bind((HOST, port))
                except OSError:
                    continue
                return port
    raise RuntimeError("no free port on loopback")


def wait_for(what, condition, seconds=30, process=None):
    """Polls until condition() is true; fails with the name of what did not come."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if process is not None and process.poll() is not None:
            raise RuntimeError("%s: the server ended with %s" % (what, process.returncode))
        if time.monotonic() > deadline:
            raise TimeoutError("%s did not come within %d s" % (what, seconds))
        time.sleep(0.02)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Zone:
    """A zone to serve.

    text: the zone's RRs in zone-file syntax, without the SOA and the NS at the apex.
    signed: signed by the server (BIND and Knot). policy: lines of BIND's update-policy, or of
    Knot's `update-*` settings of an acl, instead of "everything". also_notify: ports.
    minimum: seconds for which caches keep that there is no such name.
    """

    def __init__(self, name, text="", signed=False, policy=None, also_notify=(), ttl=3600, minimum=300):
        self.name = name.rstrip(".")
        self.text = text
        self.signed = signed
        self.policy = policy
        self.also_notify = list(also_notify)
        self.ttl = ttl
        self.minimum = minimum

    def zonefile(self):
        return (
            "$ORIGIN %s.\n$TTL %d\n"
            "@ SOA ns1.invalid. hostmaster.invalid. 100 3600 600 604800 %d\n"
            "@ NS ns1.invalid.\n%s\n" % (self.name, self.ttl, self.minimum, self.text)
        )


class Process:
    """A server process in a folder of its own. env: what it and its commands have in their environment besides ours."""

    env = {}

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mz-%s-" % type(self).__name__.lower())
        self.process = None
        atexit.register(self.stop)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def spawn(self, *argv):
        with open(self.path("stderr.log"), "ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.env},
                preexec_fn=_die_with_parent,
            )

    def end(self):
        """Ends it; started again, it serves what it did."""
        self.kill()

    def kill(self):
        """Ends the process, and leaves the folder."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.stop)

    def log(self):
        text = ""
        for name in ("named.log", "knot.log", "nsd.log", "stderr.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    text += f.read()
        return text

    def command(self, *argv, check=True):
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **self.env},
        )
        if check and done.returncode != 0:
            raise RuntimeError(
                "%s: %d %s %s" % (argv, done.returncode, done.stdout, done.stderr)
            )
        return done


class Server(Process):
    """What the three primaries have in common."""

    kind = ""
    can_sign = True
    has_unknown_types = True

    def __init__(self, **options):
        super().__init__()
        self.options = options
        self.zones = {}
        self.port = 0
        self.keys = list(KEYS)

    def rekey(self, name, secret):
        """The key has another secret from now on."""
        self.keys = [Key(k.name, k.algorithm, secret) if k.name == name else k for k in self.keys]
        self.load_keys()

    def start(self):
        for attempt in range(3):
            self.port = free_port()
            try:
                self.launch()
                return self
            except RuntimeError:  # another process may have taken the port
                if attempt == 2:
                    print(self.log()[-4000:])
                    self.stop()
                    raise
        return self

    def restart(self, away=0):
        """Ends it, and starts it again at the same port, with the zones as they were; away: seconds."""
        self.end()
        time.sleep(away)
        self.launch()

    def add_zones(self, zones):
        zones = list(zones)
        for zone in zones:
            assert zone.name not in self.zones, zone.name
            self.zones[zone.name] = zone
        self.load(zones)
        try:
            self.wait_served(zones)
        except TimeoutError:
            print(self.log()[-4000:])
            raise

    def add_zone(self, name, text="", **options):
        self.add_zones([Zone(name, text, **options)])
        return name

    def wait_served(self, zones, seconds=60):
        deadline = time.monotonic() + seconds
        for zone in zones:
            wait_for(
                "%s: zone %s" % (self.kind, zone.name),
                lambda: self._serves(zone),
                max(1, deadline - time.monotonic()),
                self.process,
            )

    def _serves(self, zone):
        try:
            if self.serial(zone.name) is None:
                return False
            if not zone.signed:
                return True
            return any(t == dns.rdatatype.RRSIG for _, t in self.axfr_raw(zone.name))
        except (dns.exception.DNSException, OSError):
            return False

    def query(self, name, rdtype, tcp=False, key=None, timeout=2):
        q = dns.message.make_query(name, rdtype)
        q.flags &= ~dns.flags.RD
        if key:
            q.use_tsig(key.dnspython())
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(q, HOST, timeout, self.port)

    def serial(self, zone):
        answer = self.query(zone, "SOA")
        if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
            return None
        if answer.answer[0].rdtype != dns.rdatatype.SOA:
            return None
        return answer.answer[0][0].serial

    def axfr_raw(self, zone, key=MAILKEY):
        """Every RRset of the zone: {(owner name, type): (ttl, frozenset of rdata wire)}."""
        origin = dns.name.from_text(zone)
        found = {}
        messages = dns.query.xfr(
            HOST,
            origin,
            port=self.port,
            keyring={dns.name.from_text(key.name): key.dnspython()},
            keyname=key.name,
            keyalgorithm=dns.name.from_text(key.algorithm),
            lifetime=60,
            relativize=False,
        )
        for message in messages:
            for rrset in message.answer:
                rdtype = rrset.rdtype
                slot = (rrset.name.canonicalize(), rdtype)
                if rdtype == dns.rdatatype.RRSIG:
                    found[slot] = (0, frozenset())
                    continue
                ttl, wires = found.get(slot, (rrset.ttl, frozenset()))
                assert ttl == rrset.ttl, "two TTLs in one RRset: %s" % rrset
                found[slot] = (ttl, wires | {r.to_wire() for r in rrset})
        return found

    def axfr(self, zone, key=MAILKEY):
        """The same without what the server makes itself (SOA and DNSSEC types)."""
        return {s: v for s, v in self.axfr_raw(zone, key).items() if s[1] not in SERVER_TYPES}

    def update(self, zone, add=(), delete=(), key=OTHERKEY, port=None):
        """A second writer. add: (owner, ttl, type, text); delete: (owner, type[, text]).

        Owners are absolute, or relative to the zone. Returns the rcode's name.
        """
        message = dns.update.UpdateMessage(dns.name.from_text(zone))
        message.use_tsig(key.dnspython())
        for item in delete:
            message.delete(*item)
        for owner, ttl, rdtype, text in add:
            message.add(owner, ttl, rdtype, text)
        reply = dns.query.tcp(message, HOST, 10, port or self.port)
        return dns.rcode.to_text(reply.rcode())

    def must_update(self, zone, add=(), delete=()):
        # PowerDNS on SQLite may say SERVFAIL while its database is locked
        for _ in range(50):
            rcode = self.update(zone, add, delete)
            if rcode != "SERVFAIL":
                break
        assert rcode == "NOERROR", "the second writer got %s" % rcode


class Bind(Server):
    kind = "bind"

    def launch(self):
        self.control = free_port()
        # AppArmor confines /usr/sbin/named by its path: a copy may use our folder.
        shutil.copy("/usr/sbin/named", self.path("named"))
        self.write(
            "rndc.conf",
            'key "rndc" { algorithm hmac-sha256; secret "%s"; };\n'
            "options { default-server %s; default-port %d; default-key rndc; };\n"
            % (_secret("rndc"), HOST, self.control),
        )
        self.write("zones.conf", self._zones_conf())
        self._write_keys()
        self.write(
            "named.conf",
            """options {
    directory "%(d)s";
    pid-file "%(d)s/named.pid"; lock-file none; session-keyfile "%(d)s/session.key";
    managed-keys-directory "%(d)s"; key-directory "%(d)s";
    listen-on port %(port)d { 127.0.0.1; }; listen-on-v6 { none; };
    recursion no; dnssec-validation no; empty-zones-enable no;
    notify explicit; notify-delay 0; minimal-responses yes; tcp-clients 1000;
    startup-notify-rate 1000; notify-rate 1000; %(extra)s
};
include "%(d)s/keys.conf";
key "rndc" { algorithm hmac-sha256; secret "%(rndc)s"; };
acl writers { %(writers)s };
controls { inet 127.0.0.1 port %(control)d allow { 127.0.0.1; } keys { "rndc"; }; };
logging {
    channel l { file "%(d)s/named.log"; severity info; print-time yes; print-category yes; };
    category default { l; }; category update { l; }; category update-security { l; };
};
include "%(d)s/zones.conf";
"""
            % {
                "d": self.folder,
                "port": self.port,
                "control": self.control,
                "rndc": _secret("rndc"),
                "writers": " ".join("key %s;" % k.name for k in WRITERS),
                "extra": self.options.get("extra", ""),
            },
        )
        self.spawn(self.path("named"), "-f", "-n", "2", "-c", self.path("named.conf"))
        wait_for(
            "named",
            lambda: "server is up" in self.rndc("status", check=False).stdout,
            30,
            self.process,
        )

    def _write_keys(self):
        statement = 'key "%s" { algorithm %s; secret "%s"; };\n'
        self.write("keys.conf", "".join(statement % (k.name, k.algorithm, k.secret) for k in self.keys))

    def load_keys(self):
        self._write_keys()
        self.rndc("reconfig")

    def rndc(self, *argv, check=True):
        return self.command("/usr/sbin/rndc", "-c", self.path("rndc.conf"), *argv, check=check)

    def _zones_conf(self):
        text = []
        for zone in self.zones.values():
            text.append(
                'zone "%s" { type primary; file "%s.zone"; allow-transfer { writers; }; %s %s %s};\n'
                % (
                    zone.name,
                    zone.name,
                    "update-policy { %s grant otherkey zonesub any; };" % zone.policy
                    if zone.policy
                    else "allow-update { writers; };",
                    "dnssec-policy default; inline-signing yes;" if zone.signed else "",
                    "also-notify { %s };"
                    % " ".join("127.0.0.1 port %d;" % p for p in zone.also_notify)
                    if zone.also_notify
                    else "",
                )
            )
        return "".join(text)

    def load(self, zones):
        for zone in zones:
            self.write(zone.name + ".zone", zone.zonefile())
        self.write("zones.conf", self._zones_conf())
        self.rndc("reconfig")


class BindSecondary(Bind):
    """A secondary that transfers its zones from a primary; it hears of a change only by NOTIFY."""

    def __init__(self, primary, extra=""):
        super().__init__(extra=extra)
        self.primary = primary

    def _zones_conf(self):
        return "".join(
            'zone "%s" { type secondary; file "%s.copy"; primaries { 127.0.0.1 port %d key %s; };'
            " allow-transfer { writers; }; };\n" % (z, z, self.primary.port, MAILKEY.name)
            for z in self.zones
        )

    def load(self, zones):
        self.write("zones.conf", self._zones_conf())
        self.rndc("reconfig")


class Knot(Server):
    kind = "knot"

    def launch(self):
        for name in ("run", "db", "zones"):
            os.makedirs(self.path(name), exist_ok=True)
        self._write_conf()
        self.spawn("/usr/sbin/knotd", "-c", self.path("knot.conf"))
        wait_for(
            "knotd",
            lambda: self.knotc("status", check=False).stdout.startswith("Running"),
            30,
            self.process,
        )

    def knotc(self, *argv, check=True):
        return self.command(
            "/usr/sbin/knotc", "-b", "-s", self.path("run", "knot.sock"), *argv, check=check
        )

    def end(self):
        # at its start it makes each zone what the zone's file says
        self.knotc("-f", "zone-flush")
        super().end()

    def _write_conf(self):
        lines = [
            "server:",
            "    rundir: %s" % self.path("run"),
            "    listen: 127.0.0.1@%d" % self.port,
            "    udp-workers: 1",
            "    tcp-workers: 2",
            "    background-workers: 2",
            "log:",
            "  - target: %s" % self.path("knot.log"),
            "    any: info",
            "database:",
            "    storage: %s" % self.path("db"),
            "    journal-db-max-size: 4G",
            "control:",
            "    listen: %s" % self.path("run", "knot.sock"),
            "key:",
        ]
        for key in self.keys:
            lines += [
                "  - id: %s" % key.name,
                "    algorithm: %s" % key.algorithm,
                "    secret: %s" % key.secret,
            ]
        notified = sorted({p for z in self.zones.values() for p in z.also_notify})
        if notified:
            lines.append("remote:")
        for port in notified:
            lines += ["  - id: r%d" % port, "    address: 127.0.0.1@%d" % port]
        writers = ", ".join(k.name for k in WRITERS)
        lines += [
            "acl:",
            "  - id: writers",
            "    key: [%s]" % writers,
            "    action: [transfer, update]",
            "  - id: second",
            "    key: [%s]" % OTHERKEY.name,
            "    action: [transfer, update]",
            "  - id: readers",
            "    key: [%s]" % writers,
            "    action: [transfer]",
        ]
        for zone in self.zones.values():
            if zone.policy:
                lines += ["  - id: only-%s" % zone.name, "    key: [%s]" % MAILKEY.name]
                lines += ["    action: [update]", "    " + zone.policy]
        lines += [
            "template:",
            "  - id: default",
            "    storage: %s" % self.path("zones"),
            '    file: "%s.zone"',
            "    zonefile-sync: -1",
            "    zonefile-load: difference-no-serial",
            "    journal-content: all",
            "    acl: writers",
            "zone:",
        ]
        for zone in self.zones.values():
            lines.append("  - domain: %s" % zone.name)
            if zone.policy:
                lines.append("    acl: [only-%s, second, readers]" % zone.name)
            if zone.signed:
                lines.append("    dnssec-signing: on")
            if zone.also_notify:
                lines.append(
                    "    notify: [%s]" % ", ".join("r%d" % p for p in zone.also_notify)
                )
        self.write("knot.conf", "\n".join(lines) + "\n")

    def load_keys(self):
        self._write_conf()
        self.knotc("reload")

    def load(self, zones):
        for zone in zones:
            self.write(os.path.join("zones", zone.name + ".zone"), zone.zonefile())
        self._write_conf()
        self.knotc("reload")


class Pdns(Server):
    kind = "pdns"
    can_sign = False
    has_unknown_types = False

    SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

    def launch(self):
        if not os.path.exists(self.path("pdns.db")):
            self._make_db()
        notify = self.options.get("also_notify", [])
        self.write(
            "pdns.conf",
            """launch=gsqlite3
gsqlite3-database=%(d)s/pdns.db
gsqlite3-dnssec=yes
gsqlite3-pragma-synchronous=0
local-address=127.0.0.1
local-port=%(port)d
socket-dir=%(d)s
daemon=no
guardian=no
write-pid=no
primary=yes
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
disable-axfr=no
allow-axfr-ips=
only-notify=
also-notify=%(notify)s
zone-cache-refresh-interval=0
domain-metadata-cache-ttl=0
loglevel=5
%(extra)s
"""
            % {
                "d": self.folder,
                "port": self.port,
                "notify": ", ".join("127.0.0.1:%d" % port for port in notify),
                "extra": self.options.get("extra", ""),
            },
        )
        self.spawn("/usr/sbin/pdns_server", "--config-dir=" + self.folder)
        # any answer will do: it has no zone yet
        wait_for("pdns_server", self._answers, 30, self.process)

    def _make_db(self):
        with self._db() as db, open(self.SCHEMA) as schema:
            db.executescript(schema.read())
            for key in self.keys:
                db.execute(
                    "INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?)",
                    (key.name, key.algorithm, key.secret),
                )

    def load_keys(self):
        db = self._db()
        with db:
            for key in self.keys:
                db.execute("UPDATE tsigkeys SET secret = ? WHERE name = ?", (key.secret, key.name))
        db.close()
        self.command("pdns_control", "--socket-dir=" + self.folder, "purge")

    def _answers(self):
        try:
            return self.query("nothing.invalid", "SOA", timeout=0.5) is not None
        except (dns.exception.DNSException, OSError):
            return False

    def axfr_raw(self, zone, key=MAILKEY):
        """Names in the rdata in lower case: PowerDNS compresses names whatever their case, so
        that theirs depends on what stands before them in the message."""

        def lower(rdtype, wire):
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, wire, 0, len(wire))
            return rdata.to_digestable()

        return {
            (owner, rdtype): (ttl, frozenset(lower(rdtype, w) for w in wires))
            for (owner, rdtype), (ttl, wires) in super().axfr_raw(zone, key).items()
        }

    def serial(self, zone):
        """The serial by AXFR: a query may be answered from a cache that is 20 s old."""
        if zone not in self.zones:
            return None
        soa = self.axfr_raw(zone)[(dns.name.from_text(zone), dns.rdatatype.SOA)][1]
        return int.from_bytes(next(iter(soa))[-20:-16], "big")

    def _db(self):
        return sqlite3.connect(self.path("pdns.db"), timeout=30)

    def load(self, zones):
        for zone in zones:
            self.write(zone.name + ".zone", zone.zonefile())
            self.command(
                "pdnsutil",
                "--config-dir=" + self.folder,
                "load-zone",
                zone.name,
                self.path(zone.name + ".zone"),
            )
        db = self._db()
        with db:
            for zone in zones:
                (number,) = db.execute(
                    "SELECT id FROM domains WHERE name = ?", (zone.name,)
                ).fetchone()
                db.execute("UPDATE domains SET type = 'MASTER' WHERE id = ?", (number,))
                for key in WRITERS:
                    for kind in ("TSIG-ALLOW-AXFR", "TSIG-ALLOW-DNSUPDATE"):
                        db.execute(
                            "INSERT INTO domainmetadata (domain_id, kind, content)"
                            " VALUES (?, ?, ?)",
                            (number, kind, key.name),
                        )
                if self.options.get("also_notify"):
                    db.execute(
                        "INSERT INTO domainmetadata (domain_id, kind, content)"
                        " VALUES (?, 'NOTIFY-DNSUPDATE', '1')",
                        (number,),
                    )
        db.close()
        self.command("pdns_control", "--socket-dir=" + self.folder, "purge")


class Nsd(Process):
    """A secondary that transfers its zones from a primary."""

    kind = "nsd"
    axfr = Server.axfr

    def __init__(self, primary, refresh=None):
        """refresh: asks the primary at least this often, in seconds; without, it waits for NOTIFY."""
        super().__init__()
        self.primary, self.refresh = primary, refresh
        self.port = free_port()
        self.zones = []

    def start(self):
        self.launch()
        return self

    def launch(self):
        self._write_conf()
        self.spawn("/usr/sbin/nsd", "-d", "-c", self.path("nsd.conf"))
        wait_for("nsd", self._up, 30, self.process)

    def end(self):
        # at its start it serves what the zones' files say
        serials = {zone: self.serial(zone) for zone in self.zones}
        self.control("write")
        for zone, serial in serials.items():
            if serial is not None:
                wait_for("nsd: the file of " + zone, lambda: self._written(zone, serial))
        super().end()

    def _written(self, zone, serial):
        """Is this serial, or the one of a transfer that has come since, in the zone's file?"""
        with contextlib.suppress(OSError), open(self.path(zone + ".zone")) as f:
            found = re.search(r"\sSOA\s+\S+\s+\S+\s+\(?\s*(\d+)", f.read())
            return found is not None and int(found[1]) >= serial

    def _up(self):
        return self.control("status", check=False).returncode == 0

    def axfr_raw(self, zone, key=MAILKEY):
        """The transfer, which is begun anew where it is cut off: a reload ends the process that answers."""
        for last in (False, False, True):
            try:
                return Server.axfr_raw(self, zone, key)
            except (ConnectionResetError, EOFError):
                if last:
                    raise

    def control(self, *argv, check=True):
        return self.command(
            "/usr/sbin/nsd-control", "-c", self.path("nsd.conf"), *argv, check=check
        )

    def _write_conf(self):
        text = """server:
    ip-address: 127.0.0.1@%(port)d
    username: ""
    chroot: ""
    zonesdir: "%(d)s"
    database: ""
    zonelistfile: "%(d)s/zone.list"
    xfrdfile: "%(d)s/xfrd.state"
    xfrdir: "%(d)s"
    pidfile: "%(d)s/nsd.pid"
    logfile: "%(d)s/nsd.log"
    cookie-secret-file: "%(d)s/cookies"
    verbosity: 2
    server-count: 1
    rrl-ratelimit: 0
    xfrd-reload-timeout: 0
remote-control:
    control-enable: yes
    control-interface: %(d)s/nsd.sock
key:
    name: "%(key)s"
    algorithm: %(algorithm)s
    secret: "%(secret)s"
""" % {
            "port": self.port,
            "d": self.folder,
            "key": MAILKEY.name,
            "algorithm": MAILKEY.algorithm,
            "secret": MAILKEY.secret,
        }
        for zone in self.zones:
            text += """zone:
    name: "%s"
    zonefile: "%s.zone"
    request-xfr: 127.0.0.1@%d %s
    allow-notify: 127.0.0.1 NOKEY
    provide-xfr: 127.0.0.1 %s
""" % (zone, zone, self.primary.port, MAILKEY.name, MAILKEY.name)
            if self.refresh:
                text += "    max-refresh-time: %d\n    max-retry-time: %d\n" % (self.refresh, self.refresh)
        self.write("nsd.conf", text)

    def add_zone(self, zone):
        self.zones.append(zone)
        self._write_conf()
        self.control("reconfig")
        wait_for("nsd: zone %s" % zone, lambda: self.serial(zone) is not None, 30, self.process)

    def serial(self, zone):
        q = dns.message.make_query(zone, "SOA")
        try:
            answer = dns.query.udp(q, HOST, 1, self.port)
        except (dns.exception.DNSException, OSError):
            return None
        return answer.answer[0][0].serial if answer.answer else None


KINDS = {"bind": Bind, "knot": Knot, "pdns": Pdns}
