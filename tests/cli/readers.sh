# what the runtimes that read an output build float stays float: towers, draft layers, heads
. "$(dirname "$script")/tiny.sh"
inspect=${Q8%convert}inspect

plan() { # OPTION... MODEL : the plan, words of the modules that become int8 in `int8`
    "$Q8" --dry-run "$@" out >plan 2>err || die "no plan of $*: $(cat err)"
    sed -n 's/^int8  *\([^ ]*\) .*/\1/p' plan >int8
}

# a Llama with a tower and a projector, as llava's files name them
llava='"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
"text_config": {"model_type": "llama", "num_hidden_layers": 1, "vocab_size": 32, "tie_word_embeddings": false},
"vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 1}'
seen=$(for tensor in $bottom $top; do echo "language_model.$tensor"; done)
model llava $seen vision_tower.vision_model.encoder.layers.0.self_attn.out_proj.weight:BF16:64,64 \
    multi_modal_projector.linear_1.weight:BF16:64,64
echo "{$llava}" >llava/config.json
plan --to=ct-w8a8 llava
[ "$(wc -l <int8)" = 7 ] || die "not the language model alone: $(cat int8)"
grep -q 'out_proj.weight .*  # part of what sees or hears, float unless --vision=int8$' plan || die "no reason: $(cat plan)"
grep -q 'linear_1.weight .*  # between a tower and the language model' plan || die "no reason: $(cat plan)"
plan --to=ct-w8a8 --vision=int8 llava
grep -q vision_tower int8 || die "--vision=int8 takes no tower in"
! grep -q linear_1 int8 || die "SGLang builds llava's projector float"
grep -q 'linear_1.weight .*  # SGLang builds it float$' plan || die "no reason: $(cat plan)"
plan --to=bnb-int8 llava
[ "$(wc -l <int8)" = 9 ] || die "transformers builds all of it in int8: $(cat int8)"
plan --to=bnb-int8 --vision=float llava
[ "$(wc -l <int8)" = 7 ] || die "--vision=float leaves the tower in: $(cat int8)"
expect 2 "--vision wants int8 or float, not 'maybe'" "$Q8" --vision=maybe llava out
"$inspect" -q --to=ct-w8a8 --min-sqnr=120 --suggest=cures llava
[ "$(grep -c '^skip' cures)" = 7 ] || die "q8-inspect chooses otherwise: $(cat cures)"

# by a pattern it is the user's choice, with a warning
expect 0 "linear_1 becomes int8 (1 such module), but SGLang 0.5.23 builds it float and does not load" \
    "$Q8" --dry-run --to=ct-w8a8 --also '*.linear_1' llava out

# draft layers, by number and by name; the report counts them
model draft $bottom $top model.layers.1.self_attn.q_proj.weight:BF16:64,64 model.layers.1.eh_proj.weight:BF16:64,64 \
    mtp.fc.weight:BF16:64,64
for to in bnb-int8 ct-w8a8 ct-w8a16; do
    plan --to=$to draft
    [ "$(wc -l <int8)" = 7 ] || die "$to: a draft layer is int8: $(cat int8)"
    grep -q '^draft layers (MTP): kept, 3 tensors$' plan || die "$to: the drafts are not counted"
done
"$Q8" -q --to=ct-w8a8 --json=draft.json draft out-draft
grep -q '"tensors_draft": 3' draft.json || die "the report does not count them"
grep -q '"model.layers.1.eh_proj"' out-draft/config.json || die "a draft layer is not ignored"
model lost
echo "{$llama, \"num_nextn_predict_layers\": 1}" >lost/config.json
plan --to=ct-w8a8 lost
grep -q '^draft layers (MTP): absent, though config.json counts 1$' plan || die "the loss is not named"

# a head and an embedding by the names that reach vLLM's classes
"$Q8" -q --to=ct-w8a16 --also lm_head lost out-head
grep -q '"targets": \["Linear", "re:.\*lm_head\$"\]' out-head/config.json || die "the head is no target"
! grep -q '"lm_head"' out-head/config.json || die "the head is ignored"
"$Q8" -q --to=ct-w8a16 lost out-plain
grep -q '"targets": \["Linear"\]' out-plain/config.json || die "a head that is float is a target"
expect 0 "model.embed_tokens becomes int8 (1 such module), but transformers 5.23 builds it float" \
    "$Q8" -q --to=ct-w8a16 --also model.embed_tokens lost out-embed
grep -q '"targets": \["Linear", "re:.\*embed_tokens\$"\]' out-embed/config.json || die "the embedding is no target"
expect 2 "cannot become int8 in ct-w8a8: an embedding is looked up" \
    "$Q8" -n --to=ct-w8a8 --also model.embed_tokens lost out
expect 2 "cannot become int8 in bnb-int8: an embedding is looked up" "$Q8" -n --also model.embed_tokens lost out
sed 's/"tie_word_embeddings": false/"tie_word_embeddings": true/' <lost/config.json >c && mv c lost/config.json
expect 2 "tie_word_embeddings makes the head of it" "$Q8" -n --to=ct-w8a16 --also model.embed_tokens lost out
sed 's/Llama/Mixtral/; s/llama/mixtral/; s/true/false/' <lost/config.json >c && mv c lost/config.json
expect 2 "vLLM builds the embedding of this class float" "$Q8" -n --to=ct-w8a16 --also model.embed_tokens lost out

# a class that neither has a file for
sed 's/Mixtral/Nobody/; s/mixtral/nobody/' <lost/config.json >c && mv c lost/config.json
expect 0 "neither vLLM 0.33.0 nor SGLang 0.5.23 has a model file for 'NobodyForCausalLM' that q8 knows" \
    "$Q8" -n --to=ct-w8a16 lost out
"$Q8" -n lost out 2>err >plan
! grep -q 'vLLM' err || die "bnb-int8 is not vLLM's: $(cat err)"
