# what is refused, with which exit status and words
expect 2 "wants INPUT and OUTPUT" "$Q8"
expect 2 "--to wants a target" "$Q8" --to=int3 a b
expect 2 "--threads wants a number from 1 to 256, not 'x'" "$Q8" -j x a b
expect 5 "No such file" "$Q8" nothing out
expect 2 "nearest" "$Q8" --skip model.layers.0.mlp.up "$DATA/kjv-llama" out
expect 2 "did you mean 'model.layers.0.*'" "$Q8" --skip model.layers.0 "$DATA/kjv-llama" out
expect 2 "unterminated subpattern at position 5" "$Q8" --skip 're:lm_he(ad' "$DATA/kjv-llama" out
expect 2 "no [:classes:]" "$Q8" --skip 're:[[:alpha:]]*' "$DATA/kjv-llama" out
expect 6 "takes too many steps" "$Q8" --skip 're:((.|..)*)*[-+]' "$DATA/kjv-llama" out
printf 'skip re:%0200000d\n' 0 | tr 0 '(' >deep
expect 2 "longer than 16384 bytes" "$Q8" --overrides deep "$DATA/kjv-llama" out
expect 2 "did you mean 90?" "$Q8" --min-coverage=0.9 "$DATA/kjv-llama" out
expect 2 "cannot become int8" "$Q8" --also model.embed_tokens "$DATA/kjv-llama" out
expect 1 "--min-coverage wants" "$Q8" --min-coverage 99 "$DATA/kjv-llama" out
expect 4 "the patterns leave nothing" "$Q8" --skip '*' "$DATA/kjv-llama" out
mkdir empty
expect 3 "no config.json" "$Q8" empty out
echo '{}' >empty/config.json
expect 4 "neither model.safetensors" "$Q8" empty out

# an existing output, and one that q8 did not write
mkdir out
echo precious >out/thesis.txt
expect 2 "--force" "$Q8" "$DATA/kjv-llama" out
expect 2 "was not written by q8-convert" "$Q8" --force "$DATA/kjv-llama" out
[ "$(cat out/thesis.txt)" = precious ] || die "it is gone"
rm -r out

# a model whose config.json says what its weights are not
cp -r "$DATA/kjv-llama" said
sed -i 's/{/{"quantization_config": {"quant_method": "fp8"},/' said/config.json
expect 4 "quantization_config in config.json says so" "$Q8" said again
rm -r said
"$Q8" -q "$DATA/kjv-llama" out
"$Q8" -q --force "$DATA/kjv-llama" out

# NaN and overflow name tensor, row and the way out
cp -r "$DATA/kjv-llama" bad
end=$(stat -c %s bad/model.safetensors)
printf '\377\177' | dd of=bad/model.safetensors bs=1 seek=$((end - 700000)) conv=notrunc status=none
expect 3 "--skip 'model.layers." "$Q8" -q bad out2
grep -q NaN err || die "no NaN in: $(cat err)"
[ ! -e out2 ] && [ ! -e out2.partial ] || die "a refused input left something behind"

# an input that the output would take the place of
cp -r "$DATA/kjv-llama" nest
cp -r nest nest2
. "$(dirname "$script")/tiny.sh"
model nest2/sub
"$Q8" -q nest2 kept
expect 2 "which the output takes the place of" "$Q8" --force kept/sub kept
expect 2 "which the output takes the place of" "$Q8" --force kept/sub/model.safetensors kept
mkdir linked
ln -s ../kept/sub/model.safetensors ../kept/sub/config.json linked
expect 2 "which the output takes the place of" "$Q8" --force linked kept
expect 2 "which the output takes the place of" "$Q8" --force --json=kept/r.json nest kept
expect 2 "whose files come along" "$Q8" --json=nest/config.json nest kept2
[ -f kept/sub/model.safetensors ] || die "an input is gone"
ln -s kept link
expect 2 "was not written by q8-convert" "$Q8" --force nest link

# a tied head is the embedding, which stays float; names from config.json are made safe
sed -i 's/"tie_word_embeddings": false/"tie_word_embeddings": true/' nest/config.json
expect 2 "tie_word_embeddings" "$Q8" --also lm_head nest out2
sed -i 's/"model_type": "llama"/"model_type": "\\u001b[31m"/' nest/config.json
"$Q8" -q nest out2 2>err
! grep -q "$(printf '\033')" err || die "a control character reached the terminal"
rm -r out2

# malformed files
head -c 1000000 "$DATA/kjv-llama/model.safetensors" >bad/model.safetensors
expect 3 "cut short" "$Q8" -q bad out2
rm bad/model.safetensors
for name in ../x.safetensors q8-manifest.json q8-journal .safetensors 'a\u001b.safetensors'; do
    printf '{"weight_map": {"a": "%s"}}' "$name" >bad/model.safetensors.index.json
    expect 3 "is not a name for a weight file" "$Q8" -q bad out2
    ! grep -q "$(printf '\033')" err || die "a control character reached the terminal"
done

# a second run on the same output, while the first lives
mkdir held.partial
flock held.partial sleep 5 &
while flock -n held.partial true; do
    sleep 0.01
done
expect 7 "another run" "$Q8" "$DATA/kjv-llama" held
kill $! 2>/dev/null || true

# a report that could not be written is found before the work, and an old one stays until then
expect 5 "cannot write nodir/r.json" "$Q8" --json=nodir/r.json "$DATA/kjv-llama" out3
[ ! -e out3 ] || die "the work was done before --json was looked at"
echo old >r.json
expect 2 "nearest" "$Q8" --json=r.json --skip model.layers.0.mlp.up "$DATA/kjv-llama" out3
grep -q old r.json || die "a failed run overwrote the last report"
expect 2 "nearest: lm_head" "$Q8" --json=new.json --skip head "$DATA/kjv-llama" out3
[ ! -e new.json ] || die "a failed run left an empty report"

# a config.json that is JSON but no object
cp -r "$DATA/kjv-llama" odd
for text in '"}"' '[{"model_type": "llama"}]' null; do
    echo "$text" >odd/config.json
    expect 3 "expected a JSON object" "$Q8" -q odd out3
done
