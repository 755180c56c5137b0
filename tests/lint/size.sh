#!/bin/sh
# size.sh ROOT - files of at most 400 lines, functions of at most 70, lines of at most 100 columns
#
# A function ends with a "}" in the first column and begins with the "{" before it that is alone in
# the first column.  Tables (*.inc) and lines with a web address may be as long as they like.
set -eu
cd "$1"
find src kernels formats tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort | xargs awk '
function bad(file, line, rule) {
    printf "%s:%d: %s\n", file, line, rule
    found = 1
}

function end_file() {
    if (lines > 400)
        bad(file, lines, lines " lines; a file has at most 400")
}

FNR == 1 {
    end_file()
    file = FILENAME
    start = 0
}

{ lines = FNR }

# awk counts bytes, so only lines of plain ASCII are judged
length($0) > 100 && $0 !~ /https?:/ && $0 !~ /[^ -~\t]/ {
    bad(FILENAME, FNR, length($0) " columns; a line has at most 100")
}

/^\{/ { start = FNR }

/^\}/ {
    if (start && FNR - start + 1 > 70)
        bad(FILENAME, start, FNR - start + 1 " lines; a function has at most 70")
    start = 0
}

END {
    end_file()
    exit found
}
' || exit 1
