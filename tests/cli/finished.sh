# --resume of an output that is there already: done when it is what the run would make, else refused
cp -r "$DATA/kjv-llama" model
mkdir model/sub
echo notes >model/sub/notes.txt
"$Q8" -q --no-sync model want
cp -r want out
again() {
    "$Q8" --resume --no-sync "$@" model out >report
    grep -q "nothing was written" report || die "it does not say that: $(cat report)"
    [ ! -e out.partial ] || die "a partial directory is left"
}
stat -c '%i %Y %Z %n' out/* >before
again --json=report.json
grep -q '"finished_before": true' report.json || die "the JSON does not say it"
! grep -q '"sqnr_db": [0-9]' report.json || die "an error that nobody measured"
[ "$("$Q8" -q --resume model out)" = "" ] || die "-q is not quiet"
"$Q8" -q --resume --dry-run model out
stat -c '%i %Y %Z %n' out/* | cmp - before || die "the output was touched"
chmod 600 model/* 2>/dev/null || true # nor does a mode of the input matter, or its time
touch model/model.safetensors
again
same want out

# other options, another input, another output
refused() {
    expect 2 "is not what this run would make" "$Q8" -q --resume --no-sync "$@"
    [ ! -e out.partial ] || die "a partial directory is left"
}
refused --to=ct-w8a8 model out
refused --skip 'model.layers.0.*' model out
refused --sha256 model out
refused "$DATA/kjv-llama" out
# change FILE OFFSET : another byte in place, with the time set back
change() {
    touch -r $1 time
    printf '\125' | dd of=$1 bs=1 seek=$2 conv=notrunc 2>/dev/null
    touch -r time $1
}
for file in model/model.safetensors model/sub/notes.txt out/model.safetensors out/sub/notes.txt \
    out/q8-manifest.json out/config.json; do
    cp -p $file saved
    change $file $(($(stat -c %s $file) - 2))
    refused model out
    cp -p saved $file
    again
done
rm out/tokenizer.json
refused model out
cp want/tokenizer.json out
touch out/more.txt # whose that is, is not asked here
again
expect 2 "exists; --force" "$Q8" -q --no-sync model out

# the same question in a run: a write with its time set back is seen, a change of modes is not one
held() {
    rm -f here go
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=pwrite Q8_FAIL_AT=30 Q8_FAIL_MARK=$PWD/here Q8_WAIT=$PWD/go \
        "$Q8" -q -j 1 --no-sync model new 2>err &
    run=$!
    while [ ! -e here ]; do
        sleep 0.01
    done
}
released() {
    : >go
    got=0
    wait $run || got=$?
    run=
    [ $got = "$1" ] || die "exit $got, expected $1: $(cat err)"
}
held
chmod 644 model/model.safetensors
released 0
same want new
rm -r new
cp -p model/model.safetensors saved
held
touch -r model/model.safetensors time
tail -c +200001 saved | tr '\0-\177' '\1-\177\0' |
    dd of=model/model.safetensors bs=200000 conv=notrunc seek=1 2>/dev/null
touch -r time model/model.safetensors
released 5
grep -q "written to during the run" err || die "it does not say why: $(cat err)"
[ ! -e new ] || die "a mixture is published"
rm -rf new.partial

# and between two runs
cp -p saved model/model.safetensors
LD_PRELOAD=$FAIL_IO Q8_KILL_AT=90 "$Q8" -q -j 1 --no-sync model new 2>/dev/null || true
[ -d new.partial ] || die "it was not killed"
chmod 600 model/model.safetensors
change model/model.safetensors $(($(stat -c %s saved) - 2))
"$Q8" -q --no-sync model want2
"$Q8" --resume --no-sync model new >report
grep -q "kept from the interrupted run" report || die "all was done again: $(cat report)"
same want2 new
! diff -r want new >/dev/null || die "the change is not there"
