# --use: schemes of single modules, their config, and what is refused
model="$DATA/kjv-llama"

# one layer in groups: its bytes are those of the other target, the rest those of the main one
"$Q8" -q --to=ct-w8a16 "$model" rows
"$Q8" -q --to=ct-w8a16-g32 "$model" groups
"$Q8" -q -j 1 --to=ct-w8a16 --use 'ct-w8a16-g32=model.layers.3.*' "$model" mixed
digest() { # DIR NAME: of a tensor
    grep -A1 "\"name\": \"$2\"" "$1/q8-manifest.json" | sed -n 's/.*"xxh3_128": //p'
}
for part in weight_packed weight_scale weight_shape; do
    name=model.layers.3.mlp.down_proj.$part
    [ -n "$(digest mixed $name)" ] || die "no $name"
    [ "$(digest mixed $name)" = "$(digest groups $name)" ] || die "$name has not the other scheme"
    name=model.layers.2.mlp.down_proj.$part
    [ "$(digest mixed $name)" = "$(digest rows $name)" ] || die "$name has not the main scheme"
done
grep -q '"use": "model.layers.3.\*"' mixed/q8-manifest.json || die "the manifest lacks the pattern"
[ "$(grep -c '"target": "ct-w8a16-g32"' mixed/q8-manifest.json)" = 22 ] ||
    die "the manifest does not name the target of the pattern and of 21 tensors"

# the config: names in order, one format where all are packed; with one scheme it is as ever
sed -n '/"group_1"/,/]/p' mixed/config.json >group
[ "$(grep -c model.layers.3 group)" = 9 ] || die "group_1 does not list 7 modules and 2 fused ones: $(cat group)"
grep '"model' group | LC_ALL=C sort -c || die "the modules are in no order"
grep -q '"format": "pack-quantized",$' mixed/config.json || die "the format is another"
[ "$(grep -c '"format"' mixed/config.json)" = 1 ] || die "groups of one format name it"
"$Q8" -q --to=ct-w8a16 --use 'ct-w8a16=*' "$model" same
cmp same/config.json rows/config.json
cmp same/model.safetensors rows/model.safetensors

# any number of threads; formats that differ are named per group; the first pattern wins
cat >overrides <<END
use ct-w8a8 *.q_proj           # shadows the next
use ct-w8a16-g128 *.self_attn.*  # SQNR 38.1 dB
use ct-w8a8 *.mlp.up_proj
skip *.0.mlp.up_proj
END
for threads in 1 2 8; do
    "$Q8" -q -j $threads --to=ct-w8a16-g64 --overrides overrides "$model" many$threads 2>err
    same many1 many$threads
done
grep -q "as ct-w8a16-g128 and .* as ct-w8a8 .*: vLLM and SGLang fuse them into qkv_proj" err ||
    die "no warning that q and k differ: $(cat err)"
grep -q '"format": "mixed-precision"' many1/config.json || die "the formats are not called mixed"
[ "$(sed -n 's/.*"format": //p' many1/config.json | tr -d '\n')" = \
    '"pack-quantized","int-quantized","pack-quantized","mixed-precision",' ] ||
    die "the groups have other formats"

# the reports
"$Q8" --dry-run --json=plan.json --to=ct-w8a16 --use 'ct-w8a16-g32=*.o_proj' "$model" out >plan
[ "$(grep -c '^int8 .*o_proj .*  # ct-w8a16-g32$' plan)" = 4 ] || die "the plan names no target"
grep -q '262 K  of them as ct-w8a16-g32: 4 modules' plan || die "no sum of the target: $(cat plan)"
[ "$(grep -c '"target": "ct-w8a16-g32"' plan.json)" = 4 ] || die "the report names no target"

# what the format cannot do, and patterns that do nothing
rows() {
    "$Q8" -q --to=ct-w8a16 "$@"
}
expect 2 "--use wants a target, not 'ct-w8'; --to=list" rows --use 'ct-w8=*' "$model" out
expect 2 "--use 'x': use wants a target and a pattern" rows --use x "$model" out
for pair in 'ct-w8a16 bnb-int8' 'bnb-int8 ct-w8a16' 'bnb-int8 bnb-int8'; do
    expect 2 "the bitsandbytes format has one scheme for all modules; --skip" \
        "$Q8" -q --to="${pair% *}" --use "${pair#* }=*" "$model" out
done
expect 2 "matches no module; nearest" rows --use ct-w8a8=model.layers.9.mlp.up_proj "$model" out
expect 2 "'lm_head': every module that matches stays float" rows --use ct-w8a8=lm_head "$model" out
expect 2 "or an earlier pattern has it" rows --use 'ct-w8a8=*' --use ct-w8a16-g32=*.q_proj "$model" out
expect 2 "stays float" rows --use 'ct-w8a8=*.0.*' --skip '*.0.*' "$model" out
echo 'use ct-w8a99 *' >bad
expect 2 "bad:1 wants a target, not 'ct-w8a99'" rows --overrides bad "$model" out

# --use says how, not whether
"$Q8" -q --to=ct-w8a16 --use 'ct-w8a8=*' --also lm_head --skip '*.0.*' "$model" out
grep -q '"lm_head"' out/config.json || die "lm_head has no group"
sed '1,/"ignore"/d' out/config.json | grep -q '"model.layers.0.mlp.up_proj"' || die "not skipped"
rm -r out

# a run with another --use is not continued
LD_PRELOAD=$FAIL_IO Q8_KILL_AT=40 "$Q8" -q --to=ct-w8a16 --use 'ct-w8a16-g32=*.0.*' "$model" out \
    2>/dev/null || true
[ -d out.partial ] || die "nothing to resume"
expect 2 "changed since" rows --resume --use 'ct-w8a16-g64=*.0.*' "$model" out
expect 2 "changed since" rows --resume "$model" out
rows --resume --use 'ct-w8a16-g32=*.0.*' "$model" out
rows --use 'ct-w8a16-g32=*.0.*' "$model" want
same want out
rm -r out

# columns that the groups do not divide: refused by name, unless the module stays float anyway
make_model odd '{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}' '{
    "model.a.up_proj.weight": {"dtype": "BF16", "shape": [4, 40], "data_offsets": [0, 320]},
    "model.b.up_proj.weight": {"dtype": "BF16", "shape": [4, 64], "data_offsets": [320, 832]}}' 832
expect 2 "--use '*': model.a.up_proj cannot become int8 in ct-w8a16-g32: its columns" \
    rows --use 'ct-w8a16-g32=*' odd out
rows --use 'ct-w8a16-g32=*' --skip model.a.up_proj odd out
rm -r out
"$Q8" -q --to=ct-w8a16-g32 --use ct-w8a16=model.a.up_proj odd out # the other way it saves the module
grep -q '"model.a.up_proj"' out/config.json || die "model.a.up_proj is in no group"
rm -r out

# names that look like something else are names and nothing more: the config parses again
make_model marks '{"model_type": "llama", "architectures": ["LlamaModel"]}' '{
    "x.@format@.weight": {"dtype": "BF16", "shape": [4, 64], "data_offsets": [0, 512]},
    "x.@ignore@.weight": {"dtype": "BF16", "shape": [4, 64], "data_offsets": [512, 1024]},
    "x.\"@groups@%s\\.weight": {"dtype": "BF16", "shape": [4, 64], "data_offsets": [1024, 1536]},
    "y.weight": {"dtype": "BF16", "shape": [4, 64], "data_offsets": [1536, 2048]}}' 2048
rows --use 'ct-w8a16-g32=x.*' --skip 'x.@ignore@' marks out
for line in '          "x.@format@"' '      "x.@ignore@"' '          "x.\"@groups@%s\\",'; do
    grep -qxF "$line" out/config.json || die "no line $line in: $(cat out/config.json)"
done
"$Q8" -q out again 2>/dev/null
rm -r out again

# fused experts: one scheme for all slices of a tensor
make_model fused '{"model_type": "qwen3_vl_moe_text", "architectures": ["Qwen3VLMoeTextModel"]}' '{
    "m.experts.down_proj": {"dtype": "BF16", "shape": [2, 32, 32], "data_offsets": [0, 4096]},
    "m.experts.gate_up_proj": {"dtype": "BF16", "shape": [2, 64, 32],
                               "data_offsets": [4096, 12288]}}' 12288
"$Q8" -q --to=ct-w8a16 fused out 2>err
[ "$(sed -n 's/.*"name": "\(m[^"]*packed\)".*/\1/p' out/q8-manifest.json | wc -l)" = 6 ] ||
    die "the experts are not split"
rm -r out
for pattern in m.experts.down_proj 'm.experts.*.down_proj'; do
    "$Q8" -q --json=r.json --to=ct-w8a16 --use "ct-w8a16-g32=$pattern" fused out 2>err
    [ "$(grep -c '"target": "ct-w8a16-g32"' r.json)" = 2 ] || die "$pattern: not two slices"
    grep -q "m.experts.1.down_proj becomes int8 as ct-w8a16-g32" err || die "no warning: $(cat err)"
    rm -r out
done
rows --use 'ct-w8a16-g32=m.experts.*' fused out 2>err
sed -n '/"group_1"/,/]/s/ *"m/m/p' out/config.json >group
[ "$(wc -l <group)" = 6 ] || die "not all slices are in the group: $(cat group)"
LC_ALL=C sort -c group || die "the slices of two tensors are in no order"
rm -r out
expect 4 "more than one scheme" rows --use ct-w8a16-g32=m.experts.1.down_proj fused out
