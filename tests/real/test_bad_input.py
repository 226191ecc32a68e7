# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: one clear line for each fault, exit status 1, and nothing is written anywhere."""

import copy
import os
import re
import subprocess

import pytest

import mz
import servers

LINE = re.compile(r"^(?P<file>\S+\.conf):(?P<line>\d+): error: (?P<text>.+)$")


def complete(folder):
    """Every setting of the configuration file, with a good value."""
    site = mz.Site(folder, 53)
    cert, key = mz.self_signed(folder, "cert", ["mx1.example.org"])
    site.file("secret", servers.MAILKEY.secret + "\n")
    site.file("bind.key", 'key "other" { algorithm hmac-sha256; secret "%s"; };\n' % servers.OTHERKEY.secret)
    site.file("doc.json", "{}")
    os.makedirs(site.path("domains.d"), exist_ok=True)
    site.settings = {
        "state_directory": site.state,
        "control_socket": site.path("control.sock"),
        "domain_directory": "domains.d",
        "reconcile_interval": "1h",
        "log": {"level": "info", "format": "logfmt"},
        "status": {"listen": "127.0.0.1:8653"},
        "notify": {"listen": mz.Raw('[ "127.0.0.1:5300" ]')},
        "keys": [
            {"name": "mailkey", "algorithm": "hmac-sha256", "secret_file": "secret"},
            {"name": "other", "file": "bind.key"},
        ],
        "servers": [
            {
                "name": "primary",
                "description": "hidden primary",
                "host": "127.0.0.1",
                "port": 9,
                "transport": "tcp",
                "key": "mailkey",
                "transfer_key": "other",
                "tenant": "",
                "timeout": "1s",
                "ttl": "5m",
                "propagation_delay": "0s",
                "polling_interval": "15s",
                "propagation_timeout": "60s",
                "secondaries": mz.Raw('[ "192.0.2.54", "[2001:db8::54]:53" ]'),
                "read": "auto",
                "max_inflight": 4,
                "delete_limit": 50,
            },
            {"name": "tenants", "host": "127.0.0.1", "tenant": "acme"},
        ],
        "mail_systems": [
            {
                "name": "default",
                "hostname": "mail.example.org",
                "mx": [{"host": "mx1.example.org", "priority": 10}],
                "services": [{"protocol": "imap", "host": "imap.example.org", "cleartext": False}],
                "spf": "v=spf1 mx -all",
                "host_spf": "v=spf1 a -all",
                "dmarc": "v=DMARC1; p=reject",
                "mta_sts": {
                    "mode": "enforce",
                    "max_age": "7d",
                    "mx": mz.Raw("[ ]"),
                    "policy_file": site.path("policy.txt"),
                },
                "autoconfig": {"document": "doc.json"},
                "acme": [
                    {"issuer": "letsencrypt.org", "account_uri": "https://acme.example/1", "persist": True}
                ],
                "certificates": [
                    {
                        "file": cert,
                        "next_key": key,
                        "hosts": mz.Raw('[ "mx1.example.org" ]'),
                    }
                ],
            }
        ],
        "task_manager": {
            "max_attempts": 3,
            "total_deadline": "6h",
            "retry": {
                "strategy": "exponential",
                "initial_delay": "1m",
                "factor": 2.0,
                "max_delay": "30m",
                "jitter": True,
            },
        },
        "hooks": {
            "dkim_activated": mz.Raw('[ "/bin/true" ]'),
            "certificate_renew": mz.Raw('[ "/bin/true" ]'),
            "timeout": "60s",
        },
        "signers": {
            "directory": site.path("signers"),
            "rspamd_domains": "/etc/rspamd/domains.conf",
            "mode": "0640",
        },
        "domains": [
            {
                "name": "example.org",
                "mail_system": "default",
                "no_mail": False,
                "tenant": "",
                "report_address": "mailto:postmaster",
                "dns_management": {
                    "mode": "automatic",
                    "server": "primary",
                    "origin": "example.org",
                    "publish_records": mz.Raw('[ "mx", "spf", "dkim", "tlsa", "autoconfig" ]'),
                    "on_removal": "keep",
                    "takeover": "replace",
                },
                "dkim_management": {
                    "mode": "manual",
                    "algorithms": mz.Raw('[ "ed25519-sha256", "rsa-sha256" ]'),
                    "rsa_bits": 2048,
                    "selector_template": "v{version}-{algorithm}-{date-%Y%m%d}",
                    "rotate_after": "90d",
                    "retire_after": "7d",
                    "delete_after": "30d",
                },
                "dkim_keys": [{"selector": "s1", "file": mz.private_key(folder, "s1")}],
                "records": mz.Raw('( "www 300 IN A 192.0.2.80" )'),
            },
        ],
    }
    return site


@pytest.fixture
def whole(tmp_path):
    return complete(tmp_path / "site")


def refused(site, expect, lines=1, text=None):
    """check, apply and plan refuse the configuration: with at most `lines` lines, one of them as
    expected. Returns those of check."""
    site.write(text)
    listing = snapshot(site.folder)
    checked = None
    for command in ("check", "apply", "plan"):
        result = site.run(command, timeout=60)
        assert result.code == 1, "%s %s: %r" % (expect, command, result)
        errors = [e for e in result.err.splitlines() if e.strip()]
        assert any(re.search(expect, e) for e in errors), "%s: %r" % (expect, result)
        assert len(errors) <= lines, "%s: %r" % (expect, result)
        assert command != "check" or not result.out.strip(), result
        assert snapshot(site.folder) == listing, "something was written"
        checked = checked or errors
    return checked


def snapshot(folder):
    return sorted(os.path.join(d, f) for d, ds, fs in os.walk(folder) for f in fs + ds)


def paths(value, at=()):
    """Every setting of the configuration: its path in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield at + (key,)
            yield from paths(inner, at + (key,))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:1]):
            yield from paths(inner, at + (number,))


def parent(settings, path):
    for step in path[:-1]:
        settings = settings[step]
    return settings


def test_the_control(whole):
    """The configuration that the others spoil is good, and a check of it writes nothing."""
    result = whole.write().run("check")
    assert result.code == 0 and not result.err, result
    assert not os.path.exists(whole.state)


def test_misspelt(whole):
    """Every setting, with two letters swapped: the error names it and the nearest known one."""
    good = whole.settings
    for path in list(paths(good)):
        name = path[-1]
        wrong = name[:-1] + ("z" if name[-1] != "z" else "y")
        whole.settings = copy.deepcopy(good)
        group = parent(whole.settings, path)
        renamed = {(wrong if k == name else k): v for k, v in group.items()}
        group.clear()
        group.update(renamed)
        # the missing one may be an error of its own
        errors = refused(whole, r'\b%s\b' % wrong, lines=6)
        (about,) = [e for e in errors if wrong in e]
        match = LINE.match(about)
        assert match, about
        assert re.search(r"\b%s\b" % name, match["text"]), "no suggestion: " + about
        with open(whole.conf) as f:
            line = f.read().splitlines()[int(match["line"]) - 1]
        assert wrong in line, "%s is not in line %s" % (wrong, match["line"])


def test_wrong_type(whole):
    good = whole.settings
    for path in list(paths(good)):
        name = path[-1]
        whole.settings = copy.deepcopy(good)
        group = parent(whole.settings, path)
        value = group[name]
        if isinstance(value, (dict, list)) or isinstance(value, mz.Raw):
            group[name] = 5
        elif isinstance(value, str):
            group[name] = mz.Raw("{ a = 1; }")
        else:
            group[name] = "text"
        errors = refused(whole, r"\b%s\b" % name, lines=8)
        assert all(LINE.match(e) for e in errors), errors


# (path of the group, the setting that must be there)
REQUIRED = [
    (("keys", 0), "name"),
    (("keys", 0), "secret_file"),
    (("servers", 0), "name"),
    (("servers", 0), "host"),
    (("mail_systems", 0), "hostname"),
    (("mail_systems", 0, "mx", 0), "host"),
    (("mail_systems", 0, "services", 0), "protocol"),
    (("mail_systems", 0, "acme", 0), "issuer"),
    (("mail_systems", 0, "certificates", 0), "file"),
    (("domains", 0), "name"),
    (("domains", 0, "dkim_keys", 0), "selector"),
    (("domains", 0, "dkim_keys", 0), "file"),
]


@pytest.mark.parametrize("path,name", REQUIRED, ids=lambda v: str(v))
def test_missing(whole, path, name):
    group = whole.settings
    for step in path:
        group = group[step]
    del group[name]
    errors = refused(whole, name.split("_")[0], lines=3)
    assert all(LINE.match(e) for e in errors), errors


SERVER, SYSTEM, DOMAIN = ("servers", 0), ("mail_systems", 0), ("domains", 0)
DNS, DKIM = DOMAIN + ("dns_management",), DOMAIN + ("dkim_management",)
TASKS, RETRY = ("task_manager",), ("task_manager", "retry")

BAD_VALUES = (
    [(SERVER, "port", v) for v in (0, -1, 65536, mz.Raw("5000000000"), mz.Raw("5000000000L"))]
    + [(SERVER, "max_inflight", v) for v in (0, -1, 1000000)]
    + [(SERVER, "delete_limit", v) for v in (-1, 101)]
    + [(SERVER, "host", v) for v in ("", "not an address", "256.1.1.1", "ns.example.org", "::g")]
    + [(SERVER, "transport", "sctp"), (SERVER, "read", "maybe"), (SERVER, "name", "")]
    + [(SERVER, "timeout", v) for v in ("0s", "-1s", "1y", "s", "", "9999999999999d", "1 s x")]
    + [(SERVER, "ttl", v) for v in ("-1s", "100000d", "x", mz.Raw("5000000000"))]
    + [(SERVER, "polling_interval", v) for v in ("0s", "-5s", "abc")]
    + [(SERVER, "propagation_timeout", "-1s"), (SERVER, "propagation_delay", "-1s")]
    + [(SERVER, "secondaries", mz.Raw(v)) for v in ('[ "nowhere" ]', '[ "1.2.3.4:99999" ]', "[ 5 ]")]
    + [(SERVER, "key", "nobody"), (SERVER, "transfer_key", "nobody")]
    + [(("keys", 0), "algorithm", v) for v in ("hmac-md5", "sha256", "")]
    + [(("keys", 0), "name", v) for v in ("", "a..b", "x" * 300)]
    + [(("log",), "level", "loud"), (("log",), "format", "xml")]
    + [(("status",), "listen", v) for v in ("nowhere", "127.0.0.1:0x", "127.0.0.1:70000")]
    + [(("signers",), "mode", "0777"), (("signers",), "directory", "/a b")]
    + [((), "reconcile_interval", v) for v in ("0s", "-1h", "soon")]
    + [(SYSTEM, "hostname", v) for v in ("", "a..b", "x" * 64 + ".org", "with space.org")]
    + [(SYSTEM + ("mx", 0), "priority", v) for v in (-1, 65536)]
    + [(SYSTEM + ("mx", 0), "host", v) for v in ("", "a b", "-")][:2]
    + [(SYSTEM + ("services", 0), "protocol", "gopher")]
    + [(SYSTEM + ("mta_sts",), "mode", "strict")]
    + [(SYSTEM + ("mta_sts",), "max_age", v) for v in ("-1d", "400d")]
    + [(SYSTEM, "spf", v) for v in ("v=spf2 -all", "mx -all")]
    + [(SYSTEM, "dmarc", v) for v in ("p=reject", "")]
    + [(TASKS, "max_attempts", v) for v in (0, -1)]
    + [(TASKS, "total_deadline", "0s"), (RETRY, "strategy", "hope"), (RETRY, "factor", 0.0)]
    + [(DOMAIN, "name", v) for v in ("", "a..b", "x" * 64 + ".org", "a b.org")]
    + [(DOMAIN, "mail_system", "nobody"), (DNS, "server", "nobody"), (DNS, "mode", "often")]
    + [(DNS, "origin", v) for v in ("other.org", "sub.example.org", "a..b")]
    + [(DNS, "publish_records", mz.Raw('[ "mx", "nothing" ]'))]
    + [(DNS, "on_removal", "burn"), (DNS, "takeover", "maybe"), (DNS, "server", "tenants")]
    + [(DKIM, "mode", "often"), (DKIM, "algorithms", mz.Raw('[ "rsa-md5" ]'))]
    + [(DKIM, "rsa_bits", v) for v in (1024, 4097)]
    + [(DKIM, "selector_template", v) for v in ("{nope}", "{version", "a b", "-", "")]
    + [(DKIM, "rotate_after", "0d"), (DKIM, "retire_after", "-1d"), (DKIM, "delete_after", "x")]
    + [(DOMAIN + ("dkim_keys", 0), "selector", v) for v in ("", "a b", "x" * 64)]
    + [
        (DOMAIN, "records", mz.Raw('( "%s" )' % v))
        for v in (
            "",
            "www",
            "www 300 IN A 1.2.3",
            "www 300 IN NOTYPE x",
            "www 5000000000 IN A 192.0.2.1",
            "www 300 IN MX 70000 a.",
            "other.net. 300 IN A 192.0.2.1",
            "@ 300 IN SOA a. b. 1 2 3 4 5",
            "www 300 IN A 192.0.2.1 extra",
            "autoconfig 300 IN A 192.0.2.1",
        )
        if v != "autoconfig 300 IN A 192.0.2.1"
    ]
)


@pytest.mark.parametrize("path,name,value", BAD_VALUES, ids=lambda v: str(v)[:40])
def test_bad_value(whole, path, name, value):
    group = whole.settings
    for step in path:
        group = group[step]
    group[name] = value
    if path == DKIM and name != "mode":
        group["mode"] = "automatic"
    errors = refused(whole, ".", lines=2)
    assert all(LINE.match(e) for e in errors), errors
    where = LINE.match(errors[0])
    assert where["file"] == whole.conf
    if name != "name" and value not in ("", mz.Raw('( "" )')):
        words = [name, re.sub(r'[\[\]()" ]+', " ", str(value)).split() or [name]]
        told = [words[0]] + words[1]
        assert any(w in errors[0] for w in told), errors[0]


def test_twice(whole):
    for section in ("keys", "servers", "mail_systems", "domains"):
        good = whole.settings
        whole.settings = copy.deepcopy(good)
        whole.settings[section].append(copy.deepcopy(whole.settings[section][0]))
        name = whole.settings[section][0]["name"]
        refused(whole, re.escape(name), lines=2)
        whole.settings = good


def test_all_errors_at_once(whole):
    whole.settings["servers"][0].update({"port": 0, "read": "maybe", "nonsense": 1})
    whole.settings["domains"][0]["mail_system"] = "nobody"
    errors = refused(whole, "maybe", lines=4)
    assert len(errors) == 4
    numbers = [int(LINE.match(e)["line"]) for e in errors]
    assert numbers == sorted(numbers)


def test_all_files_at_once(whole):
    """Faults of the settings, and of every file that they name, published or not."""
    domain = whole.settings["domains"][0]
    domain["dns_management"]["publish_records"] = mz.Raw('[ "mx" ]')
    for name in ("cert.pem", "s1.pem", "doc.json"):
        os.unlink(whole.path(name))
    errors = whole.write().run("check").err.splitlines()
    assert len(errors) == 3 and all(LINE.match(e) for e in errors), errors
    domain["mail_system"] = "nobody"
    domain["nonsense"] = 1
    errors = whole.write().run("check").err
    for expect in ("nobody", "nonsense", "cert.pem", "s1.pem", "doc.json"):
        assert expect in errors, errors
    assert len(errors.splitlines()) == 5, errors


def test_cname_conflicts(whole):
    """A CNAME whose owner is its own target, or is also needed for other data."""
    whole.settings["domains"][0]["dns_management"]["publish_records"] = mz.Raw(
        '[ "mx", "autoconfig-legacy" ]'
    )
    whole.settings["domains"][0]["records"] = ["autoconfig 300 IN A 192.0.2.1"]
    refused(whole, "autoconfig", lines=2)
    whole.settings["domains"][0]["records"] = []
    whole.settings["mail_systems"][0]["hostname"] = "autoconfig.example.org"
    refused(whole, "autoconfig", lines=2)


def test_selector_template(whole):
    """The line is that of the setting."""
    management = whole.settings["domains"][0].setdefault("dkim_management", {})
    management.update(mode="automatic", selector_template="v{versoin}")
    (error,) = refused(whole, "versoin")
    with open(whole.conf) as f:
        assert "versoin" in f.read().splitlines()[int(LINE.match(error)["line"]) - 1]


def test_cname_at_the_origin(whole):
    """SOA and NS are there, whatever else is published."""
    whole.settings["domains"][0]["dns_management"]["publish_records"] = mz.Raw('[ "tls-rpt" ]')
    whole.settings["domains"][0]["records"] = ["@ CNAME www.example.net."]
    refused(whole, "CNAME")


# ---- files ---------------------------------------------------------------------------------------


def test_readable_secrets(whole):
    for name in ("secret", "bind.key"):
        os.chmod(whole.path(name), 0o644)
        refused(whole, re.escape(name))
        os.chmod(whole.path(name), 0o640)
        assert whole.run("check").code == 0
    whole.settings["keys"][0] = mz.Site.key(servers.MAILKEY)
    whole.write()
    assert whole.run("check").code == 0
    os.chmod(whole.conf, 0o644)
    result = whole.run("check")
    assert result.code == 1 and result.err.count("\n") == 1, result
    assert servers.MAILKEY.secret not in result.err


SECRETS = {
    "empty": b"",
    "blank": b" \n",
    "not base64": b"!!!! no base64 !!!!\n",
    "half base64": b"bWFpbGtleQ=\n",
    "zeros": b"\0" * 100,
    "huge": b"QUFB" * 50000,
}


@pytest.mark.parametrize("fault", list(SECRETS))
@pytest.mark.parametrize("name", ["secret", "bind.key"])
def test_bad_secret_file(whole, name, fault):
    whole.file(name, SECRETS[fault])
    errors = refused(whole, re.escape(name))
    assert "bWFpbGtleQ" not in errors[0] and "QUFB" not in errors[0]


def test_bind_key_file(whole):
    """What tsig-keygen writes is taken; half of it, and another key's name, are not."""
    good = 'key "other" {\n\talgorithm hmac-sha512;\n\tsecret "%s";\n};\n' % servers.OTHERKEY.secret
    whole.file("bind.key", "// comment\n# another\n/* and\nmore */\n" + good)
    assert whole.write().run("check").code == 0
    for bad in (good[:30], good.replace("other", "third"), good.replace("sha512", "md9"), good + "options { };\n"):
        whole.file("bind.key", bad)
        refused(whole, r"bind\.key")


def truncated(path):
    with open(path, "rb") as f:
        data = f.read()
    return data[: len(data) // 2]


def other_kind(whole, name):
    """A PEM file of a kind that does not belong there."""
    if name == "cert.pem":
        return open(whole.path("cert.key"), "rb").read()
    if name == "s1.pem":
        return open(whole.path("cert.pem"), "rb").read()
    return open(whole.path("doc.json"), "rb").read()


def ec_key(whole):
    argv = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def encrypted_key(whole):
    argv = ["openssl", "genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:x"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


@pytest.mark.parametrize("fault", ["missing", "empty", "truncated", "wrong kind", "zeros", "folder", "huge"])
@pytest.mark.parametrize("name", ["cert.pem", "s1.pem", "cert.key"])
def test_bad_pem(whole, name, fault):
    """The certificate, a manual DKIM key, the next key of a certificate."""
    path = whole.path(name)
    if fault in ("missing", "folder"):
        os.unlink(path)
        if fault == "folder":
            os.mkdir(path)
    else:
        data = {
            "empty": b"",
            "truncated": truncated(path),
            "wrong kind": other_kind(whole, name),
            "zeros": b"\0" * 4096,
            "huge": b"x" * (20 << 20),
        }[fault]
        whole.file(name, data)
    if name == "s1.pem":
        errors = refused(whole, re.escape(name))
        assert LINE.match(errors[0]), errors
        return
    # An error of check; apply says so, and goes on with the records that need no certificate.
    whole.write()
    checked = whole.run("check", timeout=60)
    assert checked.code == 1 and checked.out == "" and checked.err.count("\n") == 1, checked
    assert re.search(re.escape(name), checked.err) and LINE.match(checked.err.rstrip("\n")), checked
    applied = whole.run("apply", timeout=60)
    assert applied.code == 1 and applied.err.count("\n") == 2, applied
    assert re.search(re.escape(name), applied.err.splitlines()[0]) and "no connection" in applied.err, applied


def test_dkim_key_kinds(whole):
    for data in (ec_key(whole), encrypted_key(whole)):
        whole.file("s1.pem", data)
        refused(whole, r"s1\.pem")
    mz.private_key(whole.folder, "s1", "rsa", 512)
    refused(whole, r"s1\.pem")


def test_missing_document(whole):
    os.unlink(whole.path("doc.json"))
    refused(whole, r"doc\.json")


# ---- the file itself -------------------------------------------------------------------------------


def test_huge_configuration(whole):
    """100 MB: refused in a moment, without eating the machine's memory."""
    text = mz.document(whole.settings) + "# " + "x" * 97 + "\n"
    whole.write(text)
    with open(whole.conf, "a") as f:
        line = "# " + "x" * 97 + "\n"
        for _ in range(100):
            f.write(line * 10486)
    assert os.path.getsize(whole.conf) > 100 << 20
    done = subprocess.run(
        ["bash", "-c", 'ulimit -v 2000000; exec "$0" -c "$1" apply', mz.binary(), whole.conf],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done
    assert whole.conf in done.stderr and not os.path.exists(whole.state)


@pytest.mark.parametrize(
    "text",
    [
        "domains = (",
        "a b c",
        "state_directory = ",
        'state_directory = "unclosed\n',
        "\x00\x01\x02",
        "x" * 70000,
        '@include "missing.conf"\n',
        "@include \"domains.d\"\n",
        '@include "mailzone.conf"\n',
        "domains = " + "( " * 5000,
    ],
    ids=lambda t: repr(t[:20]),
)
def test_syntax(whole, text):
    errors = refused(whole, r"\.conf", lines=2, text=text)
    assert LINE.match(errors[0]), errors


def test_missing_and_odd_files(tmp_path):
    for path in (str(tmp_path / "missing.conf"), str(tmp_path), "/dev/null/x"):
        result = mz.run("-c", path, "check")
        assert result.code == 1 and result.err.count("\n") == 1, result
        assert path in result.err


def test_domain_directory(whole):
    """Errors in its files carry their names; a file that is no *.conf is not read."""
    whole.file("domains.d/one.conf", 'domains = ( { name = "two.org"; mail_sistem = "default"; } );\n')
    whole.file("domains.d/notes.txt", "this is not a configuration\n")
    errors = refused(whole, r"domains\.d/one\.conf:1: error: .*mail_sistem.*mail_system")
    assert len(errors) == 1
    whole.file("domains.d/one.conf", 'domains = ( { name = "two.org"; } );\n')
    assert whole.run("check").code == 0
    whole.settings["domain_directory"] = "nowhere.d"
    refused(whole, r"nowhere\.d")
