#!/bin/sh
# again.sh CHECKCUDA Q8_CONVERT [Q8_VERIFY] - the same bits twice, and four processes on one GPU
set -u
check=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
convert=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
verify=${3:-$(dirname "$convert")/q8-verify}
verify=$(cd "$(dirname "$verify")" && pwd)/$(basename "$verify")
model=$(cd "$(dirname "$0")/../../testdata" && pwd)/tiny-llama-bf16
"$check" --few 1 >/dev/null
if [ $? = 77 ]; then
    echo "again.sh: SKIPPED: no CUDA device"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
"$convert" -q --to=bnb-int8 "$model" int8 || exit 1

# two orders of threads on the host; the GPU's numbers may not depend on it
for threads in 1 2 2; do
    "$verify" -q --json --device=cuda --threads=$threads "$model" int8 >"$threads.json" || exit 1
    if [ -e first.json ] && ! cmp first.json "$threads.json"; then
        echo "the same products have other bits the second time"
        exit 1
    fi
    cp "$threads.json" first.json
done

processes=
for seed in 11 12 13 14; do
    "$check" --few $seed >$seed.txt &
    processes="$processes $!"
done
failed=0
for process in $processes; do
    wait "$process" || failed=1
done
cat ./*.txt
exit $failed
