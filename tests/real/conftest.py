# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures: one server of each kind for the whole session, and sites for mailzone."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import mz  # noqa: E402
import servers  # noqa: E402


@pytest.fixture(scope="session")
def started():
    """Servers by kind, started at their first use and stopped at the end."""
    running = {}

    def get(kind):
        if kind not in running:
            running[kind] = servers.KINDS[kind]().start()
        return running[kind]

    yield get
    for server in running.values():
        server.stop()


@pytest.fixture(params=["bind", "knot", "pdns"])
def server(request, started):
    return started(request.param)


@pytest.fixture(scope="module", params=["bind", "knot", "pdns"])
def uncached(request, started):
    """As server; but PowerDNS has no caches, which would only make a test slow: a minute for "no such name"."""
    if request.param != "pdns":
        yield started(request.param)
        return
    pdns = servers.Pdns(extra="cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0").start()
    yield pdns
    pdns.stop()


@pytest.fixture
def bind(started):
    return started("bind")


@pytest.fixture
def knot(started):
    return started("knot")


@pytest.fixture
def pdns(started):
    return started("pdns")


@pytest.fixture
def site(tmp_path):
    """site(port, **settings of the server): a new mz.Site."""
    made = []

    def make(port, **settings):
        made.append(mz.Site(tmp_path / ("site%d" % len(made)), port, **settings))
        return made[-1]

    return make
