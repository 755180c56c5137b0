#!/bin/sh
# run.sh - runs the outside judge in its environment; never makes one (env.sh does)
#
#   run.sh Q8_CONVERT [PART...] [OPTION...]      see run.py
#
# Exit 77, which Meson shows as SKIP, when the environment is not there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
env=${Q8_ORACLE_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-oracle/env}

if ! [ -x "$env/bin/python" ] || ! cmp -s "$here/requirements.txt" "$env/.q8-requirements"; then
    echo "tests/oracle/run.sh: THE ORACLE SUITE IS SKIPPED: no complete environment at $env;" \
         "make it with: sh tests/oracle/env.sh --peers" >&2
    exit 77
fi
exec "$env/bin/python" "$here/run.py" "$@"
