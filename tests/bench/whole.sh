#!/bin/sh
# whole.sh Q8_CONVERT TWIN [--peers] - the whole conversion of 1.1e9 parameters against a twin that
# only reads and writes, and with --peers against bitsandbytes and llm-compressor (both from
# tests/oracle/env.sh --peers); the model is made once, outside the tree
set -eu
q8=$1
twin=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${Q8_ORACLE_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-oracle/env}/bin/python
model=${Q8_BENCH_MODEL:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-bench/llama-1b}
[ -x "$python" ] || { echo "whole.sh: SKIPPED: no $python; sh tests/oracle/env.sh makes it"; exit 77; }
[ -x /usr/bin/time ] || { echo "whole.sh: SKIPPED: no /usr/bin/time (Debian package time)"; exit 77; }
[ -f "$model/config.json" ] || "$python" "$here/make_llama.py" "$model"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
floats=$((65536000 * 4))
cat "$model/model.safetensors" >/dev/null

least() { sort -n | head -n 1; }     # what disturbs a run only ever adds to it

convert() {     # FILE OPTION...: a run of q8-convert, its seconds appended to the file
    list=$1
    shift
    rm -rf "$work/out"
    "$q8" -q --no-sync --json="$work/json" "$@" "$model" "$work/out"
    sed -n 's/.*"seconds": \([0-9.]*\).*/\1/p' "$work/json" >>"$list"
}

one_each() {    # THREADS TARGET: a run of the twin and two of q8-convert
    rm -rf "$work/out" "$work/file"
    "$twin" "$model/model.safetensors" "$work/file" "$1" $floats >>"$work/twin"
    rm -f "$work/file"
    convert "$work/q8" -j "$1" --to="$2"
    convert "$work/plain" -j "$1" --to="$2" --no-sqnr
}

one_each 2 bnb-int8     # the first to touch the memory of the page cache pays for it
one_each 2 bnb-int8
for target in bnb-int8 ct-w8a8; do
    for threads in 1 2; do
        rm -f "$work/q8" "$work/plain" "$work/twin"
        for _ in 1 2 3 4 5 6 7; do
            one_each $threads $target
        done
        echo "$(least <"$work/q8") $(least <"$work/twin") $(least <"$work/plain")" |
            awk -v t=$threads -v to=$target '{
                printf "%s, threads %d: q8-convert %.3f s, twin %.3f s, ratio %.2f; " \
                       "with --no-sqnr %.3f s, %.0f %% less\n",
                       to, t, $1, $2, $2 / $1, $3, 100 * (1 - $3 / $1)}'
    done
done
for target in bnb-int8 ct-w8a8; do
    rm -rf "$work/out"
    /usr/bin/time -f "%e %M" -o "$work/time" "$q8" -q -j 2 --to=$target --no-sync "$model" "$work/out"
    awk -v t=$target '{printf "q8-convert to %s, whole process, 2 threads: %.2f s, %.1f MB\n", t, $1, $2 / 1024}' \
        "$work/time"
done
if [ "${3-}" = --peers ]; then
    rm -rf "$work/out"
    export TQDM_DISABLE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error
    "$python" "$here/peer_bnb.py" "$model" "$work/out"
    rm -rf "$work/out"
    "${python%/bin/python}-peers/bin/python" "$here/peer_llmcompressor.py" "$model" "$work/out"
fi
