#!/bin/sh
# env.sh - make or complete the Python environments of the oracle suite, outside the tree
#
#   sh tests/oracle/env.sh           the judge itself: about 5.5 GB, 100 s the first time
#   sh tests/oracle/env.sh --peers   also vLLM's selection code and llm-compressor beside it
#
# Where: $Q8_ORACLE_ENV, or q8-oracle/env in the cache folder; the peers in the same path
# with "-peers" behind it.  Complete environments are left alone, so a second run is quick.
# Exit: 0 complete, 77 cannot be made (the reason is the last line).
set -u
here=$(cd "$(dirname "$0")" && pwd)
env=${Q8_ORACLE_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/q8-oracle/env}
peers=$env-peers
python=${PYTHON:-python3}

skip()
{
    echo "tests/oracle/env.sh: THE ORACLE SUITE IS SKIPPED: $*" >&2
    exit 77
}

# complete DIR LIST: DIR was filled from exactly this list
complete()
{
    [ -x "$1/bin/python" ] && cmp -s "$2" "$1/.q8-requirements"
}

fresh_venv()
{
    [ -x "$1/bin/python" ] || "$python" -m venv "$1" ||
        skip "no virtual environment at $1 (is python3-venv installed?)"
}

if ! complete "$env" "$here/requirements.txt"; then
    fresh_venv "$env"
    "$env/bin/pip" install -q -r "$here/requirements.txt" ||
        skip "pip could not install $here/requirements.txt (no network?)"
    cp "$here/requirements.txt" "$env/.q8-requirements"
fi

if [ "${1-}" = --peers ] && ! complete "$peers" "$here/requirements-peers.txt"; then
    fresh_venv "$peers"
    site=$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    own=$("$peers/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "$site" > "$own/q8-judge.pth"        # torch and transformers are not installed twice
    "$peers/bin/pip" install -q -r "$here/requirements-peers.txt" &&
        "$peers/bin/pip" install -q --no-deps vllm==0.33.0 llmcompressor==0.14.0.1 ||
        skip "pip could not install the peers (no network?)"
    cp "$here/requirements-peers.txt" "$peers/.q8-requirements"
fi
echo "$env"
