#!/bin/sh
# arches.sh Q8_VERIFY ARCH... - the binary holds machine code for each ARCH, and PTX of the last
#
# cuobjdump is looked for in PATH, in $CUOBJDUMP and in CUDA's usual place; it is also to be had as
# `pip install nvidia-cuda-cuobjdump`, in site-packages/nvidia/cu13/bin.
set -eu
binary=$1
shift
for tool in "${CUOBJDUMP:-cuobjdump}" /usr/local/cuda/bin/cuobjdump; do
    if command -v "$tool" >/dev/null; then
        break
    fi
    tool=
done
if [ -z "$tool" ]; then
    echo "arches.sh: SKIPPED: there is no cuobjdump (pip install nvidia-cuda-cuobjdump; CUOBJDUMP=)"
    exit 77
fi
list=$("$tool" --list-elf --list-ptx "$binary")
echo "$list"
for arch in "$@"; do
    echo "$list" | grep -q "\.sm_$arch\.cubin$" || { echo "no machine code for sm_$arch" >&2; exit 1; }
done
echo "$list" | grep -q "\.sm_$arch\.ptx$" || { echo "no PTX of sm_$arch" >&2; exit 1; }
[ "$(echo "$list" | grep -c '\.cubin$')" = $# ] || { echo "code for others too" >&2; exit 1; }
