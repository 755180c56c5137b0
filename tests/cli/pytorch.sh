# checkpoints of PyTorch become what the same weights in safetensors become
torch=$DATA/torch
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify
mkdir plain
cp "$DATA"/tiny-llama-bf16/*[ns] plain
"$Q8" -q plain want

# one file, with a matrix that lies there turned
mkdir m
cp plain/config.json m
cp "$torch/llama.bin" m/pytorch_model.bin
"$Q8" -q m got
cmp want/model.safetensors got/model.safetensors
cmp want/config.json got/config.json
[ "$(ls got)" = "$(ls want)" ] || die "it has $(ls got)"
"$verify" -q m got
"$inspect" --header m >header
"$inspect" --diff m plain >diff

# shards of the format before torch 1.6
mkdir old
cp plain/config.json "$torch"/pytorch_model* old
"$Q8" -q old old-got
for file in model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json; do
    [ -e old-got/$file ] || die "no $file, but $(ls old-got)"
done
grep -q '"lm_head.weight": "model-00001-of-00002.safetensors"' old-got/model.safetensors.index.json
[ ! -e old-got/pytorch_model.bin.index.json ] || die "the old index came along"
"$verify" -q old old-got

# tied weights are written once, under the name that the class ties to, and the other is noted
mkdir tied
cp "$DATA/tiny-gpt2/config.json" tied
cp "$torch/gpt2.pth" tied/pytorch_model.bin
"$Q8" tied tied-got >/dev/null 2>err
grep -qF "'lm_head.weight' as 'transformer.wte.weight'" err || die "no note: $(cat err)"
grep -qF "pytorch_model.bin: its tensors are those under ['state_dict']" err || die "no note: $(cat err)"
head -c 2000 tied-got/model.safetensors | grep -qF '"lm_head.weight":"transformer.wte.weight"' || die "no metadata"
head -c 3000 tied-got/model.safetensors | grep -qF '"lm_head.weight":{' && die "it is there twice"
"$verify" -q tied tied-got
# but a config that does not tie means it
sed -i 's/"tie_word_embeddings": true/"tie_word_embeddings": false/' tied/config.json
"$Q8" -q tied untied-got
head -c 3000 untied-got/model.safetensors | grep -qF '"lm_head.weight":{' || die "the head is missing"

# one storage under many names: those alike once, every other view in full
"$Q8" -q --to=safetensors "$DATA/good/torch-views.bin" views 2>/dev/null
header() { head -c 4000 views/torch-views.safetensors | grep -aqF "$1"; }
header '"tied":"plain"' && header '"tied_view":"plain"' || die "the metadata do not say what is tied"
header '"flat":{' && header '"transposed":{' && header '"offset":{' || die "a view is missing"
header '"tied":{' && die "it is there twice"

# named directly; safetensors win in a directory
"$Q8" -q "$torch/gpt2.pth" bare
[ -e bare/gpt2.safetensors ] || die "bare: $(ls bare)"
cp plain/model.safetensors m
printf broken >m/pytorch_model.bin
"$Q8" -q m both
same want both

# activation statistics
"$inspect" -q --csv=want.csv --activations="$torch/acts.safetensors" want
"$inspect" -q --csv=got.csv --activations="$torch/acts.pt" want
cmp want.csv got.csv

# what is none
expect 4 "posix-system.bin: member 'archive/data.pkl': byte 10: GLOBAL posix system: not among the names" \
    "$Q8" -q "$DATA/bad/torch-posix-system.bin" no
expect 4 "GLOBAL transformers.training_args TrainingArguments: the arguments of a training run and no model" \
    "$Q8" -q "$DATA/bad/torch-training-args.bin" no
expect 4 "it is the state of an optimizer and no model: name the file of the weights" \
    "$Q8" -q "$DATA/bad/torch-optimizer.bin" no
expect 4 "its dequantize()" "$Q8" -q "$DATA/bad/torch-quantized.bin" no
expect 3 "it is cut short" "$Q8" -q "$DATA/bad/torch-legacy-cut.bin" no
[ ! -e no ] || die "something was written"
