#!/bin/sh
# Makes configure and the Makefile templates: needed in a checkout, not in a release.
set -eu
cd "$(dirname "$0")"
autoreconf --force --install
