# file systems that cannot do everything: a warning, and the work is done
MODEL=$DATA/tiny-llama-f32
"$Q8" -q --no-sync "$MODEL" want
"$Q8" -q --no-sync --to=ct-w8a8 "$MODEL" other
fresh() {
    rm -rf out out.*
    cp -r other out
}
# one WARNING : that is said once, and nothing else
one() {
    [ "$(wc -l <err)" = 1 ] && grep -qF -- "warning: $1" err || die "not one '$1': $(cat err)"
}

# no locks
for how in ENOSYS ENOLCK EOPNOTSUPP; do
    fresh
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=flock Q8_FAIL_AT=1 Q8_FAIL_ON=1 Q8_FAIL_ERRNO=$how \
        "$Q8" -q --no-sync --force "$MODEL" out 2>err
    one "the file system of the output has no locks"
    same want out
    [ ! -e out.partial ] || die "the partial directory is left"
done
LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=flock Q8_FAIL_AT=1 Q8_FAIL_ERRNO=EIO \
    expect 5 "cannot lock" "$Q8" -q --no-sync "$MODEL" broken

# no word on how much room there is
for how in ZERO ENOSYS EIO; do
    rm -rf out
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=statvfs Q8_FAIL_AT=1 Q8_FAIL_ON=1 Q8_FAIL_ERRNO=$how \
        "$Q8" -q --no-sync --json=report.json "$MODEL" out 2>err
    one "the file system of the output does not say how much room it has"
    grep -q '"disk_free_bytes": null' report.json || die "the report knows: $(cat report.json)"
    same want out
done
LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=statvfs Q8_FAIL_AT=1 Q8_FAIL_ON=1 Q8_FAIL_ERRNO=ZERO \
    "$Q8" -n "$MODEL" dry >plan 2>err
grep -q "an unknown amount free" plan || die "the plan knows: $(tail -n 1 plan)"

# renames that cannot exchange two directories, nor leave alone what is there
no_flags() {
    LD_PRELOAD=$FAIL_IO Q8_NO_FLAGS=$how "$@"
}
for how in EINVAL ENOSYS EOPNOTSUPP; do
    rm -rf out
    no_flags "$Q8" -q --no-sync "$MODEL" out 2>err
    [ ! -s err ] || die "a warning that nobody needs: $(cat err)"
    same want out
    fresh
    no_flags "$Q8" -q --no-sync --force "$MODEL" out 2>err
    one "the file system cannot exchange two directories"
    same want out
    [ ! -e out.old ] && [ ! -e out.partial ] || die "the old output is left"
done
fresh
mkdir out.old
echo precious >out.old/thesis
no_flags expect 2 "out.old is in the way" "$Q8" -q --no-sync --force "$MODEL" out
same other out
[ "$(cat out.old/thesis)" = precious ] || die "it is lost"
[ ! -e out.partial ] || die "something was begun"
"$Q8" -q --no-sync --force "$MODEL" out # where it can, that is nobody's business
[ "$(cat out.old/thesis)" = precious ] || die "it is lost"

# killed before, between and behind the two renames, and while the old output is deleted
for call in rename unlink; do
    for at in 1 2 3 4 5 6 8 10; do
        for option in --resume --force "--resume --force"; do
            fresh
            rm -f mark
            LD_PRELOAD=$FAIL_IO Q8_NO_FLAGS=$how Q8_FAIL_CALL=$call Q8_FAIL_AT=$at \
                Q8_FAIL_ERRNO=KILL Q8_FAIL_MARK=$PWD/mark \
                "$Q8" -q --no-sync --force "$MODEL" out 2>/dev/null || true
            [ -e mark ] || continue
            echo $call $at >>visited
            [ ! -e out.old ] || [ -e out ] || {
                expect 2 "" "$Q8" -q --no-sync "$MODEL" out
                echo between >>visited
            }
            if [ "$option" = --resume ] && [ -e out ] && [ -e out.partial ]; then
                option="--resume --force" # the old one is there: who may replace it?
            fi
            no_flags "$Q8" -q --no-sync $option "$MODEL" out 2>err || die "$call $at: $(cat err)"
            same want out
            [ ! -e out.old ] && [ ! -e out.partial ] || die "$call $at $option: something is left"
        done
    done
done
grep -q between visited || die "never between the two renames: $(sort -u visited)"
[ "$(sort -u visited | wc -l)" -ge 8 ] || die "only $(sort -u visited)"

# modes: umask counts, and what comes along is as readable as its source at most
cp -r "$MODEL" model
chmod 666 model/*
echo 1 >model/run.sh
echo 1 >model/secret.txt
echo 1 >model/fixed.txt
chmod 755 model/run.sh
chmod 600 model/secret.txt
chmod 444 model/fixed.txt
for mask in 022 027 002 077; do
    rm -rf out
    (umask $mask && "$Q8" -q --no-sync model out)
    for file in out/*; do
        case $file in
        out/secret.txt) want=600 ;;
        out/fixed.txt) want=$(printf %o $((0444 & ~0$mask))) ;;
        out/run.sh) want=$(printf %o $((0644 & ~0$mask))) ;;
        *) want=$(printf %o $((0666 & ~0$mask))) ;;
        esac
        [ "$(stat -c %a $file)" = $want ] || die "umask $mask: $(stat -c '%a %n' $file), not $want"
    done
done

# a directory of OUTPUT that cannot be written to is told before the work
mkdir closed
chmod 555 closed
nobody=
[ "$(id -u)" != 0 ] || nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
cp "$Q8" q8-convert # the build may lie where only its owner comes
rm -rf model
cp -r "$MODEL" model
chmod -R go+rX .
expect 5 "cannot make closed/out.partial" $nobody ./q8-convert -q --dry-run model closed/out
