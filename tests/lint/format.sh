#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The sources are formatted as .clang-format says. Skipped without clang-format 14: others break
# lines in other places.
set -eu
cd "${srcdir:-.}"

for program in clang-format-14 clang-format; do
	case $($program --version 2>/dev/null) in
	*' version 14.'*) break ;;
	esac
	program=
done
[ -n "$program" ] || { echo "format.sh: no clang-format 14"; exit 77; }
files=$(find src tsig include tests doc -name '*.[ch]' | LC_ALL=C sort)
[ -n "$files" ] || { echo "format.sh: no file found"; exit 1; }
# shellcheck disable=SC2086
exec $program --style=file --dry-run -Werror $files
