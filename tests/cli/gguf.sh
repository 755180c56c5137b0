# GGUF files: one, parts, in a folder; what becomes of names, config.json and what is refused
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify
good=$DATA/good

# a file becomes a model: the weights have their usual name, config.json is made of the keys
"$Q8" --to=ct-w8a8 "$good/llama.gguf" one >report 2>notes
[ "$(ls one | tr '\n' ' ')" = "config.json model.safetensors q8-manifest.json " ] || die "files: $(ls one)"
grep -q '"LlamaForCausalLM"' one/config.json && grep -q '"quantization_config"' one/config.json || die "config"
grep -q "its tokenizer stays there" notes || die "nothing is said of the tokenizer: $(cat notes)"
! grep -q "must get" report || die "there is a config: $(cat report)"
"$verify" -q "$good/llama.gguf" one || die "verify: exit $?"
"$inspect" "$good/llama.gguf" | grep -q 'layers.0.mlp.up_proj' || die "inspect"

# parts, any of them named, become as many files with an index; the tensors are the same
for part in 1 3; do
    "$Q8" -q --to=ct-w8a8 "$good/split-0000$part-of-00003.gguf" parts-$part 2>/dev/null
done
same parts-1 parts-3
[ -f parts-1/model-00003-of-00003.safetensors ] || die "parts: $(ls parts-1)"
grep -q '"lm_head.weight": "model-0000.-of-00003.safetensors"' parts-1/model.safetensors.index.json || die "index"
"$inspect" -q --diff one parts-1 || die "parts are another model"

# parts that are not all there, or are called what they are not
mkdir cut
cp "$good/split-00001-of-00003.gguf" "$good/split-00003-of-00003.gguf" cut
expect 3 "cut/split-00002-of-00003.gguf: the model has 3 parts" "$Q8" -n cut out
cp "$good/split-00003-of-00003.gguf" cut/split-00002-of-00003.gguf
expect 3 "is called part 2 of 3, but says that it is part 3 of 3" "$Q8" -n cut out
expect 3 "says that it is one of 3 parts, but its name is not" "$Q8" -n "$(cp cut/split-00001-of-00003.gguf cut.gguf && echo cut.gguf)" out

# a folder: its own config.json and tokenizer come along; one model alone; safetensors go first
mkdir folder
cp "$good/llama.gguf" folder
"$Q8" -q --to=ct-w8a8 folder made 2>/dev/null
cmp made/model.safetensors one/model.safetensors
sed '/"quantization_config"/,$d' one/config.json | sed '$s/,$/, "mine": 1}/' >folder/config.json
echo '{}' >folder/tokenizer.json
"$Q8" -q --to=ct-w8a8 folder with
[ -f with/tokenizer.json ] && grep -q '"mine": 1' with/config.json || die "what is beside: $(ls with)"
cmp with/model.safetensors one/model.safetensors
cp "$good/qwen3moe.gguf" folder
expect 4 "folder has 2 GGUF models" "$Q8" -n folder out
cp "$DATA/tiny-llama-bf16/model.safetensors" folder
"$inspect" --header folder | grep -q '^model.safetensors' || die "safetensors first"

# other architectures and blocks without floats are listed, and refused
expect 4 "the architecture 'mamba3' is not one that q8 knows: llama, qwen2" "$Q8" -n "$good/unknown.gguf" out
"$inspect" -q "$good/unknown.gguf" || die "inspect of an unknown architecture: exit $?"
"$inspect" --header "$good/blocks.gguf" | grep -q 'q4_k Q4_K' || die "header"
expect 4 "llama-quantize --allow-requantize IN OUT f16" "$Q8" -n "$good/blocks.gguf" out
expect 4 "llama-quantize --allow-requantize IN OUT f16" "$inspect" "$good/blocks.gguf"

# Q8_0 to groups of 32 keeps its codes
"$Q8" --to=ct-w8a16-g32 "$good/llama-q8_0.gguf" codes 2>/dev/null | grep -q "carried over" || die "carried"
"$verify" -q "$good/llama-q8_0.gguf" codes 2>/dev/null || die "verify of Q8_0: exit $?"

# an imatrix
"$inspect" --activations="$DATA/acts/imatrix.gguf" "$good/qwen3moe.gguf" | grep -q "root mean squares" || die "imatrix"
