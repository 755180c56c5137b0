#!/bin/sh
# report.sh CHECKCUDA Q8_CONVERT [Q8_VERIFY [MODEL...]] - q8-verify on the GPU against the CPU, on the models of testdata
#
# Everything but the numbers of level 3 is the same to the last byte.  The reference's products are
# sums of K terms in another order, each within K 2^-23 of the magnitudes: with the K of these
# models that is far below 1e-5 of the norm of y.  So is what it moves of the error of y, which is
# 1 % of y and more but in a few layers, and all numbers agree to 1e-4 of themselves; those of the
# softmax, where logits cancel, to 1e-2.  Q8_GPU=cpu tries the script itself.
set -u
check=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
convert=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
verify=${3:-$(dirname "$convert")/q8-verify}
verify=$(cd "$(dirname "$verify")" && pwd)/$(basename "$verify")
data=$(cd "$(dirname "$0")/../../testdata" && pwd)
device=${Q8_GPU:-cuda}
[ $# -gt 3 ] && shift 3 || set -- kjv-llama tiny-llama-bf16 tiny-llama-f16 tiny-llama-f32
"$check" --few 1 >/dev/null
if [ $? = 77 ] && [ "$device" = cuda ]; then
    echo "report.sh: SKIPPED: no CUDA device"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
reports=0

# compare NAME GPU_OPTIONS OPTION... : both reports of the model and its int8 version
compare()
{
    name=$1 only=$2
    shift 2
    "$verify" -q --json --device=cpu "$@" >cpu.json
    cpu=$?
    # shellcheck disable=SC2086 # several options, or none
    "$verify" -q --json --device="$device" $only "$@" >gpu.json
    gpu=$?
    if [ $cpu != $gpu ] || [ $cpu -gt 1 ]; then # 1: a verdict
        echo "$name: exit $gpu on the GPU, $cpu on the CPU"
        failed=1
        return
    fi
    grep -q "\"engine\": \"$device\"" gpu.json || failed=1
    # line by line; of a number the distance counts
    paste cpu.json gpu.json | awk -F '\t' -v name="$name" '
        { key = $1; sub(/:.*/, "", key) }
        $1 == $2 || key ~ /"(engine|device)"$/ { next }
        {
            a = $1; b = $2
            gsub(/^.*: |,$/, "", a); gsub(/^.*: |,$/, "", b)
            gap = a - b
            size = a < 0 ? -a : a
            if (gap < 0) gap = -gap
            if (a !~ /^-?[0-9.e+-]+$/ || b !~ /^-?[0-9.e+-]+$/ || !(gap <= (key ~ /"kl"/ ? 1e-2 : 1e-4) * size)) {
                print name ": " $1 " on the CPU, " $2 " on the GPU"
                bad = 1
            }
        }
        END { exit bad }' || failed=1
    [ "$(wc -l <cpu.json)" = "$(wc -l <gpu.json)" ] || failed=1
    reports=$((reports + 1))
}

for model; do
    for target in bnb-int8 ct-w8a8 ct-w8a16; do
        "$convert" -q --to=$target "$data/$model" $model-$target || failed=1
        compare "$model $target" "" "$data/$model" $model-$target
    done
    for mode in absmax row-wise vector-wise zeropoint zeropoint-vector-wise; do
        compare "$model $mode" "" --mode=$mode "$data/$model" $model-bnb-int8
    done
    # two workspaces of 32 MiB, and little beside them: tiles of kjv-llama are cut into parts
    [ "$device" = cpu ] && little="" || little="--gpu-memory=67M --threads=1"
    compare "$model, little memory" "$little" "$data/$model" $model-bnb-int8
    compare "$model, 1 token" "" --tokens=1 "$data/$model" $model-ct-w8a8
done
echo "$reports reports compared"
exit $failed
