# SPDX-License-Identifier: BSD-2-Clause
"""What signs mail by the files that mailzoned writes: OpenDKIM and Rspamd, on loopback."""

import http.client
import json
import os
import socket
import struct

import servers

HEADERS = [
    ("From", "Some One <someone@%s>"),
    ("To", "other@example.net"),
    ("Subject", "of no weight"),
    ("Date", "Thu, 26 Nov 2026 10:00:00 +0000"),
    ("Message-ID", "<1@%s>"),
]
BODY = b"Hello.\r\n"


def message(domain):
    lines = ["%s: %s" % (name, value % domain if "%s" in value else value) for name, value in HEADERS]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + BODY


class OpenDkim(servers.Process):
    """Signs as a milter, with the two tables of a site."""

    def __init__(self, key_table, signing_table):
        super().__init__()
        self.port = servers.free_port()
        self.tables = key_table, signing_table

    def start(self):
        self.write(
            "opendkim.conf",
            "Mode s\nSyslog no\nSocket inet:%d@127.0.0.1\nPidFile %s\n"
            # the keys are below /tmp, where anyone may write
            "RequireSafeKeys no\nInternalHosts 127.0.0.1\nCanonicalization relaxed/relaxed\n"
            "KeyTable file:%s\nSigningTable file:%s\n"
            % (self.port, self.path("pid"), *self.tables),
        )
        self.spawn("/usr/sbin/opendkim", "-f", "-x", self.path("opendkim.conf"))
        servers.wait_for("opendkim", self._answers, 30, self.process)
        return self

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def sign(self, domain):
        """The message with the signature that the milter asks for."""
        sender = b"<someone@%s>\0" % domain.encode()
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            self._command(s, b"O", struct.pack("!III", 6, 0x1FF, 0))
            self._command(s, b"C", b"localhost\x004" + struct.pack("!H", 25) + b"127.0.0.1\0")
            self._command(s, b"H", b"localhost\0")
            self._command(s, b"M", sender)
            self._command(s, b"R", b"<other@example.net>\0")
            for line in message(domain).split(b"\r\n\r\n")[0].split(b"\r\n"):
                name, value = line.split(b": ", 1)
                self._command(s, b"L", name + b"\0" + value + b"\0")
            self._command(s, b"N", b"")
            self._command(s, b"B", BODY)
            added = self._command(s, b"E", b"")
        assert len(added) == 1, added
        name, value = added[0].rstrip(b"\0").split(b"\0")
        return name + b": " + value.strip().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n" + message(domain)

    @staticmethod
    def _command(s, command, data):
        """Sends one command; the headers that it is answered with, if any."""

        def exactly(n):
            got = b""
            while len(got) < n:
                more = s.recv(n - len(got))
                assert more, "the milter hung up"
                got += more
            return got

        s.sendall(struct.pack("!I", len(data) + 1) + command + data)
        added = []
        while True:
            (n,) = struct.unpack("!I", exactly(4))
            answer = exactly(n)
            if answer[:1] in (b"h", b"i"):
                added.append(answer[1:] if answer[:1] == b"h" else answer[5:])
            elif answer[:1] in b"Oca":
                return added
            else:
                assert answer[:1] == b"p", answer


class Rspamd(servers.Process):
    """Signs with what `signing`, lines of dkim_signing.conf, says."""

    def __init__(self, signing):
        super().__init__()
        self.port = servers.free_port()
        self.signing = signing

    def start(self):
        for folder in ("conf", "conf/local.d", "db", "run", "log"):
            os.makedirs(self.path(folder), exist_ok=True)
        for worker in ("controller", "proxy", "fuzzy"):
            self.write("conf/local.d/worker-%s.inc" % worker, "enabled = false;\n")
        self.write(
            "conf/local.d/worker-normal.inc", 'bind_socket = "127.0.0.1:%d"; count = 1;\n' % self.port
        )
        self.write("conf/local.d/logging.inc", 'type = "console";\n')
        self.write("tld", "test\n")
        self.write(
            "conf/local.d/options.inc",
            'url_tld = "%s"; filters = "dkim"; disable_monitoring = true;\n'
            'dns { nameserver = ["127.0.0.1:9"]; timeout = 1s; retransmits = 1; }\n' % self.path("tld"),
        )
        self.write(
            "conf/local.d/dkim_signing.conf",
            "use_esld = false; try_fallback = false; allow_username_mismatch = true;\n"
            'sign_local = true; use_domain = "header"; check_pubkey = false;\n' + self.signing,
        )
        names = {"LOCAL_CONFDIR": "conf", "DBDIR": "db", "RUNDIR": "run", "LOGDIR": "log"}
        self.spawn(
            "/usr/bin/rspamd",
            *["-f", "-i", "-u", "root", "-g", "root", "-c", "/etc/rspamd/rspamd.conf"],
            *["--var=%s=%s" % (name, self.path(folder)) for name, folder in names.items()],
        )
        servers.wait_for("rspamd", self._answers, 60, self.process)
        return self

    def _ask(self, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST" if body else "GET", path, body, headers or {})
            return connection.getresponse().read()
        finally:
            connection.close()

    def _answers(self):
        try:
            return self._ask("/ping").startswith(b"pong")
        except OSError:
            return False

    def sign(self, domain):
        """The message with one more signature each: a list."""
        answer = json.loads(
            self._ask("/checkv2", message(domain), {"IP": "127.0.0.1", "User": "someone@" + domain})
        )
        found = answer.get("dkim-signature") or []
        found = [found] if isinstance(found, str) else found
        return [b"DKIM-Signature: " + f.encode() + b"\r\n" + message(domain) for f in found]
