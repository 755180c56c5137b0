# what is found under OUTPUT.partial, and what becomes of it

# nothing that q8 did not write is touched, whatever the option
mkdir -m 1777 out.partial # a sticky bit says nothing by itself
echo precious >out.partial/thesis.txt
for option in --resume --force; do
    expect 2 "was not written by q8-convert" "$Q8" -q $option "$DATA/kjv-llama" out
    [ "$(cat out.partial/thesis.txt)" = precious ] || die "$option touched a foreign directory"
    [ "$(ls out.partial)" = thesis.txt ] || die "$option wrote into a foreign directory"
done
rm -r out.partial
for kind in file link; do
    [ $kind = file ] && echo precious >out.partial || ln -s /nowhere out.partial
    expect 2 "was not written by q8-convert" "$Q8" -q --resume "$DATA/kjv-llama" out
    rm out.partial
done

# killed right after it was made, or right before it got its name: a new start
"$Q8" -q "$DATA/kjv-llama" want
for option in --resume --force; do
    mkdir out.partial
    "$Q8" -q $option "$DATA/kjv-llama" out
    same want out
    rm -r out
    ! LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=rename Q8_FAIL_AT=1 Q8_FAIL_ERRNO=KILL \
        "$Q8" -q --sha256 --to=ct-w8a8 "$DATA/kjv-llama" out 2>/dev/null || die "it was not killed"
    [ -f out.partial/q8-manifest.json ] || die "it was killed elsewhere"
    "$Q8" -q $option "$DATA/kjv-llama" out
    same want out
    [ "$(stat -c %A out)" = "$(stat -c %A want)" ] || die "the output is marked: $(stat -c %A out)"
    rm -r out
done

# a finished output of such a name is no partial one
"$Q8" -q "$DATA/kjv-llama" out.partial
for option in --resume --force; do
    expect 2 "was not written by q8-convert" "$Q8" -q $option "$DATA/kjv-llama" out
done
same want out.partial
rm -r out.partial

# stopped before it got its name: nothing is lost, and other options do not get it
LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=rename Q8_FAIL_AT=1 "$Q8" -q --sha256 "$DATA/kjv-llama" out 2>err &&
    die "the renaming did not fail"
grep -q "for --resume" err || die "it does not say what stays: $(cat err)"
expect 2 "changed since" "$Q8" -q --resume "$DATA/kjv-llama" out
"$Q8" --resume --sha256 "$DATA/kjv-llama" out >report
grep -q "kept from the interrupted run: 39 tensors" report || die "work was done again: $(cat report)"
rm out/SHA256SUMS
same want out

# an old output is there until the new one is; killed or not, it is never continued
for at in 1 2; do for how in KILL EIO; do # the first asks whether things can be exchanged
    "$Q8" -q --force --to=ct-w8a8 "$DATA/kjv-llama" out
    cp -r out old
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=rename Q8_FAIL_AT=$at Q8_FAIL_ERRNO=$how \
        "$Q8" -q --force "$DATA/kjv-llama" out 2>err && die "the renaming did not fail"
    same old out
    "$Q8" -q --resume --force "$DATA/kjv-llama" out
    same want out
    [ ! -e out.partial ] || die "something is left beside the output"
    rm -r old
done done
rm -r out

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

# what somebody else put into a directory of q8's is neither published nor removed
kill_at 60
echo precious >out.partial/thesis.txt
for option in --resume --force; do
    expect 2 "out.partial/thesis.txt is no part of the output" "$Q8" -q $option --no-sync model out
    [ "$(cat out.partial/thesis.txt)" = precious ] || die "it is gone"
done
rm out.partial/thesis.txt
mkdir out.partial/empty
expect 2 "another program put it there" "$Q8" -q --resume --no-sync model out
rmdir out.partial/empty
"$Q8" -q --resume --no-sync model out
same want2 out
rm -r out

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

# so is a file beside the weights, also after it was copied
for file in notes.txt config.json; do
    held 101 "$Q8" -q -j 1 model out
    touch model/$file
    released 5
    grep -q "changed during the run\|written to during the run" err || die "$(cat err)"
    [ ! -e out ] && [ ! -e out.partial ] || die "a run of a changed input left something"
done

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
    while ! grep -q '^ShdPnd:[[:space:]]*0*$' /proc/$run/status; do # until it has read it
        sleep 0.01
    done
    sleep 1 # and told the others
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
