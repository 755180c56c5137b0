#!/bin/sh
# auto.sh Q8_CONVERT Q8_VERIFY_FAKE - --device=auto with a GPU that suffices, and with one that does not
set -eu
data=$(cd "$(dirname "$0")/../../testdata" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$1" -q --to=bnb-int8 "$data/tiny-llama-bf16" int8

# report NAME MIB OPTION... : NAME.json of a GPU with so much memory, and what was said of it
report()
{
    name=$1 mib=$2
    shift 2
    FAKE_CUDA_MIB=$mib "$verify" --json=$name.json "$@" "$data/tiny-llama-bf16" int8 >$name.txt 2>$name.err
}
verify=$2
report cpu 4096 -j2
report many 4096 -j2 --device=auto
report few 60 -j2 --device=auto
report none 10 -j2 --device=auto
if report asked 60 -j2 --device=cuda; then
    echo "a GPU that was asked for and does not suffice is no error"
    exit 1
fi
grep -q "GPU 0 (Fake 0) for .* MiB that this thread may take" asked.err

# the default is the CPU; auto takes the GPU, and where it has not the memory the CPU, and says so
grep -q '"engine": "cpu"' cpu.json
grep -q '"engine": "cuda"' many.json
for name in few none; do
    cmp cpu.json $name.json
    [ "$(grep -c "^q8-verify: the CPU multiplies: GPU 0 (Fake 0" $name.err)" = 1 ]
done
! grep "the CPU multiplies" cpu.err many.err
