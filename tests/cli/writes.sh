# what the commands open to write, remove, rename or make: OUTPUT, OUTPUT.partial and the reports that
# are named; no network, no other program
command -v strace >/dev/null || {
    echo "writes.sh: SKIPPED: strace is not installed" >&2
    exit 77
}
strace -o trace true 2>refused || {
    echo "writes.sh: SKIPPED: strace may not look here: $(cat refused)" >&2
    exit 77
}
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 # which cannot look while strace does
INSPECT=$(dirname "$Q8")/q8-inspect
VERIFY=$(dirname "$Q8")/q8-verify
mkdir in
cp -r "$DATA/kjv-llama" in/model
mkdir in/model/sub
echo notes >in/model/sub/notes.txt
echo 'skip lm_head' >in/overrides.txt
chmod -R a-w in

calls=open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link
calls=$calls,linkat,symlink,symlinkat,truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,mknod
calls=$calls,mknodat,setxattr,lsetxattr,%network,execve,execveat,fork,vfork,clone,clone3

# traced STATUS ALLOWED COMMAND... : ALLOWED is a regex of what may be touched, below this folder
traced() {
    wanted=$1
    allowed="^$PWD/($2)\$"
    shift 2
    got=0
    strace -ff -qq -y -s 4096 -o trace -e trace="$calls" "$@" >stdout 2>err || got=$?
    [ $got = "$wanted" ] || die "exit $got, expected $wanted: $* ($(cat err))"
    grep -q 'openat(' trace.* || die "strace saw nothing: $(head -n 5 trace.*)"
    awk -v allowed="$allowed" -v here="$PWD" '
        function look(path) {
            sub(/\/$/, "", path)
            if (path !~ allowed && path !~ /\.gcda$/) # a coverage build counts into those
                print path " in " $0
        }
        { call = $0; sub(/\(.*/, "", call) }
        / = -1 / && call !~ /^(socket|connect|exec)/ { next }
        call ~ /^exec/ { if (++programs > 1) print "a program: " $0; next }
        call ~ /^(fork|vfork|clone)/ { if ($0 !~ /CLONE_THREAD/) print "a process: " $0; next }
        call ~ /^(open|creat)/ {
            if (call != "creat" && $0 !~ /O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)/)
                next
            path = $0
            sub(/.*= [0-9]+</, "", path)
            sub(/>[^>]*$/, "", path)
            look(path)
            next
        }
        call ~ /^(rename|unlink|mkdir|rmdir|link|symlink|truncate|chmod|fchmodat|l?chown|fchownat|utimensat|mknod|l?setxattr)/ {
            rest = $0
            while (match(rest, /(<[^>]*>, )?"[^"]*"/)) {
                path = folder = substr(rest, RSTART, RLENGTH)
                rest = substr(rest, RSTART + RLENGTH)
                sub(/.*"/, "", folder)
                folder = path ~ /^</ ? substr(path, 2, index(path, ">") - 2) : here
                sub(/^[^"]*"/, "", path)
                sub(/"$/, "", path)
                look(path ~ /^\// ? path : folder "/" path)
            }
            next
        }
        call ~ /^[a-z0-9_]+$/ && $0 ~ /\(/ { print "the network: " $0 }
    ' trace.* >found
    rm trace.*
    [ ! -s found ] || die "$*: $(head -n 5 found)"
}
mkdir out reports
temporary='(\.[0-9a-f]*)?'
traced 0 "out/i8(\.partial)?(/.*)?|reports/c\.json$temporary" \
    "$Q8" --sha256 --overrides=in/overrides.txt --json=reports/c.json in/model out/i8
traced 0 "out/i8(\.partial)?(/.*)?" "$Q8" --force --to=ct-w8a8 in/model out/i8
traced 0 "out/i8(\.partial)?(/.*)?" "$Q8" -q --force in/model out/i8
traced 0 "nothing" "$Q8" --dry-run in/model out/i9
traced 2 "nothing" "$Q8" in/model out/i8
mkdir old
cp -r out/i8 in/i8 2>/dev/null || { chmod u+w in && cp -r out/i8 in/i8 && chmod a-w in; }
LD_PRELOAD=$FAIL_IO Q8_KILL_AT=60 "$Q8" -q -j 1 --no-sync in/model out/i9 2>/dev/null || true
[ -d out/i9.partial ] || die "nothing to resume"
traced 0 "out/i9(\.partial)?(/.*)?" "$Q8" -q --resume in/model out/i9
for option in '' --header --quick "--layers=*"; do
    traced 0 "nothing" "$INSPECT" $option in/model
done
traced 0 "reports/[a-z]*$temporary" "$INSPECT" --json=reports/j --csv=reports/c --html=reports/h \
    --suggest=reports/s --reference=in/model in/i8
traced 1 "reports/d$temporary" "$INSPECT" --diff --json=reports/d in/model in/i8
traced 0 "reports/[a-z]*$temporary" "$VERIFY" --device=cpu --json=reports/j --junit=reports/x --html=reports/h \
    --write-baseline=reports/b --runtime=transformers in/model in/i8
traced 0 "reports/x$temporary" "$VERIFY" --device=cpu --baseline=reports/b --junit=reports/x in/model in/i8
traced 5 "reports/[a-z]*$temporary" "$VERIFY" --json=reports/j --junit=reports/x --html=reports/h in/model nowhere
chmod -R u+w in
