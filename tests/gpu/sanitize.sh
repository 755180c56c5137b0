#!/bin/sh
# sanitize.sh TOOL CHECKCUDA - runs the check under memcheck, racecheck or synccheck of compute-sanitizer
#
# Kernels of q8 alone are looked into: each takes a type whose name begins with q8_, which is part of
# its mangled name.  cuBLASLt's would take hours, and what they show is NVIDIA's.
set -u
tool=$1
check=$2
"$check" --few 1 >/dev/null
if [ $? = 77 ]; then
    echo "sanitize.sh: SKIPPED: no CUDA device"
    exit 77
fi
for sanitizer in compute-sanitizer /usr/local/cuda/bin/compute-sanitizer; do
    if command -v "$sanitizer" >/dev/null; then
        exec "$sanitizer" --tool "$tool" --kernel-regex kns=q8_ --error-exitcode 9 "$check" --few 1
    fi
done
echo "sanitize.sh: SKIPPED: there is no compute-sanitizer"
exit 77
