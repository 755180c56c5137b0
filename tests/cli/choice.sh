# which modules become int8 and which stay float, whatever the target

# nn.MultiheadAttention reads the weight of its out_proj itself, in code that no table knows too
make_model attention '{"model_type": "own", "architectures": ["OwnModel"]}' '{
    "a.in_proj_weight": {"dtype": "BF16", "shape": [96, 32], "data_offsets": [0, 6144]},
    "a.out_proj.weight": {"dtype": "BF16", "shape": [32, 32], "data_offsets": [6144, 8192]},
    "b.q_proj_weight": {"dtype": "BF16", "shape": [32, 32], "data_offsets": [8192, 10240]},
    "b.out_proj.weight": {"dtype": "BF16", "shape": [32, 32], "data_offsets": [10240, 12288]},
    "c.out_proj.weight": {"dtype": "BF16", "shape": [32, 32], "data_offsets": [12288, 14336]}}' 14336
for to in bnb-int8 ct-w8a8 ct-w8a16; do
    "$Q8" -q --json=r.json --to=$to attention out 2>err
    for module in a b; do
        grep -q "$module\.out_proj\.\(SCB\|weight_scale\)" out/q8-manifest.json &&
            die "$to: $module.out_proj is int8"
        grep -qF '"'$module'.out_proj"' out/config.json || die "$to: $module.out_proj is not listed"
    done
    grep -q "c\.out_proj\.\(SCB\|weight_scale\)" out/q8-manifest.json || die "$to: c is float"
    grep -q "nn.MultiheadAttention reads this weight itself" r.json || die "$to: no reason"
    rm -r out
done

# a hint names a target that would do; where none would, there is none
. "$(dirname "$script")/tiny.sh"
nothing() {
    folder=$1 hint=$2
    shift 2
    for to; do
        expect 4 "nothing would become int8 with --to=$to: " "$Q8" -q --to="$to" "$folder" no
        if [ -z "$hint" ]; then
            grep -q 'nor with any other target$' err || die "a hint that does not help: $(cat err)"
        else
            grep -q "; try --to=$hint\$" err || die "no hint, or another: $(cat err)"
            "$Q8" -q --to="$hint" "$folder" yes 2>/dev/null
            rm -r yes
        fi
    done
}
norm=transformer.ln_f.weight:BF16:64
mkdir conv1d experts wide float
echo '{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 64}' >conv1d/config.json
weights conv1d/model.safetensors transformer.h.0.attn.c_attn.weight:BF16:64,192 $norm
nothing conv1d bnb-int8 ct-w8a8 ct-w8a16
echo '{"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "num_local_experts": 1}' >experts/config.json
weights experts/model.safetensors model.layers.0.block_sparse_moe.experts.0.w1.weight:BF16:64,64 \
    model.norm.weight:BF16:64
nothing experts ct-w8a8 bnb-int8
echo "{$llama}" | tee wide/config.json >float/config.json
weights wide/model.safetensors model.layers.0.self_attn.q_proj.weight:BF16:64,48 model.norm.weight:BF16:64
nothing wide bnb-int8 ct-w8a16-g128
weights float/model.safetensors model.norm.weight:BF16:64 model.layers.0.self_attn.q_proj.weight:BF16:0,64
nothing float '' bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g32
