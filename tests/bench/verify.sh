#!/bin/sh
# verify.sh Q8_CONVERT Q8_VERIFY - q8-verify on 1.1e9 parameters in the page cache, by levels; then
# the products of level 3 by bitsandbytes' own CPU matmul and torch; the best of some turns each
set -eu
convert=$1
verify=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${Q8_ORACLE_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-oracle/env}/bin/python
model=${Q8_BENCH_MODEL:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-bench/llama-1b}
tokens=128
[ -x "$python" ] || { echo "verify.sh: SKIPPED: no $python; sh tests/oracle/env.sh makes it"; exit 77; }
[ -x /usr/bin/time ] || { echo "verify.sh: SKIPPED: no /usr/bin/time (Debian package time)"; exit 77; }
[ -f "$model/config.json" ] || "$python" "$here/make_llama.py" "$model"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$convert" -q --no-sync --to=bnb-int8 "$model" "$work/int8"
cat "$model/model.safetensors" "$work/int8/model.safetensors" >/dev/null
parameters=$(($(wc -c <"$model/model.safetensors") / 2))    # bf16

timed() { # TURNS OPTION...: the least seconds of that many runs, and the most kB
    turns=$1
    shift
    rm -f "$work/list"
    while [ "$turns" -gt 0 ]; do
        /usr/bin/time -a -o "$work/list" -f '%e %M' "$verify" -q "$@" "$model" "$work/int8"
        turns=$((turns - 1))
    done
    awk 'NR == 1 || $1 < least { least = $1 } $2 > most { most = $2 } END { print least, most }' \
        "$work/list"
}

for threads in 1 2; do
    timed 5 --level=weights -j $threads >"$work/weights"
    awk -v t=$threads -v p="$parameters" '{
        printf "levels 1 and 2, threads %d: %.2f s, %.2f s per 1e9 parameters, %.1f MiB\n",
               t, $1, $1 * 1e9 / p, $2 / 1024 }' "$work/weights"
done
timed 2 --tokens=$tokens -j 2 >"$work/matmul"
awk -v n=$tokens '{
    printf "level 3, %d tokens, threads 2: %.2f s, %.1f MiB\n", n, $1, $2 / 1024 }' "$work/matmul"
"$python" -W ignore "$here/peer_matmul.py" "$model" "$work/int8" $tokens 2 >"$work/peer"
cat "$work/peer"
echo "$(cat "$work/peer") $(cat "$work/matmul")" |
    awk '{ sub(/.*imports: /, ""); split($0, word, " "); n = split($0, last, " ")
           printf "the peer takes %.1f times as long\n", word[1] / last[n - 1] }'
