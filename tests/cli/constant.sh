# weights of zeros, or of one constant, are what a broken download left: all three tools name them
. "$(dirname "$script")/tiny.sh"
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify
up=model.layers.0.mlp.up_proj
said="are all zero or one constant ('lm_head', '$up'): was the file downloaded whole?"

# fill FILE TENSOR BYTES OCTAL... : as many bytes of the tensor become these, again and again
fill() {
    length=$(od -An -tu8 -N8 "$1")
    start=$(head -c $((8 + length)) "$1" | tail -c +9 |
        sed 's/.*"'"$2"'":{[^[]*\[[^]]*\],"data_offsets":\[\([0-9]*\),.*/\1/')
    for i in $(seq $(($3 / 2))); do
        printf "$4"
    done | dd of="$1" bs=1 seek=$((8 + length + start)) conv=notrunc 2>/dev/null
}

model whole
"$Q8" -q whole whole-int8 2>err
[ ! -s err ] || die "a whole model is complained of: $(cat err)"

# one that becomes int8 of zeros, a head that is carried over of 0.5
cp -r whole half
fill half/model.safetensors $up.weight 8192 '\0\0'
fill half/model.safetensors lm_head.weight 4096 '\0\077'
# norms may be so: all ones, as they begin
fill half/model.safetensors model.norm.weight 128 '\200\077'
expect 0 "q8-convert: warning: 2 weights $said" "$Q8" -q --json=convert.json half out
[ "$(grep -c '"constant": true' convert.json)" = 2 ] || die "the JSON does not mark two"
grep -q '"weights_constant": 2' convert.json || die "the JSON does not count two"

"$inspect" --json=inspect.json --csv=inspect.csv half >text
grep -qF "2 weights $said (=)" text || die "q8-inspect says: $(cat text)"
[ "$(grep -cE "^=(.*mlp.up_proj|lm_head) " text)" = 2 ] || die "not marked: $(cat text)"
[ "$(grep -c '"constant": 1' inspect.json)" = 2 ] || die "the JSON of q8-inspect does not mark two"
grep -q '"weights_constant": 2' inspect.json || die "the JSON of q8-inspect does not count two"
"$inspect" out >text # the int8 of it, too
grep -qF "2 weights $said (=)" text || die "q8-inspect says of the output: $(cat text)"

"$verify" half out >text
[ "$(grep -c '^note .*zero or one constant in the reference' text)" = 2 ] ||
    die "q8-verify says: $(cat text)"

# what an interrupted run found is not forgotten
Q8_FAIL_CALL=fsync Q8_FAIL_AT=3 Q8_FAIL_ERRNO=EIO LD_PRELOAD="$FAIL_IO" "$Q8" -q half again 2>err &&
    die "it was not interrupted"
[ -d again.partial ] || die "nothing is left to resume: $(cat err)"
expect 0 "2 weights $said" "$Q8" -q --resume half again
