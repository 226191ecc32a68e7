# SPDX-License-Identifier: BSD-2-Clause
"""Private keys are in their files and nowhere else: looked for by their octets, in each form that they may have."""

import base64
import glob
import json
import os
import resource
import signal
import socket
import stat
import subprocess

import mz
import mzd
import pytest
import servers
from cryptography.hazmat.primitives import serialization
from mzd import Daemon

ANSWERS = ["status", "tasks", "dkim", "history", "version", "plan"]


def needles(path):
    """Octets that only who knows the private key has: {what: octets}."""
    with open(path, "rb") as f:
        pem = f.read()
    key = serialization.load_pem_private_key(pem, None)
    lines = [line for line in pem.splitlines() if not line.startswith(b"-----")]
    found = {"PEM line %d" % i: line[-30:] for i, line in enumerate(lines) if len(line) >= 30}
    if hasattr(key, "private_numbers"):
        numbers = key.private_numbers()
        parts = {name: getattr(numbers, name) for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp")}
        secrets = {n: v.to_bytes((v.bit_length() + 7) // 8, "big") for n, v in parts.items()}
    else:
        secrets = {
            "seed": key.private_bytes(
                serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
            )
        }
    for name, octets in secrets.items():
        found[name] = octets[:24]
        found[name + " reversed"] = octets[::-1][:24]
        found[name + " in hex"] = octets[:12].hex().encode()
        found[name + " in HEX"] = octets[:12].hex().upper().encode()
        found[name + " in base64"] = base64.b64encode(octets)[:32]
    return found


def raw_answer(site, command, arguments):
    """What the control socket says, octet for octet."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(site.path("control.sock"))
        s.sendall(json.dumps({"mailzone": 1, "command": command, "arguments": arguments}).encode() + b"\n")
        said = b""
        while more := s.recv(65536):
            said += more
    assert said.endswith((b'{"exit": 0}\n', b'{"exit": 2}\n')) and len(said) > 20, said
    return said


def files_below(folder, keys):
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)
            if path not in keys and stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as f:
                    yield path, f.read()


@pytest.fixture
def keeper(bind, site):
    """A daemon with keys of its own, one by hand, and a next key: (site, daemon, the files that may have keys)."""
    zone = bind.add_zone(servers.fresh("secret"), "mail A 192.0.2.1\n", ttl=1, minimum=1)
    site = site(bind.port, polling_interval="1s", ttl="1s")
    site.settings["log"] = {"level": "debug"}
    by_hand = mz.private_key(site.folder, "by-hand", "rsa")
    next_key = mz.private_key(site.folder, "next", "rsa")
    cert, cert_key = mz.self_signed(site.folder, "cert", ["mail." + zone])
    site.system.update(hostname="mail." + zone, certificates=[{"file": cert, "next_key": next_key}])
    site.settings["signers"] = {
        "directory": site.path("signers"),
        "opendkim_key_table": site.path("KeyTable"),
        "rspamd_domains": site.path("domains.conf"),
    }
    hook = site.file("hook", "#!/bin/sh\nenv >>%s; cat /proc/$$/cmdline >>%s\n" % ((site.path("env"),) * 2), 0o700)
    site.settings["hooks"] = {"dkim_activated": mz.Raw('[ "%s" ]' % hook)}
    site.add_domain(
        zone,
        dns={"publish_records": mz.Raw('[ "dkim", "mx", "spf", "tlsa" ]')},
        dkim_management={"mode": "automatic"},
        dkim_keys=[{"selector": "by-hand", "file": by_hand}],
    )
    site.write()
    with Daemon(site) as daemon:

        def active():
            found = daemon.json("dkim", "list")["keys"]
            return [k["stage"] for k in found].count("active") == 2

        servers.wait_for("keys that sign", active, 60, daemon.process)
        site.must(0, "dkim", "rotate", zone, "--now")
        servers.wait_for("a rotation", lambda: len(daemon.json("dkim", "list")["keys"]) == 4 and active(), 90)
        made = glob.glob(site.path("state", "dkim", zone, "*.pem"))
        assert len(made) == 4
        copies = glob.glob(site.path("signers", zone, "*"))
        yield site, daemon, made + [by_hand, next_key], set(made + copies + [by_hand, next_key, cert_key])


def test_no_copy_anywhere(keeper):
    site, daemon, keys, places = keeper
    places |= {os.path.realpath(p) for p in places}
    looked = dict(files_below(site.folder, places))
    names = {os.path.relpath(p, site.folder) for p in looked}
    assert {"mailzoned.log", "state/state.db", "env", "KeyTable", "domains.conf", "signers/index.json"} <= names, names
    for command in ANSWERS:
        words = ["list"] if command == "dkim" else []
        for form in ("text", "json"):
            looked[command, form] = raw_answer(site, command, {"argv": words, "format": form})
    for what, argv in {"export": ["export"], "history": ["--format", "json", "history", "--limit", "1000"]}.items():
        done = site.run("-v", "-v", *argv, *([site.settings["domains"][0]["name"]] if what == "export" else []))
        looked[what] = (done.out + done.err).encode()
    for key in keys:
        with open(key, "rb") as f:
            assert needles(key)["PEM line 0"] in f.read()
        for form, octets in needles(key).items():
            found = [where for where, text in looked.items() if octets in text]
            assert not found, "%s of %s in %s" % (form, key, found)
    for path in places:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
    assert daemon.stop() == 0


def dumped(process):
    """Kills the process as a fault would: did it leave a core?"""
    os.kill(process.pid, signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT, status
    return os.WCOREDUMP(status)


def any_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_no_core(keeper):
    """Where any other program leaves a core, mailzoned and mailzone do not."""
    site, daemon, _, _ = keeper
    assert daemon.stop() == 0
    control = subprocess.Popen(["sleep", "60"], cwd=site.folder, preexec_fn=any_core)
    if not dumped(control):
        pytest.skip("no program leaves a core here: the kernel's core_pattern does not let it")
    daemon.process = subprocess.Popen(
        [mzd.binary(), "-c", site.conf], cwd=site.folder, preexec_fn=any_core, stderr=subprocess.DEVNULL
    )
    servers.wait_for("mailzoned", daemon.answers, 30, daemon.process)
    assert not dumped(daemon.process)
    daemon.process = None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.settimeout(20)
        silent.bind((servers.HOST, 0))
        site.server["port"] = silent.getsockname()[1]
        site.write()
        tool = subprocess.Popen([mz.binary(), "-c", site.conf, "plan"], cwd=site.folder, preexec_fn=any_core)
        silent.recv(512)  # it has read the keys
        assert not dumped(tool)
