# every block of README.md from top to bottom, in one folder, with the model of testdata/ as `model`
#
# Blocks are the indented ones and the YAML between fences.  A line that begins with a command of q8 is
# run and must succeed; a block that begins with "# NAME: " is that file; other text is what the last
# command printed, line by line ("..." leaves lines out); the `run:` and `script:` lines of a job are run
# as the service runs them.  Lines for a shell with the packages, a GPU or the oracle are not.
readme=${DATA%/testdata}/README.md
cp -r "$DATA/kjv-llama" model
PATH=${Q8%/*}:$PATH
touch printed

run_line() {
    sh -c "$1" >printed 2>err || die "README: exit $?: $1 ($(cat err))"
    echo "$1" >>ran
}

expect_printed() {
    [ "$1" = ... ] || grep -qF -- "$1" printed || die "README: '$1' is not in what '$(tail -n 1 ran)' prints"
}

# take a line of a block without its indent
take() {
    case $1 in
    "# "*": "*)
        file=${1#\# }
        file=${file%%:*}
        : >"$file"
        ;;
    q8-*) file= && run_line "$1" ;;
    "- run: q8-"*) file= && run_line "${1#- run: }" ;;
    "- q8-"*) file= && run_line "${1#- }" ;;
    apt-get* | meson* | pip* | sh\ tests/* | '$(sh'*) file=none ;; # for another folder
    '') file= ;;
    *) if [ "$file" ] && [ "$file" != none ]; then echo "$1" >>"$file"; elif [ -z "$file" ] && [ "$yaml" = 0 ]; then expect_printed "$1"; fi ;;
    esac
}

file=
yaml=0
while IFS= read -r line; do
    case $line in
    '```yaml') yaml=1 ;;
    '```') yaml=0 ;;
    '    '*) take "$(echo "$line" | sed 's/^ *//')" ;;
    '') [ $yaml = 1 ] || file= ;;
    *) [ $yaml = 0 ] || take "$(echo "$line" | sed 's/^ *//')" ;;
    esac
done <"$readme"
[ "$(wc -l <ran)" -ge 15 ] || die "only these were run: $(cat ran)"
