# a run that cannot judge: no report of an earlier one stays that would pass for its own
. "$DATA/../tests/cli/tiny.sh"
INSPECT=$(dirname "$Q8")/q8-inspect
VERIFY=$(dirname "$Q8")/q8-verify
model model
"$Q8" -q model int8
cp -r int8 cut
truncate -s -1 cut/model.safetensors

# earlier : the reports of a run that passed
earlier() {
    "$VERIFY" -q --junit=r.xml --json=r.json --html=r.html --write-baseline=base.json model int8
    grep -q '"verdict": "pass"' r.json && grep -q 'errors="0"' r.xml || die "an earlier run"
    cp base.json base
}
# excused STATUS PHRASE COMMAND... : how it ends, and that its reports say so
excused() {
    code=$1
    earlier
    expect "$@" --junit=r.xml --json=r.json --html=r.html --write-baseline=base.json
    grep -q "<error type=\"exit-$code\" message=\"[^\"]*$2" r.xml || die "JUnit: $(cat r.xml)"
    grep -q 'tests="1" failures="0" errors="1"' r.xml || die "JUnit counts: $(cat r.xml)"
    grep -q '"verdict": "error"' r.json && grep -q "\"exit_status\": $code" r.json &&
        grep -q "$2" r.json || die "JSON: $(cat r.json)"
    [ ! -e r.html ] || die "an old page stays"
    cmp -s base base.json || die "the baseline is about no run, and is gone"
    ! command -v xmllint >/dev/null || xmllint --noout r.xml || die "no XML"
    [ "$(ls -d r.* base.*)" = 'base.json
r.json
r.xml' ] || die "left: $(ls -d r.* base.*)"
}
excused 3 'cut/model.safetensors' "$VERIFY" -q model cut
excused 5 'nowhere' "$VERIFY" -q model nowhere
excused 2 'wants REFERENCE and QUANTIZED' "$VERIFY" -q model
excused 2 'tokens wants' "$VERIFY" -q --tokens=0 model int8 # the reports come behind it
echo 'weights min-sqnr 60 no.such.layer' >nothing.txt
excused 2 'nothing.txt:1' "$VERIFY" -q --thresholds=nothing.txt model int8
grep -q 'classname="int8" name="(model)"' r.xml || die "another case: $(cat r.xml)"
expect 5 'x<&>' "$VERIFY" --junit=odd.xml model "$(printf 'x<&>\001\377')"
grep -q 'classname="x&lt;&amp;&gt;' odd.xml || die "not escaped: $(cat odd.xml)"
! command -v xmllint >/dev/null || xmllint --noout odd.xml || die "no XML"

# an option that is none; a threshold that is not met is a judgement, and no error
earlier
expect 2 "unrecognized option" "$VERIFY" --junit=r.xml --unknown model int8
grep -q '<error type="exit-2"' r.xml || die "JUnit: $(cat r.xml)"
got=0
"$VERIFY" -q --junit=r.xml --min-sqnr=80 model int8 || got=$?
[ $got = 1 ] && grep -q '<failure' r.xml && ! grep -q '<error' r.xml || die "exit $got: $(cat r.xml)"

# two reports to one file: neither is written, and the old one is none of this run
earlier
expect 2 'are the same file' "$VERIFY" --junit=r.xml --html=r.xml model int8
grep -q '<error type="exit-2"' r.xml || die "JUnit: $(cat r.xml)"

# of the other commands too, but what no q8 wrote is left alone until there is something for it
for report in json csv html suggest; do
    "$INSPECT" -q --$report=old model
    expect 3 'cut' "$INSPECT" -q --$report=old cut
    [ ! -e old ] || die "an old $report stays: $(head -c 200 old)"
    echo mine >old
    expect 3 'cut' "$INSPECT" -q --$report=old cut
    [ "$(cat old)" = mine ] || die "a file that is no report is gone"
done
rm old
"$INSPECT" -q --diff --json=old model int8 || [ $? = 1 ]
expect 5 nowhere "$INSPECT" -q --diff --json=old model nowhere
[ ! -e old ] || die "an old --diff stays"
"$Q8" -q --json=old model out
expect 1 '--min-coverage' "$Q8" -q --json=old --min-coverage=100 model out2
[ ! -e old ] || die "an old report stays beside a refusal"
"$Q8" -q --force --json=old model out
expect 2 'exists' "$Q8" -q --json=old model out
[ ! -e old ] || die "an old report of q8-convert stays"

# a reader that goes ends the command as SIGPIPE would, quietly; the reports are there
gone() {
    sh -c ': <pipe' &
    exec 4>pipe
    wait $!
    got=0
    "$@" >&4 2>err || got=$?
    exec 4>&-
    [ $got = 141 ] && ! [ -s err ] || die "$*: exit $got, $(cat err)"
}
mkfifo pipe
gone "$INSPECT" --html=p.html --json=p.json --top=0 --layers='*' model
gone "$VERIFY" --junit=p.xml model int8
gone "$VERIFY" --json model int8
gone "$INSPECT" --help
gone "$Q8" --json=p.txt model piped
same out piped
[ "$(echo p.*)" = 'p.html p.json p.txt p.xml' ] && grep -q 'errors="0"' p.xml || die "left: $(echo p.*)"
! grep -L 'q8-' p.* | grep . || die "reports that are not complete"

# a FIFO is a report by name: that its reader has gone is an error, and nothing stays beside it; of
# this model the report is longer than what a pipe holds for a reader that is slow to go
mkfifo fifo
head -c 1 fifo >/dev/null &
expect 5 'cannot write fifo: Broken pipe' "$INSPECT" -q --json=fifo --html=half.html "$DATA/kjv-llama"
[ ! -e half.html ] && [ -z "$(ls half.* 2>/dev/null)" ] || die "left: $(ls half.*)"
