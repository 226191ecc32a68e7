#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Functions that do not stand in the sources: unsafe ones, and what of ldns must not see the network.
set -eu
cd "${srcdir:-.}"

unsafe='strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|system|popen|tmpnam|mktemp'
ldns='ldns_wire2pkt|ldns_pkt_tsig|ldns_axfr|ldns_resolver'
files=$(find src tsig include -name '*.[ch]' | LC_ALL=C sort)
[ -n "$files" ] || { echo "banned.sh: no file found"; exit 1; }

# Comments and the insides of strings may name them.
# shellcheck disable=SC2086
awk -v unsafe="(^|[^A-Za-z0-9_])(${unsafe})[ \t]*\\\\(" -v ldns="${ldns}" '
FNR == 1 {
	comment = 0
}
{
	text = $0
	gsub(/\\["\\]/, "", text)
	gsub(/"[^"]*"/, "\"\"", text)
	clean = ""
	while (text != "") {
		if (comment) {
			end = index(text, "*/")
			text = end > 0 ? substr(text, end + 2) : ""
			comment = end == 0
		} else {
			start = index(text, "/*")
			clean = clean (start > 0 ? substr(text, 1, start - 1) : text)
			text = start > 0 ? substr(text, start + 2) : ""
			comment = start > 0
		}
	}
	sub(/\/\/.*/, "", clean)
	if (clean ~ unsafe || clean ~ ldns) {
		printf "%s:%d: banned: %s\n", FILENAME, FNR, $0
		bad = 1
	}
}
END {
	exit bad
}' $files
