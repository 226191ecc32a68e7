# SPDX-License-Identifier: BSD-2-Clause
"""Certificates as certbot lays them, a TLS listener that uses them, and a DANE verifier."""

import hashlib
import os
import subprocess

import servers


def openssl(*argv, stdin=None):
    done = subprocess.run(["openssl", *argv], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, "openssl %s: %s" % (argv, done.stderr.decode())
    return done.stdout


def spki(pem, kind="pkey"):
    """The digest of a public key, in hexadecimal: of a key's file or of a certificate's (kind "x509")."""
    if kind == "x509":
        public = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", pem, "-noout", "-pubkey"))
    else:
        public = openssl("pkey", "-in", pem, "-pubout", "-outform", "DER")
    return hashlib.sha256(public).hexdigest()


class Authority:
    """A CA in a folder, for certificates of any time."""

    def __init__(self, folder, name):
        self.folder = os.path.join(str(folder), name)
        os.makedirs(self.folder)
        self.cert, self.key = self.path("ca.pem"), self.path("ca.key")
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", self.key, "-out", self.cert, "-subj", "/CN=" + name,
        )  # fmt: skip
        self.write("index.txt", "")
        self.write("index.txt.attr", "unique_subject = no\n")
        self.write(
            "ca.cnf",
            "[ca]\ndefault_ca = d\n[d]\ndir = %(f)s\ndatabase = %(f)s/index.txt\nnew_certs_dir = %(f)s\n"
            "rand_serial = yes\ndefault_md = sha256\npolicy = p\ncopy_extensions = copy\nunique_subject = no\n"
            "email_in_dn = no\n[p]\ncommonName = supplied\n" % {"f": self.folder},
        )

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    @property
    def digest(self):
        return spki(self.cert, "x509")

    def issue(self, key, hosts, expired=False):
        """A certificate for the key in this file, in PEM."""
        names = ",".join("DNS:" + h for h in hosts)
        request, out = self.path("request.pem"), self.path("new.pem")
        openssl("req", "-new", "-key", key, "-subj", "/CN=" + hosts[0], "-addext", "subjectAltName=" + names, "-out", request)
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else ["-days", "20"]
        openssl("ca", "-batch", "-notext", "-config", self.path("ca.cnf"), "-cert", self.cert, "-keyfile", self.key,
                "-in", request, "-out", out, *dates)  # fmt: skip
        with open(out) as f:
            return f.read()


class Lineage:
    """What certbot keeps of one certificate: live/NAME/*.pem are links to archive/NAME/*N.pem."""

    FILES = ("cert", "chain", "fullchain", "privkey")

    def __init__(self, folder, hosts):
        self.folder, self.hosts, self.number = str(folder), hosts, 0
        for part in ("live", "archive"):
            os.makedirs(self.path(part, hosts[0]))
        self.next_key = self.path("next.key")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def live(self, name):
        return self.path("live", self.hosts[0], name + ".pem")

    def archive(self, name, number=None):
        return self.path("archive", self.hosts[0], "%s%d.pem" % (name, number or self.number))

    @property
    def chain(self):
        return self.live("fullchain")

    @property
    def key(self):
        return self.live("privkey")

    def new_key(self, path=None):
        """A new key where the next one is kept, whole at once; its digest."""
        path = path or self.next_key
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path + ".tmp")
        os.chmod(path + ".tmp", 0o600)
        digest = spki(path + ".tmp")
        os.rename(path + ".tmp", path)
        return digest

    def renew(self, authority, key=None, expired=False):
        """As certbot does: writes archive/*N+1 and then turns the links. `key`: a file; None: a new key.
        The digest of the key."""
        self.number += 1
        private = self.archive("privkey")
        if key is None:
            self.new_key(private)
        else:
            with open(key) as source, open(private, "w") as f:
                f.write(source.read())
        cert = authority.issue(private, self.hosts, expired)
        with open(authority.cert) as f:
            chain = f.read()
        for name, text in (("cert", cert), ("chain", chain), ("fullchain", cert + chain)):
            with open(self.archive(name), "w") as f:
                f.write(text)
        for name in self.FILES:
            self.link(name, self.number)
        return spki(private)

    def link(self, name, number):
        """certbot removes the link and makes it anew."""
        if os.path.lexists(self.live(name)):
            os.unlink(self.live(name))
        os.symlink(os.path.join("..", "..", "archive", self.hosts[0], "%s%d.pem" % (name, number)), self.live(name))


class Listener:
    """openssl s_server: it has what it loaded until it is started again, as mail servers do."""

    def __init__(self, lineage):
        self.lineage, self.process, self.port = lineage, None, 0

    def __enter__(self):
        return self.load()

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def load(self):
        """Loads what is on disk now."""
        self.stop()
        self.port = servers.free_port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:%d" % self.port, "-quiet"]
            + ["-cert", self.lineage.chain, "-cert_chain", self.lineage.live("chain"), "-key", self.lineage.key],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=servers._die_with_parent,
        )
        servers.wait_for("s_server", lambda: self.connect([]).returncode == 0, 20, self.process)
        return self

    def connect(self, more):
        return subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, "-brief", *more],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
        )

    def accepts(self, records):
        """Does a verifier that knows only these TLSA records ("3 1 1 abcd...") take the connection?"""
        host = self.lineage.hosts[0]
        argv = ["-servername", host, "-dane_tlsa_domain", host, "-verify_return_error"]
        for record in records:
            argv += ["-dane_tlsa_rrdata", record]
        done = self.connect(argv)
        return done.returncode == 0 and "Verification: OK" in done.stderr
