#!/bin/sh
# replay.sh FUZZ_PARSE TESTDATA - every file of bad/ and good/ through the fuzz target, once
exec "$1" "$2"/bad/*.safetensors "$2"/bad/*.npz "$2"/good/*.safetensors "$2"/good/*.npz
