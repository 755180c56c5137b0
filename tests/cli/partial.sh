# what is found under OUTPUT.partial, and what becomes of it

# nothing that q8 did not write is touched, whatever the option
mkdir out.partial
echo precious >out.partial/thesis.txt
for option in --resume --force; do
    expect 2 "nothing that q8-convert wrote" "$Q8" -q $option "$DATA/kjv-llama" out
    [ "$(cat out.partial/thesis.txt)" = precious ] || die "$option touched a foreign directory"
    [ "$(ls out.partial)" = thesis.txt ] || die "$option wrote into a foreign directory"
done
rm -r out.partial
for kind in file link; do
    [ $kind = file ] && echo precious >out.partial || ln -s /nowhere out.partial
    expect 2 "nothing that q8-convert wrote" "$Q8" -q --resume "$DATA/kjv-llama" out
    rm out.partial
done

# killed right after it was made: a new start
"$Q8" -q "$DATA/kjv-llama" want
for option in --resume --force; do
    mkdir out.partial
    "$Q8" -q $option "$DATA/kjv-llama" out
    same want out
    rm -r out
    mkdir out.partial
    touch out.partial/q8-journal
    "$Q8" -q $option "$DATA/kjv-llama" out
    same want out
    rm -r out
done

# a finished output of such a name is no partial one
"$Q8" -q "$DATA/kjv-llama" out.partial
for option in --resume --force; do
    expect 2 "nothing that q8-convert wrote" "$Q8" -q $option "$DATA/kjv-llama" out
done
same want out.partial
rm -r out.partial

# stopped before it got its name: nothing is lost, and other options do not get it
LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=rename Q8_FAIL_AT=2 "$Q8" -q --sha256 "$DATA/kjv-llama" out 2>err &&
    die "the renaming did not fail"
grep -q "for --resume" err || die "it does not say what stays: $(cat err)"
[ -d out.partial ] && [ -f out.q8-journal ] || die "the complete output is gone"
expect 2 "changed since" "$Q8" -q --resume "$DATA/kjv-llama" out
"$Q8" --resume --sha256 "$DATA/kjv-llama" out >report
grep -q "kept from the interrupted run: 39 tensors" report || die "work was done again: $(cat report)"
rm out/SHA256SUMS
same want out
[ ! -e out.q8-journal ] || die "the journal is left beside the output"

# an old output that is being replaced is there until the new one is, and never continued
for at in 1 2 3; do
    "$Q8" -q --force --to=ct-w8a8 "$DATA/kjv-llama" out
    touch out/extra.txt
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=unlink Q8_FAIL_AT=$((at + 1)) \
        "$Q8" -q --force "$DATA/kjv-llama" out 2>err && continue
    [ -f out/config.json ] || die "neither the old nor the new output is there"
    "$Q8" -q --resume --force "$DATA/kjv-llama" out
    same want out
    [ ! -e out.partial ] && [ ! -e out.q8-journal ] || die "something is left beside the output"
done
rm -rf out out.partial out.q8-journal

# a refused --resume changes nothing; options, sources and the files beside them count
kill_at() {
    rm -rf out out.partial
    LD_PRELOAD=$FAIL_IO Q8_KILL_AT=$1 "$Q8" -q -j 1 --no-sync model out 2>/dev/null || true
    [ -d out.partial ] || die "nothing to resume after $1 calls"
    (cd out.partial && find . -type f -exec sha256sum {} + | sort) >before
}
refused() {
    expect 2 "changed since" "$Q8" -q --resume "$@" out
    (cd out.partial && find . -type f -exec sha256sum {} + | sort) | cmp - before ||
        die "the refusal changed what was there: $*"
}
cp -r "$DATA/kjv-llama" model
echo notes >model/notes.txt
kill_at 60
refused --sha256 model
refused --to=ct-w8a8 model
refused "$DATA/kjv-llama"
mkdir other
cp "$DATA/tiny-llama-bf16"/*.json "$DATA/tiny-llama-bf16"/*.safetensors other
refused other
mv model/notes.txt notes.txt
refused model
mv notes.txt model/notes.txt
touch -d '2001-01-01' model/notes.txt
refused model
kill_at 60
"$Q8" -q --resume --no-sync model out
"$Q8" -q model want2
same want2 out

# what somebody else put into a directory of q8's is not published
kill_at 60
echo precious >out.partial/thesis.txt
expect 5 "another program put it there" "$Q8" -q --resume --no-sync model out
[ "$(cat out.partial/thesis.txt)" = precious ] || die "it is gone"
rm out.partial/thesis.txt
"$Q8" -q --resume --no-sync model out
same want2 out

# a source that changes under the run is an error, and nothing is kept that could not be used
rm -rf out
# held N COMMAND... : starts it and returns when it has come to its N-th write, where it stands
held() {
    rm -f here go
    at=$1
    shift
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=pwrite Q8_FAIL_AT=$at Q8_FAIL_MARK=$PWD/here Q8_WAIT=$PWD/go \
        env --default-signal=INT "$@" 2>err &
    run=$!
    for _ in $(seq 1000); do
        [ ! -e here ] || return 0
        sleep 0.01
    done
    die "it never came to write $at: $(cat err)"
}
# released STATUS : lets it go on, and says how it has to end
released() {
    : >go
    got=0
    wait $run || got=$?
    [ $got = "$1" ] || die "exit $got, expected $1: $(cat err)"
}
held 30 "$Q8" -q -j 1 model out
touch model/model.safetensors
released 5
grep -q "written to during the run" err || die "it does not say what happened: $(cat err)"
[ ! -e out ] && [ ! -e out.partial ] || die "a run of a changed source left something"

# a second run meets the first
held 30 "$Q8" -q -j 1 model out
expect 7 "another run" "$Q8" -q --resume model out
expect 7 "another run" "$Q8" -q --dry-run model out
released 0
rm -r out

# Ctrl-C and its kin: the number of the signal, what stays, and the same bytes afterwards
for number in 2 15 1; do # INT TERM HUP
    held 30 "$Q8" -q -j 1 --no-sync model out
    kill -$number $run
    sleep 0.2 # for the thread that reads signals
    released $((128 + number))
    grep -q "stays in out.partial for --resume" err || die "it does not say what stays: $(cat err)"
    "$Q8" -q --resume model out
    same want2 out
    rm -r out
done

# what nohup, or a script for its background jobs, has switched off stays so
trap '' HUP
held 30 "$Q8" -q -j 1 --no-sync model out
trap - HUP
kill -s HUP $run
released 0
