#!/bin/sh
# mutants.sh SOURCE BUILD [EVERY] - plants the faults of mutants.txt, and says which checkcuda notices
#
# Each is built in a folder of its own from the objects of BUILD, and run with up to six orders of
# threads and streams.  With EVERY only each EVERY-th is.  Fails where one survives.
set -eu
source=$1
build=$2/tests/cuda_cpu
every=${3:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-O1 -ffp-contract=off -fno-math-errno -D_GNU_SOURCE -DQ8_CUDA -I $work -I $source"
archives=$(find "$2/src" "$2/kernels" -name 'lib*.a' ! -name 'libq8cuda.a')

# plant FILE EXPRESSION: builds $work/check
plant()
{
    rm -rf "$work"/*
    mkdir -p "$work/$(dirname "$1")" "$work/kernels/cuda" "$work/objects"
    cp "$source"/kernels/cuda/* "$work/kernels/cuda/"
    sed -z "$2" "$source/$1" >"$work/$1"
    if cmp -s "$work/$1" "$source/$1"; then
        echo "mutants.sh: this changes nothing in $1: $2"
        exit 1
    fi
    find "$build/checkcuda_cpu.p" "$build/libcuda_cpu.a.p" -name '*.o' -exec cp {} "$work/objects/" \;
    case $1 in
    *.c) ${CC:-cc} -std=c11 $flags -c "$work/$1" -o "$work/objects/.._.._$(echo "$1" | tr / _).o" ;;
    *)
        awk -v root="$work" -f "$source/tests/cuda_cpu/launches.awk" "$work/kernels/cuda/all.cu" >"$work/all.cpp"
        ${CXX:-c++} -std=c++17 -fno-exceptions -fno-rtti -w $flags -I "$source/tests/cuda_cpu" \
            -c "$work/all.cpp" -o "$work/objects/meson-generated_.._all.cpp.o"
        ;;
    esac
    # the archives have the engine as well: what is in objects comes first
    ${CXX:-c++} $(find "$work/objects" -name '*.o') -Wl,--start-group $archives -Wl,--end-group -lcjson -lxxhash \
        -lcrypto -lz -lm -lpthread -ldl -o "$work/check"
}

# The first order in which it is noticed; empty: none.  A run that does not end counts as well.
notice()
{
    for seed in 1 2 3 4 5 6; do
        status=0
        CUDA_CPU_SEED=$seed timeout 600 "$work/check" "$seed" --few >"$work/out" 2>&1 || status=$?
        [ $status != 124 ] || echo "no end in 600 s" >>"$work/out"
        [ $status != 0 ] || continue
        echo "$seed"
        return
    done
}

number=0 noticed=0 survived=0
while IFS= read -r line; do
    case $line in '#'* | '') continue ;; esac
    number=$((number + 1))
    [ $((number % every)) = 0 ] || continue
    what=${line##* :: }
    file=${line%% :: *}
    expression=${line#* :: }
    plant "$file" "${expression% :: *}"
    seed=$(notice)
    if [ "$seed" ]; then
        noticed=$((noticed + 1))
        echo "$file: $what: noticed with seed $seed: $(grep -v ^seed "$work/out" | head -1 | cut -c1-80)"
    else
        survived=$((survived + 1))
        echo "$file: $what: SURVIVES"
    fi
done <"$source/tests/cuda_cpu/mutants.txt"
echo "$noticed of $((noticed + survived)) faults noticed"
[ $survived = 0 ] && [ $noticed -gt 0 ]
