# models in several files whose index is not quite true
. "$(dirname "$script")/tiny.sh"
low=model-00001-of-00002.safetensors
high=model-00002-of-00002.safetensors
embed=model.embed_tokens.weight:BF16:32,64
true_map="$(map $low $bottom)$(map $high $top)"
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify

# halves DIRECTORY : the Llama in two files, without an index
halves() {
    mkdir -p "$1"
    echo "{$llama}" >"$1/config.json"
    weights "$1/$low" $bottom
    weights "$1/$high" $top
}

# what else the index says of the whole stays; total_size is made anew
halves good
index good '"total_size": 1e5, "total_parameters": 12345, "by": {"a": [1, "x"]}' "$true_map"
"$Q8" -q good out 2>err
[ ! -s err ] || die "a good index is complained of: $(cat err)"
tr -d ' \n' <out/model.safetensors.index.json >text
grep -qE '^\{"metadata":\{"total_size":[0-9]+,"total_parameters":12345,"by":\{"a":\[1,"x"\]\}\}' text ||
    die "the metadata is not kept: $(cat text)"
"$verify" -q good out

# a line for a tensor that no shard has goes, and all three commands say so
cp -r good extra
index extra '' "$true_map, \"model.layers.0.self_attn.rotary_emb.inv_freq\": \"$low\""
expect 0 "names 1 tensor that no shard has, 'model.layers.0.self_attn.rotary_emb.inv_freq'" "$Q8" -q extra extra-out
! grep -q inv_freq extra-out/model.safetensors.index.json || die "the line is still there"
expect 0 "that no shard has" "$verify" -q extra extra-out
expect 0 "that no shard has" "$inspect" -q extra
cmp out/$low extra-out/$low

# a tensor elsewhere than the index says, for loaders do not ask it
cp -r good moved
index moved '' "$(map $high $embed)$(map $low ${bottom#* })$(map $high $top)"
expect 0 "is wrong about 1 tensor: 'model.embed_tokens.weight' for one should be in $high" "$Q8" -q moved moved-out
same_maps() {
    for dir; do
        sed '1,/weight_map/d' $dir/model.safetensors.index.json >map-$dir
    done
    cmp map-$1 map-$2 || die "$1 and $2 have other indexes"
}
same_maps out moved-out

# one tensor in both files: the same bytes count once, other ones where the index says
halves copies
index copies '' "$true_map"
weights copies/$high $top $embed
expect 0 "1 tensor in more than one shard, 'model.embed_tokens.weight'" "$Q8" -q copies copies-out
grep -qF "bytes are the same" err || die "not told to be the same"
same_maps out copies-out
cmp out/$high copies-out/$high || die "the copy is in the output"
weights copies/$high $top $embed:7
expect 0 "decides, and 'model.embed_tokens.weight' is that of $low, not of $high" "$Q8" -q --force copies copies-out
cmp out/$low copies-out/$low || die "the wrong copy was taken"
index copies '' "$(map $low ${bottom#* })$(map $high $top $embed)"
expect 0 "is that of $high, not of $low" "$Q8" -q --force copies copies-out
! cmp -s out/$high copies-out/$high || die "the wrong copy was taken"
weights copies/$high $top model.embed_tokens.weight:BF16:64,32
expect 0 "is that of $high, not of $low" "$Q8" -n -q copies copies-out2
index copies '' "$(map $low ${bottom#* })$(map $high $top)"
expect 3 "no index says which counts" "$Q8" -q copies copies-out2
expect 3 "no index says which counts" "$inspect" -q copies

# files in a folder: the output has them in one place
halves folder
mkdir -p folder/a/b
mv folder/$low folder/a
mv folder/$high folder/a/b
index folder '' "$(map a/$low $bottom)$(map a/b/$high $top)"
"$Q8" -q folder folder-out
"$verify" -q folder folder-out
same_maps out folder-out
cmp out/$high folder-out/$high
[ ! -e folder-out/a ] || die "the float weights came along"
ln -s "$PWD/folder/a/$low" link.safetensors
for name in "$PWD/folder/a/$low" ../good/$low a/../a/$low ./a/$low a//$low /$low a/ .hidden/$low; do
    index folder '' "$(map "$name" $bottom)$(map a/b/$high $top)"
    expect 3 "is not a name for a weight file" "$Q8" -q folder folder-out2
done
cp folder/a/$low folder/$low
index folder '' "$(map $low $embed)$(map a/$low ${bottom#* })$(map a/b/$high $top)"
expect 4 "two output files would be named" "$Q8" -q folder folder-out2

# a file that is not there
mv good/$high good/other.safetensors
expect 3 "names $high, but there is no such file" "$Q8" -q good out2
expect 3 "names $high, but there is no such file" "$inspect" -q good

# what cannot be looked at is not absent
ln -s $high good/$high
expect 5 "good/$high: Too many levels of symbolic links" "$Q8" -q good out2
expect 5 "good/$high: Too many levels of symbolic links" "$inspect" -q good
ln -s hf_quant_config.json extra/hf_quant_config.json
expect 5 "hf_quant_config.json: Too many levels of symbolic links" "$Q8" -q extra out2
ln -sf q8-manifest.json out/q8-manifest.json
expect 5 "q8-manifest.json: Too many levels of symbolic links" "$verify" -q folder out
