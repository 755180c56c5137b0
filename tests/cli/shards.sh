# more shards than files may be open: all three commands work, and give the same as with enough
. "$(dirname "$script")/tiny.sh"
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify
count=70

# a layer's worth of tensors in so many files, and one more for the rest
mkdir many
echo "{$llama}" | sed "s/\"num_hidden_layers\": 1/\"num_hidden_layers\": 99/" >many/config.json
map=
for i in $(seq $count); do
    shard=$(printf 'model-%05d-of-%05d.safetensors' $i $count)
    weight=model.layers.$i.mlp.up_proj.weight
    weights many/$shard $weight:BF16:8,64:$i
    map="$map${map:+, }\"$weight\": \"$shard\""
done
echo "{\"weight_map\": {$map}}" >many/model.safetensors.index.json

"$Q8" -q many want
"$inspect" --json=want.json many >want.txt
"$verify" --json=want-verify.json many want >want-verify.txt
for limit in 64 32; do
    (
        ulimit -n $limit
        "$Q8" -q many out-$limit
        "$inspect" --json=$limit.json many >$limit.txt
        "$inspect" -q --reference=many out-$limit
        "$inspect" --diff many many >/dev/null
        "$verify" many want >$limit-verify.txt
    ) || die "with $limit files: exit $?"
    same want out-$limit
    cmp want.json $limit.json
    cmp want.txt $limit.txt
    cmp want-verify.txt $limit-verify.txt
done

# where not even that is enough, it says what to do
expect 6 "Too many open files (ulimit -n raises the limit)" sh -c "ulimit -n 5; exec '$Q8' -q many none"
