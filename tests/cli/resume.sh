# killed at every point of its I/O, then resumed: the same bytes
"$Q8" -q -j 1 "$DATA/kjv-llama" want
n=1
while [ $n -lt 400 ]; do
    rm -f mark
    LD_PRELOAD=$FAIL_IO Q8_KILL_AT=$n Q8_FAIL_MARK=$PWD/mark \
        "$Q8" -q -j 1 --no-sync "$DATA/kjv-llama" out >/dev/null 2>&1 || true
    if [ ! -e out ]; then
        "$Q8" -q --resume --no-sync "$DATA/kjv-llama" out 2>err || die "resume at $n: $(cat err)"
    fi
    same want out
    [ ! -e out.partial ] || die "partial left at $n"
    rm -r out
    [ -e mark ] || break
    n=$((n + 7))
done
[ $n -gt 100 ] || die "only $n kill points were visited"

# every kind of I/O failure: exit 5, one line, nothing under the final name, and resume mends it
for call in pwrite pread fsync fallocate ftruncate rename mkdir; do
    for at in 1 2 5; do
        rm -rf out out.partial mark
        got=0
        LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=$call Q8_FAIL_AT=$at Q8_FAIL_ERRNO=EIO \
            Q8_FAIL_MARK=$PWD/mark "$Q8" -q "$DATA/kjv-llama" out 2>err || got=$?
        [ -e mark ] || continue
        echo $call >>visited
        [ $got = 5 ] || die "$call $at: exit $got: $(cat err)"
        [ "$(wc -l <err)" = 1 ] || die "$call $at: more than one line: $(cat err)"
        [ ! -e out ] || die "$call $at: an output is there"
        "$Q8" -q --resume "$DATA/kjv-llama" out 2>err || die "$call $at: resume: $(cat err)"
        same want out
    done
done

[ "$(sort -u visited | wc -l)" = 7 ] || die "calls that never came: only $(sort -u visited)"

# options that changed are refused
rm -rf out
LD_PRELOAD=$FAIL_IO Q8_KILL_AT=40 "$Q8" -q -j 1 "$DATA/kjv-llama" out 2>/dev/null || true
[ -d out.partial ] || die "nothing to resume"
expect 2 "--resume continues it" "$Q8" -q "$DATA/kjv-llama" out
expect 2 "changed since" "$Q8" -q --resume --to=ct-w8a8 "$DATA/kjv-llama" out
[ -d out.partial ] || die "the refusal dropped what was done"
"$Q8" -q --resume "$DATA/kjv-llama" out
same want out

# a new start takes its place only when told so
rm -rf out
LD_PRELOAD=$FAIL_IO Q8_KILL_AT=40 "$Q8" -q -j 1 "$DATA/kjv-llama" out 2>/dev/null || true
"$Q8" -q --force "$DATA/kjv-llama" out
same want out
