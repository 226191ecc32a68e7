# SPDX-License-Identifier: BSD-2-Clause
"""Sites whose DKIM keys are kept for them, and what there is to be seen of the keys."""

import base64
import subprocess

import dns.name
import dns.rdatatype

import mz
import servers

BOTH = ["ed25519-sha256", "rsa-sha256"]


def dkim_site(site, server, zone, algorithms=BOTH, **settings):
    made = site(server.port)
    made.settings["log"] = {"level": "debug", "format": "logfmt"}
    made.settings["task_manager"] = {
        "retry": {"strategy": "exponential", "initial_delay": "1s", "max_delay": "1s", "jitter": False},
        "max_attempts": 1000,
    }
    management = {
        "mode": "automatic",
        "algorithms": mz.Raw("[ %s ]" % ", ".join('"%s"' % a for a in algorithms)),
        "retire_after": "1h",
    }
    management.update(settings)
    made.add_domain(zone, dkim_management=management)
    return made.write()


def add_zone(server, **options):
    zone = servers.fresh("dkim")
    server.add_zones([servers.Zone(zone, minimum=1, **options)])
    return zone


def keys(daemon, *stages):
    """The keys in these stages, oldest first."""
    return [k for k in daemon.json("dkim", "list")["keys"] if k["stage"] in stages]


def wait_keys(daemon, what, seconds=60):
    """Waits until the list of (stage, algorithm) is this set; the keys by stage and algorithm."""

    def reached():
        found = daemon.json("dkim", "list")["keys"]
        by = {(k["stage"], k["algorithm"]): k for k in found}
        return by if set(by) == set(what) and len(by) == len(found) else None

    return servers.wait_for("keys %s" % sorted(what), reached, seconds, daemon.process)


def record(server, zone, selector):
    """The joined text of the one TXT record of a selector, by transfer; None where there is none."""
    owner = dns.name.from_text("%s._domainkey.%s" % (selector, zone))
    held = server.axfr(zone).get((owner, dns.rdatatype.TXT))
    if held is None:
        return None
    (wire,) = held[1]
    text, at = b"", 0
    while at < len(wire):
        text += wire[at + 1 : at + 1 + wire[at]]
        at += 1 + wire[at]
    return text.decode()


def wait_record(server, zone, selector, want, seconds=20):
    servers.wait_for(
        "%s of %s" % (want, selector), lambda: record(server, zone, selector) == want, seconds
    )


def key_file(site, zone, selector):
    return site.path("state", "dkim", zone, selector + ".pem")


def expected(site, zone, key):
    """The record that OpenSSL's view of the private key asks for."""
    path = key_file(site, zone, key["selector"])
    der = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    if key["algorithm"] == "ed25519-sha256":
        return "v=DKIM1; k=ed25519; h=sha256; p=" + base64.b64encode(der[-32:]).decode()
    return "v=DKIM1; k=rsa; h=sha256; p=" + base64.b64encode(der).decode()


def all_active():
    return {("active", a) for a in BOTH}


def signers(site, **settings):
    made = {
        "directory": site.path("signers"),
        "opendkim_key_table": site.path("KeyTable"),
        "opendkim_signing_table": site.path("SigningTable"),
        "rspamd_selector_map": site.path("selectors.map"),
        "rspamd_path_map": site.path("paths.map"),
        "rspamd_domains": site.path("domains.conf"),
    }
    made.update(settings)
    site.settings["signers"] = made
    site.write()


def text(path):
    with open(path) as f:
        return f.read()
