# SPDX-License-Identifier: BSD-2-Clause
"""TSIG: every algorithm, and every way in which it can go wrong, told apart in the message."""

import os
import re
import struct
import subprocess
import time

import dns.message
import dns.name
import pytest

import mz
import servers
import wire as wires
from proxy import Proxy, opcode, UPDATE
from test_publish import check_zone

TRUNCATED = ["hmac-sha256-128", "hmac-sha384-192", "hmac-sha512-256"]


def one_zone(server, site, port, **settings):
    zone = server.add_zone(servers.fresh("tsig"))
    site = site(port, **settings)
    site.add_domain(zone)
    return zone, site


@pytest.mark.parametrize("algorithm", servers.SERVER_ALGORITHMS)
def test_algorithm(server, site, algorithm):
    key = servers.ALGORITHM_KEYS[algorithm]
    for read in ("axfr", "query"):
        zone, one = one_zone(server, site, server.port, key=key.name, read=read)
        one.settings["keys"] = [one.key(key)]
        before = server.axfr(zone)
        one.write().must(0, "apply")
        check_zone(server, one, zone, before)


@pytest.mark.parametrize("algorithm", servers.SERVER_ALGORITHMS + TRUNCATED)
def test_against_dnspython(bind, site, algorithm):
    """dnspython verifies what mailzone signs, and signs what it gets."""
    key = servers.Key("Dnspython.Key", algorithm)
    keyring = {dns.name.from_text(key.name): key.dnspython()}
    macs = {}

    def to_server(message, _):
        request = dns.message.from_wire(message, keyring=keyring)
        assert request.had_tsig
        macs[request.id] = request.mac
        return [wires.sign(wires.strip(message)[0], servers.MAILKEY)[0]]

    def to_mailzone(message, _):
        bare, _ = wires.strip(message)
        reply = dns.message.from_wire(bare, one_rr_per_rrset=True)
        reply.use_tsig(key.dnspython())
        reply.request_mac = macs[reply.id]
        return [reply.to_wire()]

    with Proxy(bind.port, on_request=to_server, on_reply=to_mailzone) as proxy:
        zone, site = one_zone(bind, site, proxy.port, key=key.name)
        site.settings["keys"] = [site.key(key)]
        before = bind.axfr(zone)
        result = site.write().apply()
        assert not proxy.errors
        assert result.code == 0, result
        check_zone(bind, site, zone, before)


def failing(site, zone, updates=None):
    """An apply that must fail: the last line that names the zone, as a person reads it."""
    result = site.write().apply()
    assert result.code == 1, result
    lines = [line for line in result.err.splitlines() if zone in line]
    assert lines, result
    assert "127.0.0.1:%d" % site.server["port"] in lines[-1], result
    return lines[-1]


def test_credentials(server, site):
    """Wrong secret, unknown key, wrong algorithm, a key that may not update."""
    said = {}
    key = servers.MAILKEY
    for what, wrong in (
        ("wrong secret", servers.Key(key.name, key.algorithm, servers.OTHERKEY.secret)),
        ("unknown key", servers.Key("nobody", key.algorithm)),
        ("wrong algorithm", servers.Key(key.name, "hmac-sha512", key.secret)),
        ("idle key", servers.IDLEKEY),
    ):
        zone, one = one_zone(server, site, server.port, key=wrong.name, timeout="2s")
        one.settings["keys"] = [one.key(wrong)]
        before = server.serial(zone)
        line = failing(one, zone)
        assert wrong.name in line and wrong.algorithm in line, "%s: %s" % (what, line)
        assert server.serial(zone) == before
        said[what] = line.replace(zone, "ZONE").replace(wrong.name, "KEY")
    if server.kind == "pdns":
        # PowerDNS answers every fault with a plain refusal: the cause cannot be told
        assert all("REFUSED" in line or "NOTAUTH" in line for line in said.values()), said
        return
    assert "BADSIG" in said["wrong secret"], said
    assert "BADKEY" in said["unknown key"], said
    assert "BADKEY" in said["wrong algorithm"] or "BADSIG" in said["wrong algorithm"], said
    assert "REFUSED" in said["idle key"] or "BADKEY" in said["idle key"], said


SKEW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#define SKEW (strtol(getenv("SKEW"), NULL, 10))
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int (*real)(clockid_t, struct timespec *) =
		(int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(id, ts);
	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += SKEW;
	return result;
}
time_t time(time_t *out)
{
	struct timespec ts = {0};
	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
int gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec ts = {0};
	(void)tz;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
"""


@pytest.fixture(scope="module")
def skew(tmp_path_factory):
    """A library that sets a program's clock wrong: $SKEW seconds ahead."""
    folder = tmp_path_factory.mktemp("skew")
    (folder / "skew.c").write_text(SKEW)
    library = str(folder / "skew.so")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", library, str(folder / "skew.c"), "-ldl"], check=True
    )
    return library


@pytest.mark.parametrize("seconds", [600, -600])
def test_clock(server, site, skew, seconds):
    zone, site = one_zone(server, site, server.port, timeout="2s")
    before = server.serial(zone)
    result = site.write().apply(env={"LD_PRELOAD": skew, "SKEW": str(seconds)})
    assert result.code == 1, result
    (line,) = [text for text in result.err.splitlines() if zone in text][-1:]
    if server.kind == "pdns":
        assert "REFUSED" in line or "NOTAUTH" in line, line
    else:
        assert "BADTIME" in line or "clock" in line, line
        assert any(str(s) in line for s in range(597, 604)) or "10 min" in line, line
    assert server.serial(zone) == before


# ---- replies that prove nothing ----------------------------------------------------------------


def unsigned(resigner, wire):
    return [wires.strip(wire)[0]]


def after_tsig(resigner, wire):
    """The TSIG is not the last record."""
    record = b"\x00" + struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\x00\x02\x01"
    signed = resigner.reply(wire)
    count = struct.unpack("!H", signed[10:12])[0] + 1
    return [signed[:10] + struct.pack("!H", count) + signed[12:] + record]


def garbage_behind(resigner, wire):
    return [resigner.reply(wire) + b"\x00\x00"]


def short_mac(resigner, wire):
    return [resigner.reply(wire, mac_length=8)]


def wrong_mac(resigner, wire):
    return [resigner.reply(wire, secret=servers.OTHERKEY.secret)]


def wrong_name(resigner, wire):
    return [resigner.reply(wire, name="otherkey")]


def wrong_algorithm(resigner, wire):
    return [resigner.reply(wire, algorithm="hmac-sha512")]


def old_reply(resigner, wire):
    return [resigner.reply(wire, time=int(time.time()) - 600)]


UNPROVEN = {
    unsigned: r"(?i)unsigned|not signed|no TSIG",
    after_tsig: r"(?i)last|misplaced",
    short_mac: r"(?i)truncat|short",
    wrong_mac: r"(?i)MAC|BADSIG|signature",
    wrong_name: r"(?i)key",
    wrong_algorithm: r"(?i)algorithm",
    old_reply: r"(?i)time|clock",
}


@pytest.mark.parametrize("fault", list(UNPROVEN), ids=lambda f: f.__name__)
@pytest.mark.parametrize("where", ["all", "update"])
def test_unproven_replies(bind, site, fault, where):
    """They are not believed; the message says why."""
    resigner = wires.Resigner(servers.MAILKEY)

    def tamper(message, _):
        if where == "all" or opcode(message) == UPDATE:
            return fault(resigner, message)
        return None

    with Proxy(bind.port, on_request=resigner.on_request, on_reply=tamper) as proxy:
        zone, site = one_zone(bind, site, proxy.port, timeout="1s")
        before = bind.axfr(zone)
        result = site.write().apply()
        assert not proxy.errors
        if where == "update":
            # no proof that it was done, but the second look shows it
            assert len(proxy.updates()) == 1, result
            assert result.code == 0, result
            check_zone(bind, site, zone, before)
            return
        assert result.code == 1 and not proxy.updates(), result
        lines = [line for line in result.err.splitlines() if zone in line]
        assert lines, result
        assert re.search(UNPROVEN[fault], lines[-1].replace(zone, "")), lines[-1]
    assert bind.axfr(zone) == before


def test_unproven_replies_are_told_apart(bind, site):
    said = {}
    for fault in UNPROVEN:
        resigner = wires.Resigner(servers.MAILKEY)
        hook = lambda message, _: fault(resigner, message)  # noqa: E731, B023
        with Proxy(bind.port, on_request=resigner.on_request, on_reply=hook) as proxy:
            zone, one = one_zone(bind, site, proxy.port, timeout="1s")
            line = failing(one, zone)
        said[fault.__name__] = line.replace(zone, "ZONE").replace(str(proxy.port), "PORT")
    assert len(set(said.values())) == len(said), said


def test_garbage_behind_the_tsig(bind, site):
    resigner = wires.Resigner(servers.MAILKEY)
    hook = lambda message, _: garbage_behind(resigner, message)  # noqa: E731
    with Proxy(bind.port, on_request=resigner.on_request, on_reply=hook) as proxy:
        zone, site = one_zone(bind, site, proxy.port, timeout="1s")
        failing(site, zone)
        assert not proxy.updates()


FORGERIES = {
    "unsigned": lambda resigner, wire: wires.strip(wire)[0],
    "empty": lambda resigner, wire: wire[:2] + bytes([wire[2] | 0x80]) + b"\0" * 9,
    "refused": lambda resigner, wire: wires.strip(wire)[0][:3]
    + bytes([wire[3] & 0xF0 | 5])
    + wires.strip(wire)[0][4:],
    "wrong MAC": lambda resigner, wire: resigner.reply(wire, secret=servers.OTHERKEY.secret),
    "wrong id": lambda resigner, wire: bytes([wire[0] ^ 1]) + wire[1:],
    "garbage": lambda resigner, wire: wire[:12] + b"\xff" * 40,
    "short": lambda resigner, wire: wire[:5],
}


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_forged_reply_first(bind, site, forgery):
    """A forged reply with the right id, before the true one: the wait goes on."""
    resigner, forged = wires.Resigner(servers.MAILKEY), set()

    # an error reply ends the attempt, and no message at all the connection; another attempt
    # follows: forge only one
    once = forgery in ("refused", "short")

    def inject(message, _):
        kind = (opcode(message), len(message) > 512) if once else message
        if is_transfer(message) or kind in forged:
            return None
        forged.add(kind)
        return [FORGERIES[forgery](resigner, message), message]

    with Proxy(bind.port, on_request=resigner.on_request, on_reply=inject) as proxy:
        for read in ("axfr", "query"):
            zone, one = one_zone(bind, site, proxy.port, timeout="3s", read=read)
            forged.clear()
            before = bind.axfr(zone)
            result = one.write().apply()
            assert not proxy.errors
            assert result.code == 0, result
            check_zone(bind, one, zone, before)


def is_transfer(message):
    """Is it an answer to AXFR? The type in the question is 252."""
    if message[4:6] != b"\0\1":
        return False
    end = wires.skip_name(message, 12)
    return message[end : end + 2] == b"\0\xfc"


def test_unsigned_update_is_refused(bind, site):
    """Without a key the server refuses, and mailzone says so."""
    zone = bind.add_zone(servers.fresh("tsig"))
    site = site(bind.port, timeout="2s")
    del site.server["key"]
    site.add_domain(zone)
    line = failing(site, zone)
    assert "REFUSED" in line and os.path.exists(mz.binary())
