# int8 to int8: where the target holds the same codes and scales, they are carried over
Q8_VERIFY=${Q8%/*}/q8-verify
for to in bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g128; do
    "$Q8" -q --to=$to "$DATA/kjv-llama" $to
done

# carried FROM TO OUT: all weights are, and q8-verify finds nothing
carried() {
    "$Q8" -j 3 --json=$3.json --to=$2 $1 $3 >text 2>err || die "$1 to $2: $(cat err)"
    [ ! -s err ] || die "$1 to $2 warns: $(cat err)"
    grep -q "of them carried over, 28 weights" text || die "$1 to $2: $(cat text)"
    grep -q '"weights_carried": 28' $3.json || die "$1 to $2: no weights_carried"
    grep -q '"weights_rounded_twice": 0' $3.json || die "$1 to $2: weights_rounded_twice"
    [ "$(grep -c '"carried": true' $3/q8-manifest.json)" -ge 28 ] || die "$1 to $2: the manifest"
    "$Q8_VERIFY" --level=weights $1 $3 >text || die "$1 to $2: $(cat text)"
    "$Q8" -q -j 1 --to=$2 $1 $3-alone
    same $3 $3-alone
}

carried ct-w8a8 ct-w8a16 packed # and the same as from the floats
cmp packed/model.safetensors ct-w8a16/model.safetensors || die "ct-w8a8 to ct-w8a16"
cmp packed/config.json ct-w8a16/config.json || die "config.json of ct-w8a8 to ct-w8a16"
carried packed ct-w8a8 back
cmp back/model.safetensors ct-w8a8/model.safetensors || die "ct-w8a16 to ct-w8a8"
carried bnb-int8 bnb-int8 bnb
cmp bnb/model.safetensors bnb-int8/model.safetensors || die "bnb-int8 to itself"
carried bnb-int8 ct-w8a8 steps
carried ct-w8a16-g128 ct-w8a16-g32 small

# Q8_0 of GGUF, whose rows of heads are in another order there
"$Q8" --to=ct-w8a16-g32 "$DATA/good/llama-q8_0.gguf" gguf >text 2>err
grep -q "of them carried over, 7 weights" text || die "$(cat text)"
"$Q8_VERIFY" --level=weights "$DATA/good/llama-q8_0.gguf" gguf >text || die "$(cat text)"
grep -q "inf dB, worst inf dB" text || die "Q8_0: $(cat text)"
"$Q8" --to=ct-w8a16-g64 "$DATA/good/llama-q8_0.gguf" gguf64 >text 2>err || true
! grep -q "carried over" text || die "$(cat text)"

# the dry run is exact, and says what is carried
"$Q8" -n --to=ct-w8a8 bnb-int8 none >text
[ "$(grep -c '# carried over' text)" = 28 ] || die "$(cat text)"
grep -q "file model.safetensors: $(wc -c <steps/model.safetensors) bytes" text || die "$(cat text)"

# a fault in one of them is found
cp -r steps broken
rm broken/q8-manifest.json
# a byte of the codes, which are behind the scales
printf '\125' | dd of=broken/model.safetensors bs=1 conv=notrunc status=none \
    seek=$(($(wc -c <broken/model.safetensors) - 100000))
if "$Q8_VERIFY" --level=weights bnb-int8 broken >text; then die "a fault passes"; fi
grep -q "^FAIL: 1 of 28 layers" text || die "$(cat text)"

# where the target has no place for the scales they are rounded, and it is said
"$Q8" --json=twice.json --to=bnb-int8 ct-w8a8 twice >text 2>err
grep -q "28 weights are quantized already (int8 with scales) and rounded a second time" err ||
    die "$(cat err)"
grep -qx "codes that moved: 3.57 K of the 2.75 M that were int8 in the input" text ||
    die "$(cat text)" # numpy counts 3,566
[ "$(awk -F: '/"codes_moved"/ { n += $2 } END { print n }' twice.json)" = 7132 ] ||
    die "codes_moved of the weights and of all"

# killed, then resumed
n=5
while [ $n -lt 300 ]; do
    rm -rf out out.partial mark
    LD_PRELOAD=$FAIL_IO Q8_KILL_AT=$n Q8_FAIL_MARK=$PWD/mark \
        "$Q8" -q -j 1 --no-sync --to=ct-w8a8 bnb-int8 out >/dev/null 2>&1 || true
    [ -e mark ] || break
    [ -e out ] || "$Q8" -q --resume --no-sync --to=ct-w8a8 bnb-int8 out 2>err || die "$n: $(cat err)"
    same steps out
    n=$((n + 37))
done
"$Q8" --resume --to=ct-w8a8 bnb-int8 steps >text
grep -q "nothing was written" text || die "$(cat text)"
