# what others do to OUTPUT and OUTPUT.partial while a run works: nothing of theirs is lost
MODEL=$DATA/tiny-llama-f32
"$Q8" -q --no-sync "$MODEL" want
"$Q8" -q --no-sync --to=ct-w8a8 "$MODEL" other

# held CALL N ARGUMENTS... : a run that has come to its N-th CALL, and stands there
held() {
    rm -f here go
    call=$1
    at=$2
    shift 2
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=$call Q8_FAIL_AT=$at Q8_FAIL_MARK=$PWD/here Q8_WAIT=$PWD/go \
        "$Q8" -q -j 1 --no-sync "$@" 2>err &
    run=$!
    for _ in $(seq 1000); do
        [ ! -e here ] || return 0
        sleep 0.01
    done
    die "it never came to $call $at: $(cat err)"
}
# released STATUS PHRASE : lets it go on, and says how it has to end
released() {
    : >go
    got=0
    wait $run || got=$?
    run=
    [ $got = "$1" ] || die "exit $got, expected $1: $(cat err)"
    [ -z "${2-}" ] || grep -qF -- "$2" err || die "'$2' is not in: $(cat err)"
}
fresh() {
    rm -rf out out.* safe thesis
    cp -r other out
    echo precious >thesis
}
kept() {
    [ "$(cat $1)" = precious ] || die "$1 is lost"
}

# an old output that changes under --force, before its judgement and right before the exchange
for moment in "pwrite 3" "rename 2"; do
    for what in file folder link pipe named directory copy gone plain; do
        fresh
        held $moment --force "$MODEL" out
        case $what in
        file) cp thesis out/thesis ;;
        folder) mkdir out/sub && cp thesis out/sub/thesis ;;
        link) ln -s ../thesis out/thesis ;;
        pipe) mkfifo out/thesis ;;
        named) ln -sf ../thesis out/config.json ;;
        directory) mv out safe && mkdir out && cp thesis out/thesis ;;
        copy) mv out safe && cp -r safe out ;; # an output of q8's, but not the one that was there
        gone) rm -r out ;;
        plain) mv out safe && cp thesis out ;;
        esac
        if [ $what = gone ] && [ "$moment" = "pwrite 3" ]; then
            released 0
            same want out
            [ ! -e out.partial ] || die "the partial directory is left"
            continue
        fi
        released 5 "out.partial for --resume --force"
        case $what in
        file) kept out/thesis ;;
        folder) kept out/sub/thesis ;;
        directory) kept out/thesis ;;
        plain) kept out ;;
        esac
        kept thesis
        [ $what != copy ] || same safe out
        [ -f out.partial/q8-journal ] || die "$moment, $what: the new output is lost"
        rm -rf safe
        [ ! -e out ] || mv out safe
        [ $what != file ] || mv safe out
        rm -f out/thesis
        "$Q8" -q --no-sync --resume --force "$MODEL" out
        same want out
        [ ! -e out.partial ] || die "the partial directory is left"
    done
done

# what comes into the old output while it is deleted stays, and only that
fresh
held unlink 6 --force "$MODEL" out
[ -d out.partial ] && mv thesis out.partial/thesis
released 5 "the new output is in place"
same want out
kept out.partial/thesis
[ "$(ls out.partial)" = thesis ] || die "more is left than what was put there: $(ls out.partial)"

# an output that appears under a plain run
for what in dir empty file link; do
    rm -rf out out.*
    held pwrite 3 "$MODEL" out
    case $what in
    dir) mkdir out && echo precious >out/thesis ;;
    empty) mkdir out ;;
    file) echo precious >out ;;
    link) ln -s /nowhere out ;;
    esac
    released 5 "out.partial for --resume"
    case $what in
    dir) kept out/thesis ;;
    file) kept out ;;
    link) [ "$(readlink out)" = /nowhere ] || die "the link is lost" ;;
    esac
    rm -r out
    "$Q8" -q --no-sync --resume "$MODEL" out
    same want out
done

# what is put into the partial directory under a run is not written through
cp -r "$MODEL" model
mkdir model/sub
echo notes >model/sub/notes.txt
"$Q8" -q --no-sync model full
for what in link hard pipe folder folderlink; do
    rm -rf out out.* victim
    mkdir victim
    echo precious >victim/thesis
    held pwrite 3 model out
    case $what in
    link) ln -s ../victim/thesis out.partial/config.json ;;
    hard) ln victim/thesis out.partial/config.json ;;
    pipe) mkfifo out.partial/config.json ;;
    folder) mkdir out.partial/config.json ;;
    folderlink) ln -s ../victim out.partial/sub ;;
    esac
    released 5
    kept victim/thesis
    [ "$(ls victim)" = thesis ] || die "$what: something was written into another directory"
    expect 2 "another program put it there" "$Q8" -q --no-sync --resume model out
    rm -rf out.partial/config.json
    [ ! -L out.partial/sub ] || rm out.partial/sub
    "$Q8" -q --no-sync --resume model out
    same full out
done

# nor what stands there before
for what in link hard pipe owner; do
    for name in config.json model.safetensors q8-journal sub; do
        rm -rf out out.* victim
        ! LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=rename Q8_FAIL_AT=1 "$Q8" -q --no-sync model out 2>err ||
            die "the renaming did not fail"
        mkdir victim
        echo precious >victim/thesis
        rm -r out.partial/$name
        case $what in
        link) ln -s ../victim/thesis out.partial/$name ;;
        hard) ln victim/thesis out.partial/$name ;;
        pipe) mkfifo out.partial/$name ;;
        owner)
            [ "$(id -u)" = 0 ] || continue # only root gives files away
            cp victim/thesis out.partial/$name
            chown 65534 out.partial/$name
            ;;
        esac
        for option in --resume --force; do
            expect 2 "out.partial" "$Q8" -q --no-sync $option model out
            kept victim/thesis
            [ -e out.partial/$name ] || [ -L out.partial/$name ] || die "$what $name is gone"
            [ ! -e out ] || die "there is an output"
        done
    done
done
rm -rf out out.*

# two runs in the worst moments: one wins, and never neither
held flock 1 "$MODEL" out # it has made the directory and does not have it yet
"$Q8" -q --no-sync "$MODEL" out
released 7 "another run has just finished out"
same want out
rm -r out
for option in "" --resume --force; do
    held flock 1 "$MODEL" out
    first=$run
    mv err err1
    mv go go1 2>/dev/null || true
    LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=pwrite Q8_FAIL_AT=3 Q8_FAIL_MARK=$PWD/here2 \
        Q8_WAIT=$PWD/go2 "$Q8" -q -j 1 --no-sync $option "$MODEL" out 2>err2 &
    second=$!
    while [ ! -e here2 ]; do sleep 0.01; done
    : >go
    got=0
    wait $first || got=$?
    [ $got = 7 ] || die "exit $got of the run that lost: $(cat err1)"
    [ -d out.partial ] || die "the loser took the winner's directory away"
    : >go2
    wait $second || die "the run that won failed: $(cat err2)"
    run=
    same want out
    rm -r out here2 go2
done
# the loser takes nothing away while the winner has the directory and nothing in it yet
n=1
while :; do # at which call that is
    mkdir out.partial
    held open $n "$MODEL" out
    [ -n "$(ls -A out.partial)" ] || flock -n out.partial true || break
    released 0
    rm -r out
    n=$((n + 1))
done
released 0
rm -r out
held flock 1 "$MODEL" out
first=$run
rm here
LD_PRELOAD=$FAIL_IO Q8_FAIL_CALL=open Q8_FAIL_AT=$n Q8_FAIL_MARK=$PWD/here Q8_WAIT=$PWD/go2 \
    "$Q8" -q -j 1 --no-sync "$MODEL" out 2>err2 &
second=$!
while [ ! -e here ]; do sleep 0.01; done
inode=$(stat -c %i out.partial)
: >go
got=0
wait $first || got=$?
[ $got = 7 ] || die "exit $got of the run that lost"
[ "$(stat -c %i out.partial)" = $inode ] || die "the loser took an empty directory away"
: >go2
wait $second || die "the run that won failed: $(cat err2)"
run=
same want out
rm -r out go2
# one that gives up an empty directory that another run has opened already
cp -r other out
held flock 1 --force "$MODEL" out
expect 2 "exists" "$Q8" -q --no-sync "$MODEL" out
released 0
same want out
rm -r out

# killed wherever --force writes, then continued
n=1
while [ $n -lt 300 ]; do
    fresh
    rm -f mark
    LD_PRELOAD=$FAIL_IO Q8_KILL_AT=$n Q8_FAIL_MARK=$PWD/mark \
        "$Q8" -q -j 1 --no-sync --force "$MODEL" out 2>/dev/null || true
    [ -f out/q8-manifest.json ] || die "there is no output at $n"
    "$Q8" -q --no-sync --resume --force "$MODEL" out 2>err || die "resume at $n: $(cat err)"
    same want out
    [ ! -e out.partial ] && [ ! -e out.old ] || die "something is left at $n"
    [ -e mark ] || break
    n=$((n + 5))
done
[ $n -gt 20 ] && [ $n -lt 300 ] || die "$n kill points"
