# standard output and standard error to the letter; words.out and words.err hold them
#
# What depends on the machine is replaced: memory, free disk, times and rates.  To take over a
# change that is meant: Q8_WORDS=new meson test -C build words, and read the difference.
cp -r "$DATA/kjv-llama" model
echo '{"a": 1}' >model/extra.json
touch model/pytorch_model.bin
say() {
    echo "\$ q8-convert $*" | tee -a out.txt >>err.txt
    got=0
    "$Q8" "$@" >stdout 2>stderr || got=$?
    sed -e 's/^memory: .*/memory: SIZE at most/' -e 's/needed, .* free/needed, SIZE free/' \
        -e 's/^time: .*/time: SECONDS, RATE/' stdout >>out.txt
    cat stderr >>err.txt
    echo "exit $got" >>out.txt
}
say --to=list
say --dry-run model out
say --skip 'model.layers.0.mlp.*' --also lm_head model out
say -q --to=ct-w8a16-g128 --skip model.layers.1.self_attn.q_proj model grouped
say model out
say -q --min-coverage=99.5 model other
say --only 're:.*\.(gate|up)_proj' --no-sqnr --sha256 model other
say -q --also embed_tokens model third
say -q --to=ct-w8a8 model/model.safetensors bare
# what stands beside the weights
cp -r model sides
mkdir sides/checkpoint-5 sides/best
cp sides/config.json sides/model.safetensors sides/best
ln -s . sides/latest
say -q sides sides-out
rm -r sides/checkpoint-5 sides/best sides/latest
ln -s /etc/hostname sides/host.json
ln -s ../../blobs/gone sides/merges.txt
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 700\n' >sides/tokenizer.json
say -q --force sides sides-out
# what people name instead of a model
export HOME="$PWD/home" HF_HUB_CACHE="cache"
mkdir -p empty gguf bin variant shards cache/models--org--m/snapshots/abc wrong many
printf 'GGUF\3\0\0\0' >gguf/m.gguf
printf 'PK\3\4' >bin/pytorch_model.bin
cp model/config.json bin
cp model/config.json variant
cp model/model.safetensors variant/model.fp16.safetensors
cp model/config.json shards
cp model/model.safetensors shards/model-00001-of-00002.safetensors
cp model/config.json wrong
cp -r model many/a
for input in nothing org/m meta-llama/Llama-3.2-1B https://huggingface.co/org/m cache/models--org--m cache \
    model/config.json gguf/m.gguf bin/pytorch_model.bin gguf bin variant shards empty many; do
    say "$input" no
done
for bytes in 'version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 700\n' '<!DOCTYPE html><html>' \
    '{"error": "gated"}' '\0\0\0\0\0\0\0\0\0\0' ''; do
    # shellcheck disable=SC2059
    printf "$bytes" >wrong/model.safetensors
    say wrong no
done
# shellcheck disable=SC2059
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 700\n' >wrong/config.json
say wrong no
for name in out err; do
    if [ "${Q8_WORDS-}" = new ]; then
        cp $name.txt "${DATA%/testdata}/tests/cli/words.$name"
    else
        diff "${DATA%/testdata}/tests/cli/words.$name" $name.txt >difference ||
            die "standard $name has changed: $(cat difference)"
    fi
done
