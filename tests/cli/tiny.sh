# tiny.sh - tiny models for the scripts of this folder, which source it

# data NUMBER BYTES : as many bytes of a real model's weights, others for each number
data() {
    tail -c $((1000000 - $1 * 10000)) "$DATA/kjv-llama/model.safetensors" | head -c "$2"
}

# weights FILE NAME:DTYPE:SHAPE[:NUMBER]... : a safetensors file ("2,3" is a shape, "" a scalar)
weights() {
    file=$1
    header=
    at=0
    shift
    : >data
    for tensor; do
        name=${tensor%%:*} rest=${tensor#*:}
        dtype=${rest%%:*} shape=${rest#*:} number=0
        case $shape in
        *:*) number=${shape#*:} shape=${shape%%:*} ;;
        esac
        bytes=1
        for dim in $(echo "$shape" | tr , ' '); do
            bytes=$((bytes * dim))
        done
        case $dtype in
        F32 | I32 | U32) bytes=$((bytes * 4)) ;;
        BF16 | F16) bytes=$((bytes * 2)) ;;
        I64) bytes=$((bytes * 8)) ;;
        esac
        data $number $bytes >>data
        header="$header,\"$name\":{\"dtype\":\"$dtype\",\"shape\":[$shape],\"data_offsets\":[$at,$((at + bytes))]}"
        at=$((at + bytes))
    done
    header="{${header#,}}"
    printf "\\$(printf %03o $((${#header} % 256)))\\$(printf %03o $((${#header} / 256)))\\0\\0\\0\\0\\0\\0" >"$file"
    printf %s "$header" >>"$file"
    cat data >>"$file"
    rm data
}

# the tensors of a Llama of one layer, as `weights` takes them, in two halves
bottom="model.embed_tokens.weight:BF16:32,64 model.layers.0.input_layernorm.weight:BF16:64
model.layers.0.self_attn.q_proj.weight:BF16:64,64 model.layers.0.self_attn.k_proj.weight:BF16:64,64
model.layers.0.self_attn.v_proj.weight:BF16:64,64 model.layers.0.self_attn.o_proj.weight:BF16:64,64"
top="model.layers.0.post_attention_layernorm.weight:BF16:64
model.layers.0.mlp.gate_proj.weight:BF16:64,64 model.layers.0.mlp.up_proj.weight:BF16:64,64
model.layers.0.mlp.down_proj.weight:BF16:64,64 model.norm.weight:BF16:64 lm_head.weight:BF16:32,64"
llama='"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
"intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4,
"vocab_size": 32, "tie_word_embeddings": false, "torch_dtype": "bfloat16"'

# model DIRECTORY [TENSOR...] : config.json and those tensors, or those of the Llama
model() {
    folder=$1
    shift
    mkdir -p "$folder"
    echo "{$llama}" >"$folder/config.json"
    [ $# -gt 0 ] || set -- $bottom $top
    weights "$folder/model.safetensors" "$@"
}

# map FILE TENSOR... : lines of a weight_map that say the tensors are in that file
map() {
    file=$1
    shift
    for tensor; do
        printf ', "%s": "%s"' "${tensor%%:*}" "$file"
    done
}

# index DIRECTORY METADATA LINES : model.safetensors.index.json; LINES as map prints them
index() {
    printf '{"metadata": {%s}, "weight_map": {%s}}\n' "$2" "${3#, }" >"$1/model.safetensors.index.json"
}
