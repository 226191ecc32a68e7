# SPDX-License-Identifier: BSD-2-Clause
"""Writes configurations for mailzone, runs it, and reads what it prints."""

import functools
import json
import os
import subprocess
import time

import servers

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def binary():
    """The program under test: $MAILZONE, or mailzone in $MZ_BUILD, or at the top."""
    return os.environ.get("MAILZONE") or os.path.join(os.environ.get("MZ_BUILD", TOP), "mailzone")


class Raw(str):
    """Text that stands in the configuration as it is."""


def libconfig(value, indent=0):
    """A value in libconfig's syntax: dict, list, str, bool, int or float."""
    pad = "  " * (indent + 1)
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        lines = ["%s%s = %s;\n" % (pad, k, libconfig(v, indent + 1)) for k, v in value.items()]
        return "{\n%s%s}" % ("".join(lines), "  " * indent)
    if isinstance(value, list):
        items = [libconfig(v, indent + 1) for v in value]
        return "( %s )" % (",\n" + pad).join(items) if items else "( )"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return str(value)


def document(settings):
    return "".join("%s = %s;\n" % (k, libconfig(v)) for k, v in settings.items())


class Result:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def json(self):
        return json.loads(self.out)

    def domain(self, name):
        """The domain's part of a plan in JSON."""
        (found,) = [d for d in self.json["domains"] if d["domain"] == name]
        return found

    def __repr__(self):
        return "exit %s in %.2f s\n--- stdout\n%s\n--- stderr\n%s" % (
            self.code,
            self.seconds,
            self.out[:6000],
            self.err[:6000],
        )


def run(*argv, env=None, timeout=60, stdin=""):
    """Runs mailzone with these arguments, never on a terminal."""
    environment = dict(os.environ)
    environment.pop("NO_COLOR", None)
    environment.update(env or {})
    started = time.monotonic()
    done = subprocess.run(
        [binary(), *argv],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        env=environment,
    )
    return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


class Site:
    """A folder with a configuration and a state directory of its own.

    `settings` is the whole configuration as Python values; change it and call write().
    """

    def __init__(self, folder, port, **server):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.state = os.path.join(self.folder, "state")
        self.conf = os.path.join(self.folder, "mailzone.conf")
        self.server = {
            "name": "primary",
            "host": servers.HOST,
            "port": port,
            "key": servers.MAILKEY.name,
            "timeout": "10s",
            "polling_interval": "1s",
        }
        self.server.update(server)
        self.settings = {
            "state_directory": self.state,
            "control_socket": os.path.join(self.folder, "control.sock"),
            "keys": [self.key(servers.MAILKEY)],
            "servers": [self.server],
            "mail_systems": [{"name": "default", "hostname": "mail.example.net"}],
            "domains": [],
        }

    @staticmethod
    def key(key):
        return {"name": key.name, "algorithm": key.algorithm, "secret": key.secret}

    @property
    def system(self):
        return self.settings["mail_systems"][0]

    def add_domain(self, name, origin=None, dns=None, **settings):
        """Adds a domain under automatic management; `dns` are further dns_management settings."""
        management = {"mode": "automatic", "server": "primary"}
        if origin:
            management["origin"] = origin
        management.update(dns or {})
        domain = {"name": name, "dns_management": management}
        domain.update(settings)
        self.settings["domains"].append(domain)
        return domain

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def file(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def write(self, text=None):
        self.file("mailzone.conf", document(self.settings) if text is None else text, 0o600)
        return self

    def run(self, *argv, **options):
        return run("-c", self.conf, *argv, **options)

    def plan(self, *argv, **options):
        return self.run("--format", "json", "plan", *argv, **options)

    def apply(self, *argv, **options):
        return self.run("--format", "json", "apply", *argv, **options)

    def must(self, code, *argv, **options):
        """Runs a command in JSON that has to end with this exit status."""
        result = self.run("--format", "json", *argv, **options)
        assert result.code == code, "%s: %r" % (argv, result)
        return result


def self_signed(folder, name, hosts, alternative=True):
    """A self-signed certificate and its key in `folder`: two paths. Without alternative names the
    first host is its common name only."""
    cert, key = (os.path.join(str(folder), name + end) for end in (".pem", ".key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-keyout", key, "-out", cert, "-days", "30", "-subj", "/CN=" + hosts[0]]
        + (["-addext", "subjectAltName=" + ",".join("DNS:" + h for h in hosts)] if alternative else []),
        check=True,
        capture_output=True,
    )
    os.chmod(key, 0o600)
    return cert, key


def private_key(folder, name, algorithm="ed25519", bits=2048):
    """A private key in PEM for DKIM: its path."""
    path = os.path.join(str(folder), name + ".pem")
    with open(path, "wb") as f:
        f.write(_new_key(name, algorithm, bits))
    os.chmod(path, 0o600)
    return path


@functools.lru_cache(None)
def _new_key(_, algorithm, bits):
    """A key for each name, made once in a session: RSA takes its time."""
    argv = ["openssl", "genpkey", "-algorithm", algorithm]
    if algorithm == "rsa":
        argv += ["-pkeyopt", "rsa_keygen_bits:%d" % bits]
    return subprocess.run(argv, check=True, capture_output=True).stdout
