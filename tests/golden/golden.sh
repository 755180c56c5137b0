#!/bin/sh
# golden.sh - converts each testdata/tiny-* and compares every output tensor with its golden.txt
#
#   golden.sh Q8_CONVERT HASHTENSORS TESTDATA [ISA...]
#
# The golden lines are what the real libraries wrote (tests/oracle/make_golden.py).  Runs every
# target of a golden.txt under every instruction set named (default: ref avx2 avx512).  A set that
# this machine has not is capped by q8 itself: it then proves the next lower one again.
set -eu
q8=$1 hash=$2 testdata=$3
shift 3
[ $# -gt 0 ] || set -- ref avx2 avx512
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# one FOLDER TARGET ISA
one()
{
    out=$work/out
    input=$1
    [ -e "$1/config.json" ] || input=$1/model.safetensors
    rm -rf "$out"
    if ! Q8_ISA=$3 "$q8" -q --no-sync --to="$2" "$input" "$out" 2> "$work/err"; then
        echo "FAIL $1 $2 $3: $(cat "$work/err")"
        return 1
    fi
    grep "^$2 " "$1/golden.txt" | cut -d' ' -f2- | LC_ALL=C sort > "$work/want"
    "$hash" "$out"/*.safetensors | LC_ALL=C sort > "$work/have"
    if ! diff "$work/want" "$work/have" > "$work/diff"; then
        echo "FAIL $1 $2 $3: < golden, > q8"
        head -20 "$work/diff"
        return 1
    fi
    echo "ok   $(basename "$1") $2 $3"
}

for golden in "$testdata"/tiny-*/golden.txt; do
    folder=$(dirname "$golden")
    for target in $(cut -d' ' -f1 "$golden" | sort -u); do
        for isa in "$@"; do
            if one "$folder" "$target" "$isa"; then
                passed=$((passed + 1))
            else
                failed=$((failed + 1))
            fi
        done
    done
done
echo "$passed passed, $failed failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
