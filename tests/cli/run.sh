#!/bin/sh
# run.sh SCRIPT Q8_CONVERT FAIL_IO - runs a script of this folder in a fresh directory
set -eu
script=$1
Q8=$2
FAIL_IO=$3
DATA=$(cd "$(dirname "$script")/../../testdata" && pwd)
ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export Q8 FAIL_IO DATA ASAN_OPTIONS
work=$(mktemp -d)
run= # a process that a script has in the background
trap '[ -z "$run" ] || kill -9 $run 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

die() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect STATUS PHRASE COMMAND... : the exit status, and a phrase of standard error
expect() {
    status=$1
    phrase=$2
    shift 2
    got=0
    "$@" >stdout 2>err || got=$?
    [ "$got" = "$status" ] || die "exit $got, expected $status: $* ($(cat err))"
    grep -qF -- "$phrase" err || die "'$phrase' is not in: $(cat err)"
}

# same A B : two directories hold the same files with the same bytes
same() {
    diff -r "$1" "$2" >/dev/null || die "$1 and $2 differ"
}

# make_model DIR CONFIG HEADER BYTES: a model of zeros
make_model() {
    mkdir "$1"
    echo "$2" >"$1/config.json"
    length=$(printf %s "$3" | wc -c)
    {
        printf "\\$(printf %o $((length % 256)))\\$(printf %o $((length / 256)))\0\0\0\0\0\0"
        printf %s "$3"
        head -c "$4" /dev/zero
    } >"$1/model.safetensors"
}

. "$script"
