# on a terminal no line is wider than it, down to 40 columns; in a pipe a finding is one line
command -v script >/dev/null || { echo "no script(1) for a terminal"; exit 77; }
inspect=${Q8%convert}inspect
verify=${Q8%convert}verify
"$Q8" -q "$DATA/kjv-llama" int8

# fits COLUMNS COMMAND : the widest line, of which carriage returns begin another
fits() {
    script -qec "stty cols $1; $2" /dev/null </dev/null >screen 2>&1 || true
    sed -e 's/\x1b\[K/\n/g' -e 's/\x1b\[[0-9;]*m//g' screen | tr '\r' '\n' >lines
    [ "$(wc -l <lines)" -gt 3 ] || die "nothing was printed: $2"
    widest=$(LC_ALL=C.UTF-8 wc -L <lines)
    [ "$widest" -le $1 ] || die "$widest columns on a terminal of $1: $(cat lines) ($2)"
}

for columns in 52 60 79 80 100; do
    fits $columns "'$inspect' '$DATA/kjv-llama'"
    fits $columns "'$inspect' int8"
    fits $columns "'$inspect' --diff '$DATA/kjv-llama' int8"
    fits $columns "'$verify' --min-sqnr=60 '$DATA/kjv-llama' int8"
    fits $columns "'$Q8' --dry-run '$DATA/kjv-llama' other"
done
"$verify" --min-sqnr=60 "$DATA/kjv-llama" int8 >piped && die "it passes"
grep -q '^weights .* dB, but at least 60 dB are wanted (--min-sqnr)$' piped || die "cut in a pipe: $(cat piped)"
