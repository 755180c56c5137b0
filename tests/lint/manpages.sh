#!/bin/sh
# manpages.sh Q8 MANPAGE - the long options of --help are those of the man page and the completion
#
# In --help an option stands at the start of its line; in the page on an .It line; the completion is
# MANPAGE with .bash for its number.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$1" --help >"$work/text"
sed -n 's/^ *\(-[^-], *\)\{0,1\}--\([a-z0-9-]*\).*/\2/p' "$work/text" | sort >"$work/help"
awk '/^\.It / {
    for (i = 2; i <= NF; i++)
        if ($i == "Fl" && $(i + 1) ~ /^-[a-z]/)
            print substr($(i + 1), 2)
}' "$2" | sort >"$work/page"

if ! [ -s "$work/help" ] || ! [ -s "$work/page" ]; then
    echo "$2: no option found here or in --help: this check no longer reads them" >&2
    exit 1
fi
status=0
for name in $(comm -23 "$work/help" "$work/page"); do
    echo "$2:1: --$name of --help has no .It"
    status=1
done
for name in $(comm -13 "$work/help" "$work/page"); do
    echo "$2:$(grep -n -m1 -e "^\.It.*Fl -$name" "$2" | cut -d: -f1): --$name is not in --help"
    status=1
done
sed -n "/options='/,/'\$/p" "${2%.*}.bash" | grep -o -e '--[a-z0-9-]*' | sed 's/^--//' |
    sort -u >"$work/bash"
sort -u "$work/help" | comm -3 - "$work/bash" | tr -d '\t' >"$work/apart"
for name in $(cat "$work/apart"); do
    echo "${2%.*}.bash: --$name is offered or in --help, but not both"
    status=1
done
if command -v mandoc >/dev/null; then
    mandoc -Tlint -W warning "$(dirname "$2")"/*.[1-9] || status=1
else
    echo "mandoc is not installed: the pages' markup was NOT checked"
fi
exit $status
