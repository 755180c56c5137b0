#!/bin/sh
# sources.sh Q8_CONVERT [--peers] - conversions of 1.1e9 parameters from every kind of source against the same
# model in bf16, and with --peers FP8 in blocks to bf16 against compressed-tensors' and auto-round's own
# converters; the models are made once, outside the tree (12 GB).  Q8_BENCH_KINDS: only these.  The floats of
# Q8_0 are F32, so what stays float is twice as large
set -eu
q8=$1
here=$(cd "$(dirname "$0")" && pwd)
python=${Q8_ORACLE_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-oracle/env}/bin/python
floats=${Q8_BENCH_MODEL:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-bench/llama-1b}
models=${Q8_BENCH_SOURCES:-$(dirname "$floats")/sources}
kinds=${Q8_BENCH_KINDS:-fp8-block-128 fp8-block-128-bf16 ct-float-channel mxfp4-ct ct-int4-g32 bin gguf-bf16 gguf-q8_0}
[ -x "$python" ] || { echo "sources.sh: SKIPPED: no $python; sh tests/oracle/env.sh makes it"; exit 77; }
[ -x /usr/bin/time ] || { echo "sources.sh: SKIPPED: no /usr/bin/time (Debian package time)"; exit 77; }
[ -f "$floats/config.json" ] || "$python" "$here/make_llama.py" "$floats"
for kind in $kinds; do
    [ -e "$models/$kind/config.json" ] || [ -e "$models/$kind/model.gguf" ] ||
        "$python" "$here/make_sources.py" "$floats" "$models/$kind" "$kind"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

least() { sort -n | head -n 1; }     # what disturbs a run only ever adds to it

source_of() {   # KIND: the path
    case $1 in
        bf16) echo "$floats" ;;
        gguf-*) echo "$models/$1/model.gguf" ;;
        *) echo "$models/$1" ;;
    esac
}

convert() {     # KIND THREADS TARGET: a run, its seconds appended to KIND's list
    rm -rf "$work/out"
    "$q8" -q --no-sync -j "$2" --to="$3" --json="$work/json" "$(source_of "$1")" "$work/out" 2>"$work/err" ||
        { cat "$work/err"; exit 1; }
    sed -n 's/.*"seconds": \([0-9.]*\).*/\1/p' "$work/json" >>"$work/$1"
}

compare() {     # TARGET THREADS: all kinds in turns
    for kind in bf16 $kinds; do
        rm -f "$work/$kind"
    done
    for _ in 1 2 3 4 5; do
        for kind in bf16 $kinds; do
            convert "$kind" "$2" "$1"
        done
    done
    for kind in $kinds; do
        echo "$(least <"$work/$kind") $(least <"$work/bf16")" | awk -v k="$kind" -v t="$2" -v to="$1" '{
            printf "%s, threads %d, from %-19s %.3f s, bf16 %.3f s, ratio %.2f\n", to, t, k ":", $1, $2, $1 / $2}'
    done
}

convert bf16 2 ct-w8a8      # the first to touch the memory of the page cache pays for it
for target in ct-w8a8 bnb-int8; do
    for threads in 1 2; do
        compare $target $threads
    done
done
[ "${2-}" = --peers ] || exit 0

export TQDM_DISABLE=1 CUDA_VISIBLE_DEVICES=
model=$models/fp8-block-128
for _ in 1 2 3 4 5; do
    rm -rf "$work/out"
    /usr/bin/time -a -o "$work/own" -f '%e %M' "$q8" -q -j 2 --no-sync --to=bf16 "$model" "$work/out"
done
own=$(least <"$work/own")
for peer in compressed-tensors auto-round; do
    for _ in 1 2 3; do
        rm -rf "$work/out"
        "${python%/bin/python}-peers/bin/python" "$here/peer_fp8.py" "$model" "$work/out" $peer 2>/dev/null |
            tail -n 1 >>"$work/$peer"
    done
    echo "$own $(least <"$work/$peer")" | awk -v peer=$peer '{
        printf "FP8 in blocks to bf16: q8-convert, whole process, %.2f s, %.1f MB; %s, without imports, %.2f s, " \
               "%d MB: %.1f times as long, %.0f times as much\n", $1, $2 / 1024, peer, $3, $4, $3 / $1, $4 * 1024 / $2}'
done
