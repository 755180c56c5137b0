#!/bin/sh
# sanitize.sh TOOL CHECKCUDA - runs the check under a tool of compute-sanitizer (memcheck, racecheck)
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
        exec "$sanitizer" --tool "$tool" --error-exitcode 9 "$check" --few 1
    fi
done
echo "sanitize.sh: SKIPPED: there is no compute-sanitizer"
exit 77
