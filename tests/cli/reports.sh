# reports: never over what is read, never two to one file, complete or not there, with the right mode
. "$DATA/../tests/cli/tiny.sh"
INSPECT=$(dirname "$Q8")/q8-inspect
VERIFY=$(dirname "$Q8")/q8-verify
model model
"$Q8" -q model int8
echo 'skip lm_head' >overrides.txt
echo 'weights min-sqnr 5' >thresholds.txt
echo '{"a": 1}' >model/tokenizer.json
weights acts.safetensors model.layers.0.mlp.up_proj:F32:64:3
"$VERIFY" -q model int8 --write-baseline=base.json
cp -r model before
cp -r int8 before8

# untouched : nothing that is read has changed, and nothing lies beside it
untouched() {
    same before model
    same before8 int8
    [ "$(cat overrides.txt thresholds.txt)" = "$want" ] || die "$1 was written over"
    cmp -s acts.safetensors acts || die "$1 was written over"
    cmp -s base.json base || die "$1 was written over"
}
want=$(cat overrides.txt thresholds.txt)
cp acts.safetensors acts
cp base.json base

# guarded PATH COMMAND... : the report there is refused, by its name, and so are links to the path
guarded() {
    file=$1
    shift
    ln -sf "$PWD/$file" link
    ln -sf link far
    ln -f "$file" hard
    for name in "$file" ./"$file" link far hard; do
        expect 2 "$name" "$@=$name"
        grep -q 'which is read\|come along\|takes the place' err || die "the reason: $(cat err)"
        untouched "$file"
    done
    rm link far hard
}
for file in model/model.safetensors model/config.json model/tokenizer.json; do
    guarded $file "$Q8" model out --json
    guarded $file "$INSPECT" model --csv
    guarded $file "$INSPECT" int8 --reference=model --html
    guarded $file "$INSPECT" --diff int8 model --json
    guarded $file "$VERIFY" model int8 --junit
done
guarded int8/config.json "$VERIFY" model int8 --write-baseline
guarded int8/q8-manifest.json "$VERIFY" model int8 --json
guarded model/model.safetensors "$Q8" model/model.safetensors out --json
guarded overrides.txt "$Q8" --overrides=overrides.txt model out --json
guarded acts.safetensors "$INSPECT" --activations=acts.safetensors model --suggest
guarded thresholds.txt "$VERIFY" --thresholds=thresholds.txt model int8 --html
guarded base.json "$VERIFY" --baseline=base.json model int8 --write-baseline
[ ! -e out ] && [ ! -e out.partial ] || die "a refused run made something"

# a usage error, or one of the input, does not open the way
"$INSPECT" --sort=x --csv=model/config.json model 2>err && die "it was taken"
"$VERIFY" --junit=model/config.json model nowhere 2>err && die "it was taken"
"$VERIFY" --junit=int8/config.json --level=x model int8 2>err && die "it was taken"
untouched "a file"

# where the output goes, and where it will have been
for name in out out/r.json out.partial out.partial/r.json; do
    [ $name = ${name%/*} ] || mkdir ${name%/*}
    expect 2 "which the output takes the place of" "$Q8" --json=$name model out/
    rm -rf out out.partial
done
expect 2 "come along" "$Q8" --json=model/new.json model out

# two to one, by name or by link, and the files of streams
: >two
ln -s two one
expect 2 "--json=one and --csv=two are the same file" "$INSPECT" --json=one --csv=two model
expect 2 "are the same file" "$INSPECT" --html=new --csv=./new model
expect 2 "are the same file" "$VERIFY" --junit=one --html=two model int8
got=0
"$INSPECT" --json=both model >both 2>err || got=$?
[ $got = 2 ] && grep -q "the file of standard output" err || die "exit $got: $(cat err)"
expect 2 "is a directory" "$INSPECT" --html=int8 model
expect 2 "wants the path of a file" "$INSPECT" --html= model

# reports among the files of a model are written again, and devices more than once
for _ in 1 2; do
    "$INSPECT" -q --json=model/r.json --html=model/r.html --csv=model/r.csv --suggest=model/r.txt model ||
        die "a report in the model's folder"
    "$VERIFY" -q --junit=model/r.xml --json=/dev/null --html=/dev/null model int8 || die "devices"
done
rm model/r.*
untouched "the model"

# links stay, their targets are replaced; modes are kept, or as the umask says
mkdir reports
ln -s reports/r.json near
"$INSPECT" -q --json=near model
[ -L near ] && grep -q q8-inspect reports/r.json || die "a link to nowhere is not followed"
echo old >reports/r.json
chmod 600 reports/r.json
"$INSPECT" -q --json=near model
[ -L near ] && grep -q q8-inspect reports/r.json || die "a link is not followed"
[ "$(stat -c %a reports/r.json)" = 600 ] || die "a mode of 600 is $(stat -c %a reports/r.json)"
for mask in 022:644 027:640 077:600; do
    rm -f reports/*
    (umask ${mask%:*} && "$INSPECT" -q --json=reports/r.json model)
    [ "$(stat -c %a reports/r.json)" = ${mask#*:} ] || die "umask $mask: $(ls -l reports)"
done
[ "$(ls reports)" = r.json ] || die "left beside it: $(ls reports)"

# pipes and descriptors are written as they are
mkfifo fifo
cat fifo >through &
"$INSPECT" -q --json=fifo model
wait $!
"$INSPECT" -q --json=/dev/stdout model >stdout.json
{
    echo before
    "$INSPECT" -q --json=/dev/fd/3 model
    echo behind >&3
} 3>third >/dev/null
echo behind | cat through - | cmp -s - third || die "descriptor 3: $(head -c 200 third)"
cmp -s through stdout.json && grep -q q8-inspect through || die "FIFO and /dev/stdout"

# --header has no rows for these
expect 2 "--header" "$INSPECT" --header --html=h.html model
expect 2 "--header" "$INSPECT" --header --csv=h.csv --suggest=h.txt model
[ ! -e h.html ] && [ ! -e h.csv ] || die "--header left an empty file"

# FILE of --json behind a space, when it does not end in .json
expect 2 "if 'report' is the FILE of --json, write --json=report" "$INSPECT" --json report model
expect 2 "write --json=report" "$Q8" --json report model out
expect 5 "write --json=report" "$Q8" --json report out
Q8_ISA= "$INSPECT" -q model || die "an empty Q8_ISA"

# a report that cannot be written is named, whatever it is
for report in json csv html suggest; do
    expect 5 "q8-inspect: cannot write /dev/full: No space left on device" \
        "$INSPECT" -q --$report=/dev/full model
done
for command in "$Q8" "$INSPECT" "$VERIFY"; do
    for option in --help --usage --version; do
        got=0
        "$command" $option >/dev/full 2>err || got=$?
        [ $got = 5 ] && grep -q "standard output: No space left" err || die "$option: $got $(cat err)"
        "$command" $option >/dev/null || die "$option"
    done
    "$command" -h | grep -q -- '--quiet' || die "-h"
done
for way in "$Q8 --to=list" "$Q8 -n model out" "$INSPECT model" "$INSPECT --json model" \
    "$INSPECT --header model" "$INSPECT --diff model model" "$VERIFY model int8"; do
    got=0
    $way >/dev/full 2>err || got=$?
    [ $got = 5 ] && grep -q "standard output: No space left" err || die "$way: $got $(cat err)"
done
(
    ulimit -f 1
    expect 5 "cannot write big.html: File too large" "$INSPECT" -q --html=big.html model
)
[ ! -e big.html ] && [ -z "$(ls big.html.* 2>/dev/null)" ] || die "left: $(ls big*)"

# names of the command line are made safe for a terminal
expect 5 'no\x1b[31mthing' "$INSPECT" "$(printf 'no\033[31mthing')"
odd=$(printf 'o\033[31m\nd')
"$Q8" model "$odd" >stdout
"$INSPECT" "$odd" >>stdout
"$VERIFY" model "$odd" >>stdout
expect 2 'o\x1b[31m\x0ad exists' "$Q8" model "$odd"
! grep -q "$(printf '\033')" stdout || die "an escape reached the terminal: $(cat -v stdout)"
