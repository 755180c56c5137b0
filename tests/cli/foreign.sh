# checkpoints that another tool quantized or wrapped, or that are no model yet
. "$(dirname "$script")/tiny.sh"
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify
model plain
"$Q8" -q plain out
q=model.layers.0.self_attn.q_proj

# said by a file beside the weights, whose member is there and not null
while read -r file text; do
    cp -r plain marked
    echo "$text" >"marked/$file"
    expect 4 "$file says so" "$Q8" -q marked no
    expect 4 "$file says so" "$inspect" -q marked
    expect 4 "$file says so" "$verify" -q marked out
    expect 4 "$file says so" "$verify" -q plain marked
    [ ! -e no ] || die "something was written"
    rm -r marked
done <<END
hf_quant_config.json {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}
quantize_config.json {"bits": 4, "group_size": 128}
quant_config.json {"w_bit": 4}
quanto_qmap.json {"$q": {"weights": "qint8"}}
END
cp -r plain marked
echo '{"quantization": {"quant_algo": null, "kv_cache_quant_algo": "FP8"}}' >marked/hf_quant_config.json
echo '{}' >marked/quanto_qmap.json
echo 'no JSON' >marked/quantize_config.json
"$Q8" -q --dry-run marked no

# said by tensors alone, in a directory and in a file
model tensors $bottom $top $q.qweight:I32:8,64
expect 4 "'$q.qweight' (I32)" "$Q8" -q tensors no
expect 4 "'$q.qweight' (I32)" "$Q8" -q tensors/model.safetensors no
expect 4 "'$q.qweight' (I32)" "$inspect" -q tensors
expect 4 "'$q.qweight' (I32)" "$verify" -q tensors out

# names that an int8 output has: what is not refused must verify, whatever the type and the shape
for extra in $q.SCB:F32:64 x.SCB:F32:4 x.weight_scale:BF16:4 x.weight_packed:F32:4 $q.weight_zero_point:I8:64 \
    $q.weight_g_idx:I32:64 x.weight:I8:4 x.weight:I8: x.weight:I8:4,4 x.weight:I8:4,4,4 x.weight:U8:4,4 x.weight:U8:4 \
    SCB:F32:4 weight:I8:4,4 x.table:I8:4,4 x.bias:I8:4 $q.weight_shape:I64:2 x.weight_shape:I64:2 $q.scales:F16:64 \
    x.weight_format:U8:; do
    rm -rf odd odd-out
    model odd $bottom $top $extra
    for to in bnb-int8 ct-w8a8 ct-w8a16; do
        got=0
        "$Q8" -q --force --to=$to odd odd-out 2>err || got=$?
        [ $got = 0 ] || [ $got = 4 ] || die "$extra in $to: exit $got"
        if [ $got = 0 ]; then
            "$verify" -q odd odd-out || die "$extra in $to is carried and does not verify"
            "$inspect" -q --reference=odd odd-out || die "$extra in $to cannot be inspected"
        fi
    done
done

# outputs of q8-convert are read by the others, and here too: as the floats that they are worth
for to in bnb-int8 ct-w8a8 ct-w8a16; do
    "$Q8" -q --to=$to plain $to
    "$inspect" -q --reference=plain $to
    "$verify" -q plain $to
    "$inspect" -q $to/model.safetensors
    "$Q8" -q $to again
    "$verify" -q $to again
    "$Q8" -q $to/model.safetensors bare 2>/dev/null
    "$verify" -q $to/model.safetensors bare/model.safetensors
    rm -r again bare
done

# a quantization_config that says nothing gets its value where it stands
for empty in null '{}' '{ }'; do
    for to in bnb-int8 ct-w8a16; do
        cp -r plain cleared
        echo "{\"quantization_config\": $empty, $llama, \"x\": Infinity}" >cleared/config.json
        "$Q8" -q --to=$to cleared cleared-out
        [ "$(grep -c '"quantization_config"' cleared-out/config.json)" = 1 ] || die "the key is there twice"
        tail -c 18 cleared-out/config.json | grep -q '"x": Infinity}' || die "the rest has changed"
        "$verify" -q cleared cleared-out
        rm -r cleared cleared-out
    done
done

embed=model.embed_tokens.weight
# wrappers go off all names, those of the index too
for front in _orig_mod. module. module._orig_mod. base_model.model. _fsdp_wrapped_module. model.; do
    model wrapped $(for t in $bottom $top; do echo "$front$t"; done)
    "$Q8" -q wrapped wrapped-out 2>err
    grep -q "warning: .* left out" err || die "nothing is said of $front"
    cmp out/model.safetensors wrapped-out/model.safetensors || die "$front gives other bytes"
    "$verify" -q wrapped wrapped-out 2>/dev/null
    "$verify" -q plain wrapped-out 2>/dev/null && die "the manifest tells of another source" || true
    mv wrapped/model.safetensors wrapped/model-1.safetensors
    index wrapped '' "$(map model-1.safetensors $(for t in $bottom $top; do echo "$front$t"; done))"
    "$Q8" -q --force wrapped wrapped-out 2>err
    ! grep -q "no shard has" err || die "the index is not unwrapped: $(cat err)"
    cmp out/model.safetensors wrapped-out/model-1.safetensors || die "$front gives other bytes"
    ! grep -qF "\"$front$embed" wrapped-out/model.safetensors.index.json || die "$front is in the index"
    rm -r wrapped wrapped-out
done
model wrapped $(echo $bottom $top | sed 's/layers\.0\./layers.0._orig_mod./g')
"$Q8" -q wrapped wrapped-out 2>/dev/null
cmp out/model.safetensors wrapped-out/model.safetensors || die "a wrapper of a layer gives other bytes"

# not all names begin so; code of the model's own may say "module"
model some module.x.weight:BF16:64,64 $bottom $top
"$Q8" -q some some-out 2>err
! grep -q "left out" err || die "the start of one name was taken for a wrapper"
model own $(for t in $bottom $top; do echo "module.$t"; done)
echo '{"architectures": ["Own"], "auto_map": {"AutoModel": "own.Own"}}' >own/config.json
"$Q8" -q own own-out 2>err
! grep -q "left out" err || die "code of the model's own was passed over"

# adapters, beside the weights and alone
model lora $(echo $bottom $top | sed "s/$q.weight/$q.base_layer.weight/") \
    $q.lora_A.default.weight:BF16:8,64 $q.lora_B.default.weight:BF16:64,8
expect 4 "'$q.base_layer.weight' says so: merge first" "$Q8" -q lora no
model beside $bottom $top $q.lora_A.weight:BF16:8,64 $q.lora_B.weight:BF16:64,8
expect 4 "'$q.lora_A.weight' says so: merge first" "$Q8" -q beside no
weights adapter.safetensors base_model.model.$q.lora_A.weight:BF16:8,64 base_model.model.$q.lora_B.weight:BF16:64,8
expect 4 "is an adapter" "$Q8" -q adapter.safetensors no

# parts of weights
model zero3 $(echo $bottom $top | sed "s/$q.weight:BF16:64,64/$q.weight:BF16:0/")
expect 3 "tensor '$q.weight' is [0]" "$Q8" -q zero3 no
expect 3 "tensor '$q.weight' is [0]" "$inspect" -q zero3
model flat $(echo $bottom $top | sed "s/$q.weight:BF16:64,64/$q.weight:BF16:2048/")
expect 3 "tensor '$q.weight' is [2048]" "$Q8" -q flat no

# heads that the class does not have stay float, unless asked for, with a reason of their own
model trl $bottom $top v_head.summary.weight:BF16:64,64
"$Q8" trl trl-out >report
grep -q "4.10 K  stay as they are, 1 tensor: a value head" report || die "no reason: $(cat report)"
"$Q8" -q --also v_head.summary trl trl-also
grep -q '"v_head.summary"' trl-out/config.json && ! grep -q '"v_head.summary"' trl-also/config.json ||
    die "the list of float modules is wrong"

# a stored copy of the embedding is no head of its own, whoever says so: the class, a part, the root
tie() {
    mkdir -p tied
    echo "{$1}" >tied/config.json
    weights tied/model.safetensors $bottom $top
    for to in bnb-int8 ct-w8a16; do
        got=0
        "$Q8" -n -q --also lm_head --to=$to tied no 2>err || got=$?
        [ $got = $2 ] || die "exit $got, expected $2: $1 $(cat err)"
        [ $got = 0 ] || grep -q "tie_word_embeddings makes it the embedding" err || die "$(cat err)"
    done
}
tie '"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2"' 2
tie '"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3", "text_config": {"tie_word_embeddings": true}' 2
tie '"architectures": ["GraniteForCausalLM"], "model_type": "granite", "tie_word_embeddings": true' 2
tie '"architectures": ["GraniteForCausalLM"], "model_type": "granite"' 0
