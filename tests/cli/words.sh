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
for name in out err; do
    if [ "${Q8_WORDS-}" = new ]; then
        cp $name.txt "${DATA%/testdata}/tests/cli/words.$name"
    else
        diff "${DATA%/testdata}/tests/cli/words.$name" $name.txt >difference ||
            die "standard $name has changed: $(cat difference)"
    fi
done
