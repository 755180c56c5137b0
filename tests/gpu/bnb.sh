#!/bin/sh
# bnb.sh CHECKCUDA - bitsandbytes' own CUDA path against q8's, where torch sees a GPU
set -u
check=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$check" --dump "$work"
status=$?
if [ $status != 0 ]; then
    exit $status
fi
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, bitsandbytes, os, sys
sys.exit(os.environ.get("Q8_GPU") != "cpu" and not torch.cuda.is_available())'; then
    echo "bnb.sh: SKIPPED: $python has no torch with CUDA and bitsandbytes (PYTHON= names another)"
    exit 77
fi
exec "$python" "$here/judge_bnb.py" "$work"
