# standard input, output and error that are closed: what is opened later does not get their numbers
INSPECT=$(dirname "$Q8")/q8-inspect
VERIFY=$(dirname "$Q8")/q8-verify
"$Q8" -q --json=want.json "$DATA/kjv-llama" want
"$INSPECT" -q --json=inspect.json want
for how in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
    rm -rf out r.json
    eval "\"\$Q8\" --json=r.json \"\$DATA/kjv-llama\" out $how" >log 2>&1 || die "$how: $?"
    same want out
    [ "$(sed 's/"output.*//; s/"seconds.*//' r.json | head -c 300)" = \
        "$(sed 's/"output.*//; s/"seconds.*//' want.json | head -c 300)" ] || die "$how: $(head r.json)"
    ! grep -q 'q8-convert:' r.json || die "$how: the report got other output"
    eval "\"\$INSPECT\" --json=r.json want $how" >log 2>&1 || die "$how: q8-inspect: $?"
    cmp -s inspect.json r.json || die "$how: the report of q8-inspect"
    eval "\"\$VERIFY\" --junit=r.xml \"\$DATA/kjv-llama\" want $how" >log 2>&1 || die "$how: q8-verify: $?"
    [ "$(head -c 5 r.xml)$(tail -c 14 r.xml)" = '<?xml</testsuites>' ] || die "$how: r.xml"
    got=0
    eval "\"\$INSPECT\" --json=r.json nowhere $how" >log 2>&1 || got=$?
    [ $got = 5 ] || die "$how: a failure is exit $got"
done
