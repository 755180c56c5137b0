#!/bin/sh
# replay.sh REPLAY FOLDER... - every file of the folders through a fuzz target, once
set -eu
replay=$1
shift
find "$@" -type f ! -name '*.txt' -o -type f -path '*/seeds/*' | sort | xargs "$replay"
