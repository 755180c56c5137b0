#!/bin/sh
# replay.sh REPLAY FOLDER... - every file of the folders through a fuzz target, once
#
# A seed whose model is not found would try nothing, and pass.
set -eu
replay=$1
shift
said=$(find "$@" -type f ! -name '*.txt' -o -type f -path '*/seeds/*' | sort |
    REPLAY_NAMES=1 xargs "$replay" 2>&1) || { echo "$said"; exit 1; }
! echo "$said" | grep -a -B 1 "No such file" || exit 1
echo "$said" | tail -n 1
