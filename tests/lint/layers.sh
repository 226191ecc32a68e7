#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Reads the includes: a room includes only rooms of lower lines, the private headers of no other
# room, and the headers of a library only where the room is one of its users.
set -eu
cd "${srcdir:-.}"

files=$(find src tsig include -name '*.[ch]' | LC_ALL=C sort)
# shellcheck disable=SC2086
awk '
BEGIN {
	# The rooms, by line; data flows downwards in this table.
	split("tsig base|dns|conf|net store|dkim cert task live|records|plan|update|flow|report|ctl http|" \
	      "daemon tool sandbox", lines, "|")
	for (i in lines) {
		n = split(lines[i], rooms, " ")
		for (j = 1; j <= n; j++)
			line[rooms[j]] = i + 0
	}
	# The users of each library. digest.c alone of base may use OpenSSL.
	users["ldns"] = " dns "
	users["libconfig.h"] = " conf "
	users["sqlite3.h"] = " store "
	users["event2"] = " net flow ctl http daemon tool "
	users["openssl"] = " tsig dkim cert "
	users["jansson.h"] = " ctl http tool "
}
function wrong(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}
FNR == 1 {
	room = FILENAME
	if (room ~ /^include\/mailzone\//) {
		sub(/^include\/mailzone\//, "", room)
		sub(/\.h$/, "", room)
	} else if (room ~ /^src\//) {
		sub(/^src\//, "", room)
		sub(/\/.*/, "", room)
	} else {
		room = "tsig"
	}
	if (!(room in line))
		wrong("the room " room " is not in the table of tests/lint/layers.sh")
	count++
}
/^[ \t]*#[ \t]*include[ \t]*["<]/ {
	path = $0
	sub(/^[^"<]*["<]/, "", path)
	sub(/[">].*/, "", path)
	other = ""
	private = 0
	if (path ~ /^mailzone\//) {
		other = path
		sub(/^mailzone\//, "", other)
		sub(/\.h$/, "", other)
	} else if (path ~ /^src\//) {
		other = path
		sub(/^src\//, "", other)
		sub(/\/.*/, "", other)
		private = 1
	} else if (path ~ /^tsig\//) {
		other = "tsig"
		private = path != "tsig/tsig.h"
	} else {
		library = path
		sub(/\/.*/, "", library)
		if (library in users && index(users[library], " " room " ") == 0 &&
		    !(library == "openssl" && FILENAME == "src/base/digest.c"))
			wrong(room " is no user of " path " (its users are:" users[library] ")")
		next
	}
	if (other == room)
		next
	if (!(other in line))
		wrong("includes the unknown room " other)
	else if (private)
		wrong(room " includes a private header of " other)
	else if (line[other] >= line[room])
		wrong(room " includes " other ", which is not on a lower line")
}
END {
	if (count == 0) {
		print "layers.sh: no file found"
		bad = 1
	}
	exit bad
}' $files
