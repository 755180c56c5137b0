# every target converts the real model, with the sizes that the dry run said
for to in bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g32 ct-w8a16-g64 ct-w8a16-g128; do
    "$Q8" -q --sha256 --json=plan.json --dry-run --to=$to "$DATA/kjv-llama" out
    [ ! -e out ] && [ ! -e out.partial ] || die "a dry run wrote something"
    "$Q8" -q --sha256 --json=done.json --to=$to "$DATA/kjv-llama" out
    [ ! -e out.partial ] || die "the partial directory is left"
    sed -n '/"files"/,/]/p' plan.json | sed -n 's/.*"name": "\(.*\)",/\1/p; s/.*"bytes": \([0-9]*\).*/\1/p' |
        while read -r name && read -r bytes; do
            [ "$(stat -c %s "out/$name")" = "$bytes" ] || die "$to: the plan said $bytes bytes for $name"
            echo "$name"
        done | sort >said
    (cd out && find . -type f | sed 's|^\./||' | sort) | cmp - said || die "$to: other files than planned"
    (cd out && sha256sum --quiet -c SHA256SUMS) || die "SHA256SUMS is wrong"
    rm -r out
done

# all of config.json but the new member is as it was
"$Q8" -q "$DATA/kjv-llama" out
sed '/"quantization_config"/,$d' out/config.json | sed '$s/,$//' >head
head -c "$(stat -c %s head)" "$DATA/kjv-llama/config.json" | cmp - head || die "config.json changed"
cmp "$DATA/kjv-llama/tokenizer.json" out/tokenizer.json

# a bare file has no config, and the report says what one must say
"$Q8" "$DATA/kjv-llama/model.safetensors" bare >report 2>warning
cmp bare/model.safetensors out/model.safetensors || die "the bare file gives other bytes"
grep -q '"llm_int8_skip_modules"' report || die "the report shows no quantization_config"

# hub cache: snapshots/HASH/* are links to blobs
mkdir -p hub/blobs hub/snapshots/1
for file in "$DATA"/kjv-llama/*; do
    cp "$file" "hub/blobs/$(basename "$file").blob"
    ln -s "../../blobs/$(basename "$file").blob" "hub/snapshots/1/$(basename "$file")"
done
"$Q8" -q hub/snapshots/1 cached
same cached out

# sub-folders come along, weights in other formats do not
mkdir -p more/1_Pooling
cp "$DATA"/kjv-llama/* more
echo '{}' >more/1_Pooling/config.json
touch more/pytorch_model.bin more/model.onnx
"$Q8" --json more more-int8 >json
[ -f more-int8/1_Pooling/config.json ] || die "a sub-folder stayed behind"
[ ! -e more-int8/pytorch_model.bin ] || die "other weights came along"
grep -q '"pytorch_model.bin"' json || die "the report does not name what was left"

# outputs within the input are no part of it, whole or half-done
cp -r "$DATA/kjv-llama" home
"$Q8" -q home home/int8
mkdir home/other.partial
touch home/other.partial/q8-journal
"$Q8" -q --force home home/int8
same home/int8 out
"$Q8" -q home home/again
same home/again out

# links that lead nowhere matter only where something is to be read through them
cp -r "$DATA/kjv-llama" links
ln -s /nowhere/blob links/pytorch_model.bin
"$Q8" -q links links-int8
same links-int8 out

# a name that sha256sum escapes
cp -r "$DATA/kjv-llama" slash
echo 1 >'slash/back\slash.txt'
"$Q8" -q --sha256 slash slash-int8
(cd slash-int8 && sha256sum --quiet -c SHA256SUMS) || die "SHA256SUMS is wrong for a backslash"

# a report takes the place of another when it is complete; through a link, of what that leads to
ln -s far.json near.json
for size in 100000 1; do
    head -c $size /dev/zero >far.json
    "$Q8" -q --force --json=near.json "$DATA/tiny-llama-f32" reported
    [ -L near.json ] || die "the link has become a report"
    grep -q '"schema": "q8-convert/1"' far.json && [ "$(tail -n 1 far.json)" = "}" ] ||
        die "the link does not lead to the report"
done
"$Q8" -q --force --json=plain.json "$DATA/tiny-llama-f32" reported
"$Q8" -q --force --json=/dev/stdout "$DATA/tiny-llama-f32" reported >printed.json
grep -vE '"(seconds|bytes_per_second|disk_free_bytes|peak_memory_bytes)"' plain.json >plain
for file in far.json printed.json; do
    grep -vE '"(seconds|bytes_per_second|disk_free_bytes|peak_memory_bytes)"' $file | cmp plain - || die "$file differs"
done
rm -r reported

# --also takes the head in, --skip leaves a layer out, and the list says so
"$Q8" -q --also lm_head --skip 'model.layers.0.*' "$DATA/kjv-llama" chosen 2>err
! grep -q '"lm_head"' chosen/config.json || die "lm_head is int8 and listed as float"
grep -q '"model.layers.0"' chosen/config.json || die "a layer that is skipped is not listed"
