#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each public header compiles alone, and twice in a row.
set -eu
cd "${srcdir:-.}"

status=0
count=0
for header in include/mailzone/*.h tsig/tsig.h; do
	name=${header#include/}
	# Word splitting of CC is wanted: it may hold options.
	if ! printf '#include "%s"\n#include "%s"\nextern int some_declaration;\n' "$name" "$name" |
		${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
			-I. -Iinclude -x c -; then
		echo "$header does not compile alone"
		status=1
	fi
	count=$((count + 1))
done
[ "$count" -gt 1 ] || { echo "headers.sh: no header found"; status=1; }
exit "$status"
