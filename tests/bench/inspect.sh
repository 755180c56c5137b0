#!/bin/sh
# inspect.sh Q8_INSPECT READ - q8-inspect on 1.1e9 parameters in the page cache against a bare read of
# the same bytes and against numpy; the best of seven turns
set -eu
inspect=$1
read=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${Q8_ORACLE_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-oracle/env}/bin/python
model=${Q8_BENCH_MODEL:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-bench/llama-1b}
[ -x "$python" ] || { echo "inspect.sh: SKIPPED: no $python; sh tests/oracle/env.sh makes it"; exit 77; }
[ -x /usr/bin/time ] || { echo "inspect.sh: SKIPPED: no /usr/bin/time (Debian package time)"; exit 77; }
[ -f "$model/config.json" ] || "$python" "$here/make_llama.py" "$model"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat "$model/model.safetensors" >/dev/null

timed() { # FILE OPTION... : the seconds and kB of a run, appended to the file
    list=$1
    shift
    /usr/bin/time -a -o "$list" -f '%e %M' "$inspect" -q "$@" "$model"
}

for threads in 1 2; do
    rm -f "$work/read" "$work/all" "$work/quick"
    for _ in 1 2 3 4 5 6 7; do
        "$read" "$model/model.safetensors" $threads >>"$work/read"
        timed "$work/all" -j $threads
        timed "$work/quick" --quick -j $threads
    done
    for kind in all quick; do
        echo "$(sort -n "$work/read" | head -n 1) $(sort -n "$work/$kind" | head -n 1)" |
            awk -v t=$threads -v kind=$kind '{ printf "threads %d, %s: q8-inspect %.2f s (%.1f MB), " \
                "bare read %.3f s, ratio %.2f\n", t, kind, $2, $3 / 1024, $1, $1 / $2 }'
    done
done
"$python" "$here/peer_numpy.py" "$model/model.safetensors"
