# the same bytes for any number of threads and any instruction set
for to in bnb-int8 ct-w8a8 ct-w8a16-g32; do
    rm -rf want
    "$Q8" -q -j 1 --to=$to "$DATA/kjv-llama" want
    for isa in ref avx2 avx512; do
        for threads in 1 2 8; do
            Q8_ISA=$isa "$Q8" -q -j $threads --to=$to --no-sync "$DATA/kjv-llama" got
            same want got
            rm -r got
        done
    done
done
