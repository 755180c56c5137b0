# what stands beside the weights and in sub-folders, and directories that are no model
. "$(dirname "$script")/tiny.sh"
model plain
"$Q8" -q plain out

# come along: what a loader may need, whatever it ends in; an index goes with its shards
cp -r plain more
mkdir -p more/2_Dense more/draft
data 0 5000 >more/spk_dict.pt
data 1 5000 >more/2_Dense/pytorch_model.bin
echo '{"in_features": 64}' >more/2_Dense/config.json
weights more/adapter.eng.safetensors lm_head.weight:BF16:16,64
sed 's/"num_hidden_layers": 1/"num_hidden_layers": 2/' plain/config.json >more/draft/config.json
weights more/draft/model-1-of-1.safetensors $bottom
index more/draft '' "$(map model-1-of-1.safetensors $bottom)"
(cd more && find . -type f | grep -v '^./model\|^./config' | sort) >want
# stay, and nobody misses them: the same weights in other forms
mkdir more/onnx more/.cache
touch more/onnx/model.onnx more/.cache/x more/pytorch_model-00001-of-00002.bin more/pytorch_model.bin.index.json \
    more/tf_model.h5 more/flax_model.msgpack more/rust_model.ot more/llama-Q4.gguf more/consolidated.00.pth \
    more/model.onnx more/model.safetensors.index.json
weights more/model.fp16.safetensors $bottom
weights more/model-00001-of-00002.safetensors $top
"$Q8" -q more more-out 2>err
[ ! -s err ] || die "warned of known duplicates: $(cat err)"
(cd more-out && find . -type f | grep -v '^./model\|^./config\|q8-manifest' | sort) | diff want - ||
    die "other files came along"
cmp out/model.safetensors more-out/model.safetensors
while read -r name; do
    cmp "more/$name" "more-out/$name" || die "$name has changed"
done <want

# stay, and that is said even with -q: each of them, with its reason
left() {
    expect 0 "left behind: $1" "$Q8" -q --force left left-out
    [ ! -e "left-out/${1%% *}" ] || die "${1%% *} came along"
    cmp out/model.safetensors left-out/model.safetensors
    rm -r left
    cp -r plain left
}
cp -r plain left
for folder in checkpoint-500 global_step200 original; do
    cp -r plain left/$folder
    left "$folder (a "
    mkdir left/$folder
    cp plain/model.safetensors left/$folder
    left "$folder (a "
done
weights left/model-00002-of-00002.safetensors some.other.weight:BF16:64,64
left "model-00002-of-00002.safetensors (a weight file that the model does not name)"
touch left/optimizer.pt
left "optimizer.pt (a state of the training run)"
echo '{"base_model_name_or_path": "other"}' >left/adapter_config.json
left "adapter_config.json (an adapter"
ln -s . left/latest
left "latest (a link to a folder that it is in)"
ln -s ../../blobs/gone left/tokenizer.json
left "tokenizer.json (a link that leads nowhere)"
for n in 1 2 3 4 5; do
    mkdir left/checkpoint-$n
done
expect 0 "checkpoint-3 (a state of the training run), and more" "$Q8" -q --force left left-out

rm -r left
cp -r plain left
# the model once more: a config of its class and size, and weights; or all its weights alone
for weights in model.safetensors pytorch_model.bin pytorch_model.bin.index.json; do
    mkdir -p left/runs/best
    sed 's/"bfloat16"/"float32"/' plain/config.json >left/runs/best/config.json
    touch left/runs/best/$weights
    left "runs/best (the model once more, with weights and a config of its own)"
done
mkdir left/fp16
cp plain/model.safetensors left/fp16
left "fp16/model.safetensors (a duplicate of the weights)"

# comes along, and is said not to be what a loader needs: what stands in the place of a file
cp -r plain stub
mkdir stub/2_Dense
pointer='version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 700\n'
# shellcheck disable=SC2059
printf "$pointer" | tee stub/tokenizer.json >stub/2_Dense/pytorch_model.bin
expect 0 "warning: not what a loader needs: 2_Dense/pytorch_model.bin (a Git LFS pointer), tokenizer.json (a Git LFS pointer): \`git lfs pull\`" \
    "$Q8" -q stub stub-out
cmp stub/tokenizer.json stub-out/tokenizer.json
"${Q8%convert}verify" stub stub-out >report || die "a pointer that came along fails"
[ "$(grep -c '^note .*\(tokenizer.json\|2_Dense/pytorch_model.bin\): it is a Git LFS pointer' report)" = 2 ] ||
    die "no note of the pointers: $(cat report)"
for text in '<!DOCTYPE html><p>log in' ''; do
    echo "$text" | tr -d '\n' >stub/tokenizer.json
    rm -f stub/2_Dense/*
    expect 0 "not what a loader needs: tokenizer.json (" "$Q8" -q --force stub stub-out
done
rm stub/tokenizer.json
echo '<html>' >stub/page.html
touch stub/__init__.py stub/empty.txt
"$Q8" -q --force stub stub-out 2>err
[ ! -s err ] || die "warned of files that are what they are: $(cat err)"

# no model, and one line that says what it is and what to name
mkdir adapter pipe pipe/text_encoder pipe/unet st
weights adapter/adapter_model.safetensors x.lora_A.weight:BF16:8,64
echo '{"peft_type": "LORA", "base_model_name_or_path": "org/base"}' >adapter/adapter_config.json
expect 4 "is an adapter (LORA) of the model 'org/base': merge it" "$Q8" -q adapter no
cp plain/config.json adapter
expect 4 "is an adapter (LORA) of the model 'org/base': merge it" "$Q8" -q adapter no
expect 4 "is an adapter (LORA)" "${Q8%convert}inspect" -q adapter
cp plain/* pipe/text_encoder
echo '{"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.31.0"}' >pipe/unet/config.json
weights pipe/unet/diffusion_pytorch_model.safetensors up.to_q.weight:BF16:64,64
cat >pipe/model_index.json <<END
{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.31.0", "../x": ["a", "b"],
 "text_encoder": ["transformers", "CLIPTextModel"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": [null, null]}
END
expect 4 "(StableDiffusionPipeline), several models in one directory: name one of them, such as text_encoder/ or unet/diffusion_pytorch_model.safetensors" \
    "$Q8" -q pipe no
"$Q8" -q pipe/text_encoder no
"$Q8" -q pipe/unet/diffusion_pytorch_model.safetensors no2 2>/dev/null
expect 4 "pipe/unet/diffusion_pytorch_model.safetensors, to choose" "$Q8" -q pipe/unet no
cp -r plain st/0_Transformer
mkdir st/1_Pooling
echo '{}' >st/1_Pooling/config.json
cat >st/modules.json <<END
[{"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
 {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
END
expect 4 "sentence-transformers whose model is in 0_Transformer: name st/0_Transformer" "$Q8" -q st no
echo '[]' >pipe/model_index.json
expect 4 "is a pipeline of diffusers" "$Q8" -q pipe no
