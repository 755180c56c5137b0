#!/bin/sh
# manwidths.sh MANPAGE - the page comes to its end in terminals of 20 to 200 columns
#
# man goes by mandoc or by groff: whichever is here is tried.
set -eu
page=$1
text=$(mktemp)
trap 'rm -f "$text"' EXIT
status=0
tried=

# Runs the rest of the line, which prints the page at so many columns
try() {
    tried=$2
    columns=$1
    shift
    if ! timeout 10 "$@" >"$text" 2>/dev/null || ! grep -q 'A.*L.*S.*O' "$text"; then
        echo "$page:1: $1 does not get to the end of it at $columns columns"
        status=1
    fi
}

for columns in 20 24 30 36 40 44 50 56 60 66 72 80 100 132 200; do
    if command -v mandoc >/dev/null; then
        try $columns mandoc -T utf8 -O width=$columns "$page"
    fi
    if command -v groff >/dev/null; then
        try $columns groff -T utf8 -mandoc -rLL=${columns}n -rLT=${columns}n "$page"
    fi
done
if [ -z "$tried" ]; then
    echo "manwidths.sh: SKIPPED: neither mandoc nor groff is installed" >&2
    exit 77
fi
exit $status
