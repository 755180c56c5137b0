# --to=bf16, f16, f32 and safetensors: floats again, and the same tensors in other files
# sha FILE WORD: its SHA-256 is that of sha256.txt
sha() {
    set -- "$1" "$2" "$(sha256sum <"$1")"
    grep -qx "$2 ${3%% *}" "$DATA/tiny-fp8/sha256.txt" || die "$1 is not what transformers makes of it"
}

cp -r "$DATA/tiny-fp8" model
for to in bf16 f16 f32; do
    case $to in bf16) word=bfloat16 ;; f16) word=float16 ;; f32) word=float32 ;; esac
    "$Q8" -j 3 --to=$to model $to >text || die "--to=$to"
    sha $to/model.safetensors $to
    # of the config nothing but the two members
    sed "s/\"dtype\": \"bfloat16\"/\"dtype\": \"$word\"/; /\"quantization_config\"/,/^  },/d" \
        model/config.json >config.json
    diff config.json $to/config.json || die "config.json of $to"
    [ ! -e $to/hf_quant_config.json ] || die "what the weights were quantized by came along"
    "$Q8" -q -j 1 --to=$to model $to-alone
    same $to $to-alone
done
grep -q "in 7 tensors dequantized to F32: FP8 in blocks" text || die "$(cat text)"
grep -q "in 4 tensors widened to F32: BF16" text || die "$(cat text)"
grep -q "left behind: hf_quant_config.json (it tells how the weights were quantized)" text ||
    die "$(cat text)"

# the dry run is exact
"$Q8" -n --json --to=f16 model none >plan.json
[ ! -e none ] || die "a dry run wrote something"
total=$(sed -n 's/.*"output_bytes": \([0-9]*\),/\1/p' plan.json)
# shellcheck disable=SC2012
[ "$total" = "$(find f16 -type f -exec cat {} + | wc -c)" ] || die "$total bytes were planned"
grep -q '"action": "float"' plan.json && grep -q '"action": "cast"' plan.json || die "no actions"
grep -q '"quantization_config": null' plan.json || die "a quantization_config"

# there and back: floats of floats are what they were, and bfloat16 survives in f32
"$Q8" -q --to=bf16 f32 back
same bf16/model.safetensors back/model.safetensors
"$Q8" -q --to=bf16 bf16 once-more
same bf16/model.safetensors once-more/model.safetensors

# byte for byte
"$Q8" --to=safetensors model moved >text
cmp model/model.safetensors moved/model.safetensors || die "other bytes"
cmp model/config.json moved/config.json || die "another config.json"
cmp model/hf_quant_config.json moved/hf_quant_config.json || die "another hf_quant_config.json"
grep -q "in 18 tensors as they are" text || die "$(cat text)"

# from GGUF: floats, in one rounding; its blocks are nothing for safetensors
"$Q8" --to=bf16 "$DATA/good/llama-q8_0.gguf" gguf >text 2>err || die "$(cat err)"
grep -q "in 9 tensors dequantized to BF16: Q8_0" text || die "$(cat text)"
expect 4 "is Q8_0 of GGUF, for which safetensors has no type: --to=f32 makes floats of it" \
    "$Q8" --to=safetensors "$DATA/good/llama-q8_0.gguf" none

# from PyTorch's files, there and back
"$Q8" -q --to=safetensors "$DATA/torch/llama.bin" torch
"$Q8" -q --to=f32 "$DATA/torch/llama.bin" torch32

# what F16 cannot hold is an error with its place, and no infinity
make_model wide '{}' '{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}' 8
printf '\0\044\164\111' | dd of=wide/model.safetensors bs=1 conv=notrunc status=none \
    seek=$(($(wc -c <wide/model.safetensors) - 4))
expect 3 "model.safetensors: tensor 'a': row 0, column 1: 1000000 is beyond F16, which ends at 65504" \
    "$Q8" --to=f16 wide none
[ ! -e none ] && [ ! -e none.partial ] || die "something is left of what failed"
"$Q8" -q --to=bf16 wide wide16

# killed at any point, then resumed
n=5
while [ $n -lt 200 ]; do
    rm -rf out out.partial mark
    LD_PRELOAD=$FAIL_IO Q8_KILL_AT=$n Q8_FAIL_MARK=$PWD/mark \
        "$Q8" -q -j 1 --no-sync --to=f16 model out >/dev/null 2>&1 || true
    [ -e mark ] || break
    [ -e out ] || "$Q8" -q --resume --no-sync --to=f16 model out 2>err || die "resume at $n: $(cat err)"
    same f16 out
    n=$((n + 9))
done
"$Q8" --resume --to=f16 model f16 >text
grep -q "nothing was written" text || die "$(cat text)"

# what chooses int8 modules has no place here
for option in --skip=x --only=x --also=x --vision=int8 --min-coverage=50 --use=ct-w8a16-g32=x; do
    expect 2 "${option%%=*} says which modules become int8, and --to=f32 makes none int8" \
        "$Q8" --to=f32 $option model none
done
expect 2 "--use: bf16 makes nothing int8; --skip leaves a layer float" "$Q8" --to=ct-w8a16 --use=bf16=x model none

# int8 from it: nothing of the old quantization is left
sed 's/"vocab_size"/"text_config": {"quantization_config": {"quant_method": "fp8"}, "a": 1}, &/' \
    model/config.json >nested.json
mv nested.json model/config.json
"$Q8" --json=int8.json --to=ct-w8a16 model int8 >text 2>err
grep -q "7 weights are quantized already (FP8 in blocks) and rounded a second time" err || die "$(cat err)"
"$Q8" -q -n --to=ct-w8a16 --skip='*.q_proj' model none 2>err
grep -q "1 weight is quantized already and becomes floats, 2.00 KiB for 1.00 KiB of codes, such as .*q_proj" err ||
    die "$(cat err)"
grep -q "7.68 K  of them rounded twice, 7 weights: FP8 in blocks" text || die "$(cat text)"
grep -q "SQNR of all int8 weights: .* dB, against the stored values" text || die "$(cat text)"
grep -q '"quantized_by": "FP8 in blocks"' int8.json || die "quantized_by"
grep -q '"weights_rounded_twice": 7' int8.json || die "weights_rounded_twice"
if grep -q fp8 int8/config.json; then die "quantization_config of the source is left"; fi
grep -q '"text_config": { "a": 1}, "vocab_size": 40' int8/config.json || die "$(cat int8/config.json)"
[ ! -e int8/hf_quant_config.json ] || die "what the weights were quantized by came along"

# scales may lie in a file of their own, of which nothing is left then
quantized='"quantization_config":{"quant_method":"fp8","weight_block_size":[2,2]}'
make_model part "{\"model_type\":\"llama\",$quantized}" \
    '{"a.q_proj.weight":{"dtype":"F8_E4M3","shape":[4,4],"data_offsets":[0,16]}}' 16
make_model rest '{}' \
    '{"a.q_proj.weight_scale_inv":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}' 16
mv part/model.safetensors part/model-00001-of-00002.safetensors
mv rest/model.safetensors part/model-00002-of-00002.safetensors
cat >part/model.safetensors.index.json <<JSON
{"metadata": {}, "weight_map": {
  "a.q_proj.weight": "model-00001-of-00002.safetensors",
  "a.q_proj.weight_scale_inv": "model-00002-of-00002.safetensors"}}
JSON
"$Q8" -q --to=bf16 part whole
[ "$(cd whole && echo model*)" = "model-00001-of-00002.safetensors model.safetensors.index.json" ] ||
    die "$(ls whole)"
grep -q 00002-of-00002 whole/model.safetensors.index.json && die "the index names a file too many"
true
