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
