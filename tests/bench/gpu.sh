#!/bin/sh
# gpu.sh GPU_LAYERS Q8_VERIFY [REFERENCE QUANTIZED] - speed of int8 products on a GPU
#
# Layers of Llama-7B and -70B with 1 to 8,192 tokens: cuBLASLt's int8 product alone, fp16, what
# q8-verify does, and bitsandbytes where PYTHON (python3) has torch with CUDA.  With two models also
# level 3 of q8-verify with 512 tokens, by the clock (goal for 7B: 60 s with reading).
set -u
layers=$1
verify=$2
here=$(cd "$(dirname "$0")" && pwd)
"$layers"
status=$?
[ $status = 0 ] || exit $status
"${PYTHON:-python3}" "$here/peer_bnb_cuda.py" || echo "gpu.sh: bitsandbytes was not measured"
if [ $# = 4 ]; then
    begin=$(date +%s.%N)
    "$verify" --device=cuda --tokens=512 "$3" "$4" # 1: a verdict
    [ $? -le 1 ] || exit 1
    echo "$begin $(date +%s.%N)" | awk '{ printf "level 3 with 512 tokens: %.1f s\n", $2 - $1 }'
else
    echo "gpu.sh: no models were given: q8-verify was not measured"
fi
