#!/bin/sh
# mutate.sh CHECKCUDA Q8_CONVERT - the oracle's planted faults (tests/oracle/mutate.py) on the GPU
#
# The oracle runs the q8-verify that lies beside q8-convert; here that is one which multiplies on
# the GPU, and sees what the caller sees (the oracle hides GPUs from its own libraries).
set -u
check=$1
convert=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
verify=$(dirname "$convert")/q8-verify
oracle=$(cd "$(dirname "$0")/../oracle" && pwd)
device=${Q8_GPU:-cuda}
see="unset CUDA_VISIBLE_DEVICES"
if [ "${CUDA_VISIBLE_DEVICES+set}" ]; then
    see="export CUDA_VISIBLE_DEVICES='$CUDA_VISIBLE_DEVICES'"
fi
"$check" --few 1 >/dev/null
if [ $? = 77 ] && [ "$device" = cuda ]; then
    echo "mutate.sh: SKIPPED: no CUDA device"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/src/q8-convert" <<END
#!/bin/sh
exec '$convert' "\$@"
END
cat >"$work/src/q8-verify" <<END
#!/bin/sh
$see
device=--device=$device
for option; do
    case \$option in --level=matmul) ;; --level=* | --help | --version) device= ;; esac
done
exec '$verify' \$device "\$@"
END
chmod +x "$work/src/q8-convert" "$work/src/q8-verify"
sh "$oracle/run.sh" "$work/src/q8-convert" mutate
