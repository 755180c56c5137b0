# SIGINT, SIGTERM and SIGHUP where nothing looks at them: pipes, FIFOs, reads and writes that stand
INSPECT=$(dirname "$Q8")/q8-inspect
VERIFY=$(dirname "$Q8")/q8-verify
cp -r "$DATA/kjv-llama" model
"$Q8" -q model int8
mkfifo fifo

# until_true COMMAND... : waits for it to be true
until_true() {
    for _ in $(seq 500); do
        if "$@" 2>/dev/null; then return 0; fi
        sleep 0.02
    done
    die "never true: $*"
}
# begin COMMAND... : in the background, with the signals that a shell switches off there
begin() {
    env --default-signal=INT,HUP "$@" 2>err &
    run=$!
    until_true grep -q '^SigBlk:.*4003$' /proc/$run/status # it listens
}
# stopped NUMBER [ALSO] : by that number, at once, saying so, and leaving nothing
stopped() {
    sleep 0.2
    kill -$1 $run
    for _ in $(seq 250); do
        kill -0 $run 2>/dev/null || break
        sleep 0.02
    done
    kill -0 $run 2>/dev/null && die "signal $1 does not stop it"
    got=0
    wait $run || got=$?
    run=
    [ $got = $((128 + $1)) ] || die "exit $got after signal $1: $(cat err)"
    grep -q "stopped by .*${2-}" err || die "it does not say why: $(cat err)"
    [ -z "$(ls -d r.*.* 2>/dev/null)" ] || die "left: $(ls)"
}

temporary() {
    ls r.xml.* r.html.* >/dev/null
}

for number in 2 15 1; do # INT TERM HUP
    # a reader that stalls: of standard output, and of a report; other reports are excused
    sleep 100 <>fifo >/dev/null 2>&1 &
    sleeper=$!
    head -c 65536 /dev/zero >fifo # it is full
    begin "$INSPECT" --json --html=r.html model >fifo
    stopped $number
    echo '<testsuite/>' >r.xml
    begin "$VERIFY" -q --junit=r.xml --json=fifo --html=r.html model int8
    until_true temporary
    stopped $number
    grep -q "<error type=\"exit-$((128 + number))\" message=\"stopped by" r.xml || die "$(cat r.xml)"
    kill $sleeper || true
    wait $sleeper || true

    # a FIFO that nobody reads, and one that nobody writes
    begin "$INSPECT" -q --csv=fifo model
    stopped $number
    begin "$Q8" -q --overrides=fifo model out
    stopped $number
    begin "$VERIFY" -q --thresholds=fifo model int8
    stopped $number

    # a read that takes for ever, outside of what the threads share
    rm -f go mark
    begin env LD_PRELOAD="$FAIL_IO" Q8_FAIL_CALL=pread Q8_FAIL_AT=2 Q8_FAIL_MARK="$PWD/mark" \
        Q8_WAIT="$PWD/go" "$INSPECT" --header model
    stopped $number

    # a second signal does not wait for what the first one lets end in order
    rm -f go mark
    begin env LD_PRELOAD="$FAIL_IO" Q8_FAIL_CALL=pwrite Q8_FAIL_AT=30 Q8_FAIL_MARK="$PWD/mark" \
        Q8_WAIT="$PWD/go" "$Q8" -q -j 1 --no-sync model out
    until_true [ -e mark ]
    kill -$number $run
    sleep 0.5
    kill -0 $run || die "it did not wait for the item under way"
    stopped $number 'what is done stays in out.partial for --resume'
    "$Q8" -q --resume --no-sync model out
    same int8 out
    rm -r out
done

# files beside the weights: the one under way is finished, and it says what stays
rm -f go mark
begin env LD_PRELOAD="$FAIL_IO" Q8_FAIL_CALL=pwrite Q8_FAIL_AT=105 Q8_FAIL_MARK="$PWD/mark" \
    Q8_WAIT="$PWD/go" "$Q8" -q -j 1 --no-sync model out
until_true [ -e mark ]
kill -2 $run
sleep 0.5
: >go
got=0
wait $run || got=$?
[ $got = 130 ] && grep -q 'what is done stays in out.partial for --resume' err || die "$got: $(cat err)"
"$Q8" -q --resume --no-sync model out
same int8 out

# what nohup has switched off stays so where nothing looks, and what was blocked
(trap '' HUP; exec sleep 100 <>fifo >/dev/null 2>&1) &
sleeper=$!
head -c 65536 /dev/zero >fifo
(
    trap '' HUP
    exec "$INSPECT" --json model >fifo
) &
run=$!
until_true grep -q '^SigBlk:.*400[02]$' /proc/$run/status
sleep 0.5
kill -1 $run
sleep 0.6
kill -0 $run || die "SIGHUP was ignored, and ended it"
kill -15 $run
wait $run && die "SIGTERM did not end it" || [ $? = 143 ] || die "not by SIGTERM"
run=
kill -15 $sleeper || true
