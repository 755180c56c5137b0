#!/bin/sh
# format.sh ROOT - the C files are as clang-format writes them with the .clang-format of the tree
#
# Each version breaks a few lines elsewhere, so only the one named in .clang-format judges.
set -eu
cd "$1"
wanted=$(sed -n '1s/.*clang-format \([0-9]*\).*/\1/p' .clang-format)

for tool in "clang-format-$wanted" clang-format; do
    if "$tool" --version 2>/dev/null | grep -q "version $wanted\."; then
        find src kernels formats tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort |
            xargs "$tool" --style=file --dry-run -Werror || exit 1
        exit 0
    fi
done
echo "format.sh: SKIPPED: clang-format $wanted is not installed" >&2
exit 77
