# what the sweep runs over, and the sweep: SWEEP is its program, SWEEP_AGENT its other half
. "$(dirname "$script")/../cli/tiny.sh"

low=model-00001-of-00002.safetensors
high=model-00002-of-00002.safetensors
bin=$(dirname "$Q8")
model m
echo '{"a": 1}' >m/tokenizer.json
mkdir m/sub
echo hello >m/sub/x.txt
mkdir s
echo "{$llama}" >s/config.json
weights s/$low $bottom
weights s/$high $top
index s '"total_size": 65536' "$(map $low $bottom)$(map $high $top)"
"$Q8" -q m q
"$Q8" -q --to=ct-w8a8 s c
"$Q8" -q --to=ct-w8a16 m old
layer=model.layers.0
weights acts.safetensors $layer.self_attn.q_proj:BF16:4,64 $layer.mlp.down_proj:BF16:3,64
(
    data() { # positive numbers
        head -c "$2" /dev/zero | tr '\0' '?'
    }
    weights absmax.safetensors $layer.mlp.down_proj:F32:64
)
cp "$DATA"/probe/rows*.npz .
mkdir n
echo "{$llama}" | sed 's/64/4/g' >n/config.json
weights n/model.safetensors $layer.self_attn.q_proj.weight:F16:4,4 $layer.self_attn.k_proj.weight:F16:4,4 \
    $layer.self_attn.v_proj.weight:F16:4,4 $layer.mlp.up_proj.weight:F16:4,4
"$Q8" -q n d
printf 'weights min-sqnr 10\nmatmul min-sqnr 0 model.layers.*\nmodel min-coverage 20\n' >thresholds.txt
printf 'skip model.layers.0.mlp.up_proj\nonly model.layers.*\nalso lm_head\n' >overrides.txt
"$bin/q8-verify" -q --activations=acts.safetensors --write-baseline=base.json m q || [ $? = 1 ]
LD_PRELOAD=$FAIL_IO Q8_KILL_AT=40 "$Q8" -q -j1 m stopped 2>/dev/null || true
[ -d stopped.partial ] || die "nothing to resume"
mkdir run
cd run
"$SWEEP" "$bin" "$SWEEP_AGENT" "${SWEEP_PART:-1}" "${SWEEP_SEED:-1}" ${SWEEP_SCENES:-}
