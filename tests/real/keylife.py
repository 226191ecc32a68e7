# SPDX-License-Identifier: BSD-2-Clause
"""What must hold of DKIM keys at every instant, checked from outside: signers' files, mail, and what servers answer."""

import base64
import calendar
import functools
import glob
import json
import os
import re
import socket
import time

import dkim
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
from cryptography.hazmat.primitives import serialization as ser

import servers
import signers

DAY = 86400
ORDER = ["pending", "active", "retiring", "retired", "revoked", "deleted"]
# Nothing is late by more: what is due is done in the same minute, what failed is tried again in half an hour
LATE = 3600


# ---- what servers answer -------------------------------------------------------------------------------------


def seconds(text):
    """A time of mailzone's JSON; None stays None."""
    return text and calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Answer:
    """One answer with authority. texts: of each TXT record, joined; cache: seconds for which it may be kept."""

    def __init__(self, message):
        txt = [r for r in message.answer if r.rdtype == dns.rdatatype.TXT]
        soa = [r for r in message.answer + message.authority if r.rdtype == dns.rdatatype.SOA]
        self.texts = tuple(sorted(b"".join(rr.strings).decode() for r in txt for rr in r))
        self.serial = soa[0][0].serial if soa else None
        self.cache = txt[0].ttl if txt else min(soa[0].ttl, soa[0][0].minimum) if soa else 0


@functools.lru_cache(10000)
def _question(name, rdtype):
    """Its message, without the id."""
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=4096)
    query.flags &= ~dns.flags.RD
    return query.to_wire()[2:]


@functools.lru_cache(10000)
def _answer(wire):
    """What a message, without its id, says; None where it does not count."""
    message = dns.message.from_wire(b"\0\0" + wire)
    good = message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and message.flags & dns.flags.AA
    return Answer(message) if good else None


def ask(port, questions, timeout=5):
    """Asks for all (name, type) at once: {question: Answer}, without those that got no answer that counts."""
    found, left = {}, dict(enumerate(questions))
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((servers.HOST, port))
        sock.settimeout(1)
        while left and time.monotonic() < deadline:
            try:
                for i, question in left.items():
                    sock.send(i.to_bytes(2, "big") + _question(*question))
                while left:
                    octets = sock.recv(65535)
                    question = left.pop(int.from_bytes(octets[:2], "big"), None)
                    answer = _answer(octets[2:]) if question else None
                    if answer:
                        found[question] = answer
            except OSError:
                continue
    return found


# ---- mail ----------------------------------------------------------------------------------------------------------


def public_record(private, algorithm):
    """The record that a private key asks for, in the words of mailzone."""
    public = private.public_key()
    if algorithm == "ed25519-sha256":
        octets = public.public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
        return "v=DKIM1; k=ed25519; h=sha256; p=" + base64.b64encode(octets).decode()
    octets = public.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
    return "v=DKIM1; k=rsa; h=sha256; p=" + base64.b64encode(octets).decode()


@functools.lru_cache(None)
def sign(domain, selector, algorithm, pem):
    """(The message with its signature by this key, the record that it asks for)."""
    private = ser.load_pem_private_key(pem, None)
    key = pem
    if algorithm == "ed25519-sha256":
        raw = (ser.Encoding.Raw, ser.PrivateFormat.Raw, ser.NoEncryption())
        key = base64.b64encode(private.private_bytes(*raw))
    message = signers.message(domain)
    names = selector.encode(), domain.encode(), key
    header = dkim.sign(message, *names, signature_algorithm=algorithm.encode(), include_headers=[b"from"])
    return header + message, public_record(private, algorithm)


@functools.lru_cache(None)
def verifies(mail, texts):
    """Does mail verify where its selector has these records? With two nobody knows which counts."""
    return len(texts) == 1 and dkim.verify(mail, dnsfunc=lambda name, timeout=5: texts[0].encode())


# ---- keys ------------------------------------------------------------------------------------------------------------


class Key:
    """All that is known of one key. Times are the test's clock."""

    def __init__(self, domain, selector, algorithm, mail, record):
        self.domain, self.selector, self.algorithm = domain, selector, algorithm
        self.mail, self.record = mail, record
        self.name = "%s._domainkey.%s." % (selector, domain)
        self.zone = ".".join(domain.split(".")[-2:])
        self.stage, self.since = "pending", 0
        self.durable = [None, None]  # the stages that were seen at rest
        self.asked = None  # the operator asked for a successor
        self.signed = None  # mail was signed with it last
        self.poisoned = 0  # until then some cache may say that there is no such record, or another one ...
        self.poison = None  # ... as somebody may have asked this server
        self.revoked = False  # by the operator, who wants nothing of it to verify ...
        self.accepted = False  # ... and was told that it is done
        self.touched = False  # a second writer did something to the record before it signed
        self.disturbed = {}  # server: since when it may have what a second writer made of the record

    def __repr__(self):
        return "%s (%s)" % (self.name, self.stage)


class Life:
    """The keys of all domains of a site; its methods assert."""

    def __init__(self, site, clock, times):
        """times: rotate_after, retire_after, delete_after and reconcile_interval in seconds."""
        self.site, self.clock, self.times = site, clock, times
        self.keys = {}  # (domain, selector)
        self.told = {}  # (domain, algorithm): the key that mail is signed with
        self.had_active = set()
        self.unsigned = set()  # (domain, algorithm) whose active key the operator revoked
        # (server, zone): the serial of a secondary that did not have what the primary has; None: it did not answer
        self.behind = {}
        self.counts = {"switches": 0, "signed": 0, "verified": 0, "unanswered": 0, "answers": 0}

    def key_of(self, domain, selector, algorithm, path):
        """The key of a selector, which is the same key for ever."""
        with open(path, "rb") as f:
            mail, record = sign(domain, selector, algorithm, f.read())
        key = self.keys.get((domain, selector))
        if key is None:
            assert not [k for k in self.keys.values() if k.record == record], "a key with two selectors"
            key = self.keys[domain, selector] = Key(domain, selector, algorithm, mail, record)
        assert key.record == record, "%s: a selector with two keys" % key
        return key

    def file(self, key):
        return self.site.path("state", "dkim", key.domain, key.selector + ".pem")

    # ---- the daemon's list

    def take_list(self, listed):
        """listed: the keys of `dkim list`, in one instant."""
        for found in listed:
            at = (found["domain"], found["selector"])
            if at not in self.keys:
                assert found["stage"] == "pending", found
                path = self.site.path("state", "dkim", found["domain"], found["selector"] + ".pem")
                self.key_of(*at, found["algorithm"], path)
            key = self.keys[at]
            assert key.stage == "lost" or ORDER.index(found["stage"]) >= ORDER.index(key.stage), (key, found)
            key.stage, key.since = found["stage"], seconds(found["since"])
        names = {(found["domain"], found["selector"]) for found in listed}
        for at, key in self.keys.items():
            if at in names or key.stage in ("deleted", "lost"):
                continue
            # whose making was not durable when the daemon was killed; nobody knows of it
            lost = key.durable == [None, None] and key.signed is None
            assert key.stage in ("retired", "revoked") or lost, "%s is not listed" % key
            key.stage = "lost" if lost else "deleted"
        for at in self.told:
            active = [k for k in self.keys.values() if (k.domain, k.algorithm) == at and k.stage == "active"]
            if active:
                self.had_active.add(at)
                self.unsigned.discard(at)
            assert len(active) == 1 or at not in self.had_active or at in self.unsigned and not active, (at, active)

    def settled(self):
        """What was listed twice by a daemon that had nothing more to do is durable ..."""
        for key in self.keys.values():
            key.durable = [key.durable[1] or key.durable[0], key.stage]
            over = key.stage in ("revoked", "deleted")
            assert over or not key.accepted, "%s was to be revoked" % key
            key.revoked = key.revoked and over  # else the command died with the daemon

    def killed(self):
        """... and what was not may never have been."""
        for key in self.keys.values():
            if key.stage != key.durable[0]:
                key.stage, key.durable = key.durable[0] or "pending", [key.durable[0], None]

    # ---- every instant

    def read_told(self):
        """What signers are told now: {(domain, algorithm): key}, by the links of the directory."""
        told = {}
        for link in glob.glob(self.site.path("signers", "*", "current-*-sha256")):
            try:
                path = os.path.join(os.path.dirname(link), os.readlink(link))
            except FileNotFoundError:  # its key has just been revoked
                continue
            domain, algorithm = os.path.basename(os.path.dirname(link)), os.path.basename(link)[len("current-") :]
            told[domain, algorithm] = self.key_of(domain, os.path.basename(path)[: -len(".pem")], algorithm, path)
        return told

    def read_table(self):
        """The keys that OpenDKIM's table names, which is written after the links."""
        path = self.site.path("KeyTable")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            named = re.findall(r"^\S+ (\S+):(\S+):\S+$", f.read(), re.M)
        return [self.keys[domain, selector] for domain, selector in named]

    def sign(self, now):
        """Mail is signed by what signers are told."""
        told = self.read_told()
        for at, key in self.told.items():
            assert at in told or at in self.unsigned or key.revoked, "nothing signs for %s %s" % at
        self.counts["switches"] += len([at for at in told if self.told.get(at, told[at]) != told[at]])
        self.told.update(told)
        for key in {*told.values(), *self.read_table()}:
            assert key.revoked or key.poisoned <= now, "some caches do not know %s yet: %s" % (key, key.poison)
            key.signed = now
            self.counts["signed"] += 1

    def check(self, answering):
        """answering: {name: port} of the servers that should answer, "primary" first."""
        now = self.clock.now()
        self.sign(now)
        asked = [k for k in self.keys.values() if k.stage in ORDER[:3] or self.under_way(k, now)]
        zones = {k.zone for k in asked}
        questions = [(k.name, "TXT") for k in asked] + [(zone, "SOA") for zone in zones]
        serials = {}
        self.behind = {}
        for server, port in answering.items():
            found = ask(port, questions)
            self.counts["answers"] += len(found)
            self.counts["unanswered"] += len(questions) - len(found)
            has = {zone: found[zone, "SOA"].serial for zone in zones if (zone, "SOA") in found}
            if server == "primary":
                serials = has
            self.behind.update({(server, z): has.get(z) for z in serials if has.get(z) != serials[z]})
            for key in asked:
                if (key.name, "TXT") in found:
                    in_step = key.zone in serials and (server, key.zone) not in self.behind
                    self.judge(key, (server, port), found[key.name, "TXT"], now, in_step)

    def under_way(self, key, now):
        """May mail that was signed with it be under way? In whole seconds, by which the daemon lives."""
        return key.signed is not None and int(now) < int(key.signed) + self.times["retire_after"]

    def judge(self, key, at, answer, now, in_step):
        """at: name and port of the server; in_step: it has the primary's serial."""
        server, port = at
        right = answer.texts == (key.record,)
        assert right == verifies(key.mail, answer.texts), (key, answer.texts)
        if server in key.disturbed:
            # PowerDNS answers from a cache for a minute; a secondary may still transfer what was wrong
            mended = in_step and (server == "primary" or "primary" not in key.disturbed)
            if right and mended and now > key.disturbed[server] + 120:
                del key.disturbed[server]
            return
        if right:
            self.counts["verified"] += 1
        elif key.revoked:
            return
        elif self.under_way(key, self.clock.now()):
            raise AssertionError("%s does not verify at %s: %s" % (key, server, answer.texts))
        elif not (key.touched and self.was_between(key, port)):
            key.poisoned = max(key.poisoned, now + answer.cache)
            key.poison = "%s said %s at %d" % (server, answer.texts, now)

    @staticmethod
    def was_between(key, port):
        """BIND applies the steps of an IXFR one by one: for a moment a record that is mended already is gone."""
        answer = ask(port, [(key.name, "TXT")]).get((key.name, "TXT"))
        return answer is not None and answer.texts == (key.record,)

    # ---- where the daemon has nothing more to do

    def check_files(self):
        """Each key file is there while it should be, and no other."""
        for key in self.keys.values():
            there = os.path.exists(self.file(key))
            assert key.stage == "lost" or there == (key.stage != "deleted"), "%s: file: %s" % (key, there)
            for end in (".pem", ".seed"):
                copy = self.site.path("signers", key.domain, key.selector + end)
                assert key.stage != "deleted" or not os.path.exists(copy), copy
        known = {self.file(k) for k in self.keys.values() if k.stage != "lost"}
        strays = set(glob.glob(self.site.path("state", "dkim", "*", "*"))) - known
        # a kill may leave the file of a key whose making it undid: the next start names it, and does not delete it
        with open(self.site.path("mailzoned.log"), errors="replace") as f:
            named = re.findall(r"dkim_file path=(\S+)", f.read()) if strays else []
        assert strays <= set(named), strays

    def agree(self):
        """Do all files for signers name the same keys, and those that they should?"""
        try:
            return self._agree(self.site.path, self.read_told())
        except FileNotFoundError:
            return False  # not yet

    def _agree(self, path, told):
        with open(path("signers", "index.json")) as f:
            index = {(k["domain"], k["algorithm"]): (k["selector"], k["file"]) for k in json.load(f)["keys"]}
        copies = {at: (k.selector, path("signers", k.domain, k.selector + ".pem")) for at, k in told.items()}
        first = {}  # the one key of a domain for those that sign once
        for at, key in sorted(told.items()):
            first[at[0]] = key  # rsa comes last
        tables = {
            "KeyTable": r"(\S+)\._domainkey\.(\S+) ",
            "SigningTable": r"\S+ (\S+)\._domainkey\.(\S+)",
            "selectors.map": r"(?P<d>\S+) (?P<s>\S+)",
        }
        want = {(k.selector, k.domain) for k in first.values()}
        for name, pattern in tables.items():
            with open(path(name)) as f:
                found = [re.match(pattern, line) for line in f]
            pairs = {(m["s"], m["d"]) if "d" in m.groupdict() else m.groups() for m in found}
            if pairs != want:
                return False
        with open(path("domains.conf")) as f:
            named = set(re.findall(r'selector = "(\S+)"', f.read()))
        right = all(key.stage in ("pending", "active") for key in told.values())
        return right and index == copies and named == {k.selector for k in told.values()}

    def check_times(self, well):
        """well: since then every server and the daemon have been up."""
        now, times = self.clock.now(), self.times
        for key in self.keys.values():
            if key.stage == "retiring":
                assert now < max(key.since + times["retire_after"], well) + LATE, "%s stays" % key
            if key.stage in ("retired", "revoked"):
                assert now < max(key.since + times["delete_after"], well) + LATE, "%s stays" % key
            if key.stage == "active":
                due = min(key.since + times["rotate_after"] * 1.1, key.asked or now)
                assert now < max(due, well) + DAY, "%s has no successor" % key
            for server, at in key.disturbed.items() if key.stage in ("active", "retiring") else ():
                assert now < max(at, well) + times["reconcile_interval"] + DAY, "%s at %s" % (key, server)
