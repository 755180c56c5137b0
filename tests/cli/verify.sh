# q8-verify: what passes, what fails and says why, the gate, the baseline, the reports
VERIFY=$(dirname "$Q8")/q8-verify
ACTS=$DATA/acts/kjv-llama.safetensors
LC_ALL=C
export LC_ALL
cp -r "$DATA/kjv-llama" model
for target in bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g32 ct-w8a16-g64 ct-w8a16-g128; do
    "$Q8" -q --to=$target model $target
done

# fails PHRASE COMMAND... : exit 1, FAIL and the phrase on standard output, nothing on the other
fails() {
    phrase=$1
    shift
    got=0
    "$@" >stdout 2>err || got=$?
    [ $got = 1 ] || die "exit $got, expected 1: $* ($(cat err))"
    grep -q FAIL stdout && grep -qF -- "$phrase" stdout || die "'$phrase' is not in: $(cat stdout)"
    ! grep -v '% \|^q8-verify: [a-z]* ' err | grep -q . || die "on standard error: $(cat err)"
}

# poke FILE OFFSET BYTE : writes one byte, octal
poke() {
    printf "\\$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# begin FILE TENSOR : where the tensor's data begin
begin() {
    head=$(od -An -N8 -tu8 "$1" | tr -d ' ')
    at=$(dd if="$1" bs=1 skip=8 count="$head" status=none | tr '{' '\n' |
        grep -A1 -F "\"$2\":" | tail -n 1 | sed -n 's/.*"data_offsets":\[\([0-9]*\),.*/\1/p')
    echo $((8 + head + at))
}

# the six targets pass with the defaults, quietly when asked
for target in bnb-int8 ct-w8a8 ct-w8a16 ct-w8a16-g32 ct-w8a16-g64 ct-w8a16-g128; do
    "$VERIFY" model $target >text || die "$target: $(cat text)"
    grep -q PASS text || die "$target: no PASS"
    [ "$(awk 'length > 80' text | wc -l)" = 0 ] || die "$target: a line of more than 80 columns"
done
[ -z "$("$VERIFY" -q model bnb-int8 2>&1)" ] || die "-q is not quiet"

# the four commands of the README
"$VERIFY" model bnb-int8 --write-baseline base.json >/dev/null
"$VERIFY" model bnb-int8 --min-sqnr 20 --max-drop 0.5 --baseline base.json --junit out.xml >/dev/null
"$VERIFY" model bnb-int8 --activations "$ACTS" --json report.json --html page.html >/dev/null
grep -q '"activations": "captured"' report.json || die "no captured activations in the report"
grep -q '<testcase' out.xml && grep -qi '<!doctype html>' page.html || die "reports"

# outlier features: without the decomposition the layers that they feed lose many dB, with it none
sqnr() { # THRESHOLD : mean SQNR of the products of q, k, v, gate, up with captured activations
    "$VERIFY" --json model bnb-int8 --activations "$ACTS" --threshold "$1" |
        awk '/"name": / { fed = /(q|k|v|gate|up)_proj"/ } /"matmul": \{/ { in_matmul = 1 }
             in_matmul && /"sqnr_db": / { gsub(/[",]/, ""); if (fed) { sum += $2; n++ } in_matmul = 0 }
             END { printf "%d\n", sum / n }'
}
[ $(($(sqnr 6) - $(sqnr 0))) -ge 10 ] || die "decomposition: $(sqnr 0) dB without, $(sqnr 6) dB with"

# the same bytes for any threads and instruction set
for way in '1 ref' '2 avx2' '3 avx512' '8 amx'; do
    set -- $way
    Q8_ISA=$2 "$VERIFY" -q -j "$1" --json=json-$1 --junit=junit-$1 --html=html-$1 \
        --write-baseline=base-$1 model bnb-int8 || die "with $way"
    for form in json junit html base; do
        cmp -s $form-1 $form-$1 || die "$form differs with $way"
    done
done
"$VERIFY" --json model bnb-int8 >json-out
cmp -s json-1 json-out || die "--json to standard output is not --json=FILE"

# one bit of one code: the layer, the row and the column
cp -r bnb-int8 flipped
rm flipped/q8-manifest.json
at=$(begin flipped/model.safetensors model.layers.1.mlp.up_proj.weight)
old=$(od -An -tu1 -j $((at + 3 * 256 + 7)) -N1 flipped/model.safetensors | tr -d ' ')
poke flipped/model.safetensors $((at + 3 * 256 + 7)) "$(printf %o $((old ^ 64)))"
fails 'code [3, 7] is' "$VERIFY" --json=flipped.json --junit=flipped.xml --html=flipped.html \
    --write-baseline=no.json model flipped
grep -q 'model.layers.1.mlp.up_proj' stdout || die "not the layer: $(cat stdout)"
grep -q '"kind": "byte-flip"' flipped.json && grep -q '<failure' flipped.xml || die "no failure"
[ ! -e no.json ] || die "a run that failed was written as a baseline"
cp -r bnb-int8 digest
poke digest/model.safetensors $((at + 3 * 256 + 7)) "$(printf %o $((old ^ 64)))"
fails 'manifest' "$VERIFY" model digest

# thresholds: options, a file with patterns, the worst five
fails '(--min-sqnr)' "$VERIFY" model bnb-int8 --min-sqnr weights:60
[ "$(grep -c '(--min-sqnr)' stdout)" = 5 ] || die "not five offenders: $(cat stdout)"
printf '# for CI\nweights min-sqnr 60 model.layers.0.*\nmodel min-coverage 90\n' >thresholds.txt
fails 'thresholds.txt:2' "$VERIFY" model bnb-int8 --thresholds thresholds.txt
"$VERIFY" -q model bnb-int8 --min-coverage 90 || die "coverage of 91 %"
fails 'min-coverage' "$VERIFY" model bnb-int8 --min-coverage 95
printf 'weights min-sqnr 60 no.such.layer\n' >nothing.txt
expect 2 'nothing.txt:1' "$VERIFY" -q model bnb-int8 --thresholds nothing.txt
expect 2 '--min-sqnr' "$VERIFY" -q model bnb-int8 --min-sqnr loud

# an earlier run: worse by more than --max-drop, other settings, another model
"$VERIFY" -q model ct-w8a16-g32 --level=weights --write-baseline=g32.json
fails 'drop' "$VERIFY" model ct-w8a16 --level=weights --baseline=g32.json
"$VERIFY" -q model ct-w8a16 --level=weights --baseline=g32.json --max-drop=4 || die "a drop of 3 dB"
expect 2 'seed=1' "$VERIFY" -q model bnb-int8 --baseline base.json --seed=2
cp -r "$DATA/tiny-llama-bf16" tiny
"$Q8" -q tiny tiny-int8
expect 2 'base.json' "$VERIFY" -q tiny tiny-int8 --baseline base.json
expect 3 'json-1' "$VERIFY" -q model bnb-int8 --baseline json-1

# what is no pair
expect 2 'is not an int8 model' "$VERIFY" -q bnb-int8 model
expect 2 'is not an int8 model' "$VERIFY" -q model model
expect 2 'QUANTIZED' "$VERIFY" -q model
expect 5 'nowhere' "$VERIFY" -q model nowhere
"$VERIFY" --json tiny bnb-int8 >other.json && die "another model passes" || [ $? = 1 ]
grep -q '"kind": "extra-tensor"' other.json || die "another model: no extra tensor"
cp -r bnb-int8 cut
truncate -s -1 cut/model.safetensors
expect 3 'cut/model.safetensors' "$VERIFY" -q model cut
expect 2 '--level' "$VERIFY" -q model bnb-int8 --level=4
expect 2 '--tokens' "$VERIFY" -q model bnb-int8 --tokens=0
expect 2 '--mode' "$VERIFY" -q model bnb-int8 --mode=best
expect 5 'No space left' "$VERIFY" -q --json=/dev/full model bnb-int8

# nothing is left of files that were not written, and a CI server gets the error
expect 5 'nowhere' "$VERIFY" -q --junit=left.xml --html=nowhere/x.html model bnb-int8
[ "$(ls -d left.xml*)" = left.xml ] && grep -q '<error type="exit-5"' left.xml ||
    die "left: $(ls -d left.xml*)"

# --json takes a FILE behind a space too, and nothing else
"$VERIFY" -q model bnb-int8 --json spaced.json --level weights
[ -s spaced.json ] || die "--json FILE"
"$VERIFY" --json model bnb-int8 --level=weights | grep -q '"verdict": "pass"' || die "--json MODEL"

# runtimes: all three load the six targets; one that was asked for and does not is a failure
"$VERIFY" --json --level=integrity --runtime=all --tp=2 --cc=8.0 model ct-w8a16 >runtimes.json ||
    die "ct-w8a16 does not load everywhere: $(cat runtimes.json)"
[ "$(grep -c '"verdict": "loads"' runtimes.json)" = 3 ] || die "not three runtimes"
fails 'Min capability: 80. Current capability: 75' \
    "$VERIFY" --level=integrity --runtime=sglang --cc=7.5 model ct-w8a16
"$VERIFY" --level=integrity --cc=7.5 model ct-w8a16 >text || die "a note fails: $(cat text)"
grep -q 'fails: SGLang' text || die "SGLang is not told of: $(cat text)"
fails 'must be divisible by tensor parallel size (3)' \
    "$VERIFY" --level=integrity --runtime=vllm --tp=3 model ct-w8a8
fails 'Unknown quantization method: bitsandbytes' \
    "$VERIFY" --level=integrity --runtime=vllm model bnb-int8
fails 'Int8 not supported on SM100' \
    "$VERIFY" --level=integrity --runtime=vllm --cc=10.0 model ct-w8a8
fails 'No implemented int8_scaled_mm' "$VERIFY" --level=integrity --cc=10.0 model ct-w8a8
cp -r ct-w8a16 turned
rm turned/q8-manifest.json
sed 's/"quant_method"/"transform_config": {"config_groups": {"R1": {}}}, &/' ct-w8a16/config.json \
    >turned/config.json
fails 'transform_config' "$VERIFY" --level=integrity --runtime=transformers model turned
expect 2 '--runtime' "$VERIFY" -q model ct-w8a8 --runtime=onnx
expect 2 '--cc' "$VERIFY" -q model ct-w8a8 --cc=80
expect 2 '--tp' "$VERIFY" -q model ct-w8a8 --tp=0
