# SPDX-License-Identifier: BSD-2-Clause
"""Secondaries: a change counts when every one of them serves it; those that lag are named."""

import threading
import time

import dns.rdata
import dns.rdatatype
import pytest

import mz
import servers


@pytest.fixture(scope="module")
def secondary(started):
    nsd = servers.Nsd(started("bind")).start()
    yield nsd
    nsd.stop()


def prepared(bind, nsd, site, notify=True, **settings):
    zone = servers.fresh("sec")
    bind.add_zone(zone, also_notify=[nsd.port] if notify else [])
    nsd.add_zone(zone)
    site = site(
        bind.port,
        secondaries=["127.0.0.1:%d" % nsd.port],
        polling_interval="1s",
        propagation_timeout="20s",
        **settings,
    )
    site.add_domain(zone)
    return zone, site.write()


def test_apply_waits(bind, secondary, site):
    """The secondary hears of the change late: apply ends after it serves it."""
    zone, site = prepared(bind, secondary, site, notify=False)
    before = bind.serial(zone)

    transferred = []

    def transfer():
        servers.wait_for("the update", lambda: bind.serial(zone) != before)
        # how long it lags is no matter for being right: apply must not end before this
        time.sleep(1.5)
        transferred.append(time.monotonic())
        secondary.control("transfer", zone)

    helper = threading.Thread(target=transfer)
    helper.start()
    result = site.apply()
    ended = time.monotonic()
    helper.join()
    assert result.code == 0, result
    assert transferred and ended > transferred[0]
    assert secondary.serial(zone) == bind.serial(zone) > before


def test_notified_secondary(bind, secondary, site):
    zone, site = prepared(bind, secondary, site)
    result = site.apply()
    assert result.code == 0, result
    assert secondary.serial(zone) == bind.serial(zone)
    assert site.plan().code == 0


def test_stopped_secondary_is_named(bind, site):
    nsd = servers.Nsd(bind).start()
    try:
        zone, site = prepared(bind, nsd, site)
        nsd.kill()
        site.server["propagation_timeout"] = "3s"
        result = site.write().apply()
        assert result.code == 1, result
        assert "127.0.0.1:%d" % nsd.port in result.err, result
        assert zone in result.err
        # the primary has it all the same, and the next run looks at the secondary again
        before = bind.serial(zone)
        again = site.apply()
        assert again.code == 1 and bind.serial(zone) == before, again
        nsd.start()
        servers.wait_for("the transfer", lambda: nsd.serial(zone) == before)
        assert site.apply().code == 0
    finally:
        nsd.stop()


def test_secondary_that_is_ahead(bind, knot, site):
    """It has a higher serial than a primary that was set up anew, and will never transfer again."""
    zone = servers.fresh("ahead")
    bind.add_zone(zone)
    knot.add_zone(zone)
    for number in range(5):
        knot.must_update(zone, [("host%d" % number, 60, "A", "192.0.2.1")])
    site = site(
        bind.port,
        secondaries=mz.Raw('[ "127.0.0.1:%d" ]' % knot.port),
        polling_interval="1s",
        propagation_timeout="2s",
    )
    site.add_domain(zone)
    result = site.write().apply()
    assert result.code == 1 and "127.0.0.1:%d" % knot.port in result.err, result
    # ahead, but with what is wanted: another writer came after us
    for slot, (ttl, wires) in bind.axfr(zone).items():
        if slot[1] == dns.rdatatype.NS:
            continue
        rdtype = dns.rdatatype.to_text(slot[1])
        texts = [dns.rdata.from_wire(1, slot[1], w, 0, len(w)).to_text() for w in wires]
        knot.must_update(zone, [(slot[0], ttl, rdtype, text) for text in texts])
    assert site.apply().code == 0
