# q8-inspect: what it finds, what it writes, and what it says when something is wrong
INSPECT=$(dirname "$Q8")/q8-inspect
LC_ALL=C
export LC_ALL
cp -r "$DATA/kjv-llama" model

# column NAME FILE : that column of a CSV, with the name in front
column() {
    awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ "^" name "\r?$") at = i; next }
                          { sub(/\r$/, ""); print $1, $at }' "$2"
}

# the six features that were planted, each in all four layers, and nothing else
"$INSPECT" model >text || die "q8-inspect model"
grep -q '6 in 25 % of layers or more, 0 in fewer' text || die "features: $(cat text)"
for dimension in 7 41 90 133 180 222; do
    grep -Eq "^ +$dimension  x 6[0-9]\.[0-9] .* 4 of 4: 0-3$" text || die "feature $dimension: $(cat text)"
done
grep -q 'together: x 64 (2^6.0)' text || die "factor: $(grep together text)"
! grep -q "$(printf '\033')" text || die "colour in a pipe"
[ "$(awk 'length > 80' text | grep -vc '^#')" = 0 ] || die "a line of more than 80 columns"

# the same bytes for any threads and instruction set, in every form
for way in '1 ref' '2 avx2' '3 avx512'; do
    set -- $way
    Q8_ISA=$2 "$INSPECT" -q -j "$1" --json=json-$1 --csv=csv-$1 --html=html-$1 model || die "with $way"
    for form in json csv html; do
        cmp -s $form-1 $form-$1 || die "$form differs with $way"
    done
done
"$INSPECT" --json model >json-out
cmp -s json-1 json-out || die "--json to standard output is not --json=FILE"

# --quick leaves out columns and schemes, and what is left is the same
"$INSPECT" --quick --json model >quick
[ "$(grep -m 1 '"bnb-int8": [0-9]' quick)" = "$(grep -m 1 '"bnb-int8": [0-9]' json-1)" ] ||
    die "--quick has another SQNR: $(grep -A8 totals quick)"
for key in std kurtosis below_min_sqnr; do
    [ "$(grep "\"$key\"" quick)" = "$(grep "\"$key\"" json-1)" ] || die "--quick has another $key"
done

# the doctor: what it promises is what an inspection of the result finds
"$INSPECT" -q --to=ct-w8a16 --min-sqnr=43 --suggest=overrides.txt model
[ "$(grep -vc '^#' overrides.txt)" -gt 3 ] || die "overrides: $(cat overrides.txt)"
"$Q8" -q --no-sync --to=ct-w8a16 --overrides overrides.txt model cured
"$INSPECT" -q --reference=model --csv=cured.csv cured
column reference_sqnr_db cured.csv | awk 'NF == 2 && $2 < 43 { bad = 1; print } END { exit bad }' ||
    die "a weight below what was asked for"
grep -v '^#' overrides.txt | while read -r verb target name rest; do
    [ "$verb" = use ] || die "a line of $verb: $target"
    want=$(echo "$rest" | sed 's/.*-> \([0-9.]*\) dB.*/\1/')
    have=$(column reference_sqnr_db cured.csv | awk -v name="\"$name\"" '$1 == name { printf "%.2f", $2 }')
    [ "$want" = "$have" ] || die "$name: $want dB were promised, it has $have"
done || exit 1

# a scale that is NaN leaves nothing of its weight: the lowest SQNR of all, not the highest
"$Q8" -q --no-sync model broken
name=model.layers.0.self_attn.k_proj
header=$(od -An -tu8 -N8 broken/model.safetensors | tr -d ' ')
scale=$(dd if=broken/model.safetensors bs=1 skip=8 count="$header" 2>/dev/null |
    sed "s/.*\"$name.SCB\":{[^}]*\"data_offsets\":\[\([0-9]*\),.*/\1/")
printf '\000\000\300\177' |
    dd of=broken/model.safetensors bs=1 seek=$((8 + header + scale)) conv=notrunc 2>/dev/null
"$INSPECT" -q --reference=model --json=broken.json --csv=broken.csv broken
grep -q '"below_min_sqnr": 1,' broken.json || die "a NaN is not below: $(grep below broken.json)"
column reference_sqnr_db broken.csv | grep -qi "\"$name\" -inf" ||
    die "the SQNR of a NaN: $(grep $name broken.csv)"

# headers, differences
[ "$("$INSPECT" --header model | grep -c '^[^ ]* BF16')" = 39 ] || die "--header lists other tensors"
"$INSPECT" --diff model model >/dev/null || die "a model differs from itself"
for tolerance in 0 1; do # config.json differs whatever the tolerance
    got=0
    "$INSPECT" --diff -q --tolerance=$tolerance model cured >out 2>&1 || got=$?
    [ "$got" = 1 ] && ! [ -s out ] || die "--diff --tolerance=$tolerance: $got, $(cat out)"
done
"$INSPECT" --diff -q --tolerance=0.01 model/model.safetensors cured/model.safetensors || die "--tolerance"

# reports appear complete or not at all
echo old >kept
expect 4 'is no model but a folder of models: name one, such as ./' "$INSPECT" --json=kept .
[ "$(cat kept)" = old ] || die "a report was touched by a run that failed"
expect 5 'cannot write nowhere/x' "$INSPECT" --html=nowhere/x model
expect 5 'cannot write' "$INSPECT" -q --json=/dev/full model
ln -s far.json near.json
"$INSPECT" -q --json=near.json model
[ -L near.json ] && grep -q '"schema": "q8-inspect' far.json || die "a link is not followed"
[ -z "$(find . -name '*.??????' -newer kept -name 'json.*' -o -name 'html.*.*')" ] || die "a piece was left: $(ls)"

# usage
expect 2 'wants MODEL' "$INSPECT"
expect 2 'two MODELs are for --diff' "$INSPECT" model cured
expect 2 '--sort wants' "$INSPECT" --sort=x model
expect 2 "--top wants a number from 0 to 1000000000, not 'x'" "$INSPECT" --top=x model
expect 2 '--min-sqnr wants a number' "$INSPECT" --min-sqnr=x model
expect 2 "not 'bnb'" "$INSPECT" --to=bnb model
expect 2 "matches no module; nearest: lm_head" "$INSPECT" --layers=lm_heat model
expect 2 'is not an int8 model' "$INSPECT" --reference=model model
expect 5 'No such file' "$INSPECT" nowhere
