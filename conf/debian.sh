# SPDX-License-Identifier: BSD-2-Clause
# Functions for scripts that prepare a Debian machine; to be sourced by bash with set -eu.

# What it takes to build mailzone.
MZ_BUILD_PACKAGES="build-essential autoconf automake pkg-config libldns-dev libssl-dev
	libconfig-dev libevent-dev libsqlite3-dev libjansson-dev"

say() {
	printf '\n== %s\n' "$*"
}

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# is_installed PACKAGE
is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_missing PACKAGE...: nothing is done, and no network needed, where all are there.
install_missing() {
	local package missing=()
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || die "these packages are missing, install them first: ${missing[*]}"
	say "installing ${missing[*]}"
	# The packages' own servers must not start: they would listen beside the real ones.
	local policy=/usr/sbin/policy-rc.d made=
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		made=yes
	fi
	local status=0
	{
		apt-get -q update </dev/null &&
			DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
				install "${missing[@]}" </dev/null
	} >"${TMPDIR:-/tmp}/mailzone-apt.$$" 2>&1 || status=$?
	[ -z "$made" ] || rm -f "$policy"
	[ $status = 0 ] || tail -n 30 "${TMPDIR:-/tmp}/mailzone-apt.$$" >&2
	rm -f "${TMPDIR:-/tmp}/mailzone-apt.$$"
	[ $status = 0 ] || die "apt-get could not install ${missing[*]}"
}

# copy_sources FROM TO: the tree without git's data and without what a build left.
copy_sources() {
	mkdir -p "$2"
	tar -C "$1" --exclude=./.git --exclude=./build --exclude=./autom4te.cache \
		--exclude=__pycache__ --exclude=.pytest_cache -cf - . | tar -C "$2" -xf -
	# A source tree that was configured itself cannot be built from another folder.
	[ ! -e "$2/config.status" ] || make -s -C "$2" distclean >/dev/null
}
