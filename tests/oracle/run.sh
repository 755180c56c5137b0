#!/bin/sh
# run.sh Q8_CONVERT [PART...] - the outside judge in its environment; 77 when that cannot be made
here=$(cd "$(dirname "$0")" && pwd)
env=$(sh "$here/env.sh") || exit
PYTHONDONTWRITEBYTECODE=1 exec "$env/bin/python" "$here/run.py" "$@"
