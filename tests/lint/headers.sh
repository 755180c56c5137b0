#!/bin/sh
# headers.sh ROOT - each header compiles by itself, those of the device but one as C too
set -u
cd "$1" || exit 1
status=0
for header in $(find src kernels formats tests -name '*.h' -o -name numbers.cuh -o -name lanes.cuh | sort); do
    ${CC:-gcc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -I . -fsyntax-only \
        -include "$header" -x c /dev/null || status=1
done
exit $status
