# links in the model's folder: followed within it and to the blobs of the hub's cache, else left with a reason
. "$(dirname "$script")/tiny.sh"
model plain
"$Q8" -q plain out
mkdir elsewhere
echo secret >elsewhere/data.json

# come FILE... : the output has these files besides, and no warning is given
come() {
    rm -rf got
    "$Q8" -q m got 2>err
    [ ! -s err ] || die "there is a warning: $(cat err)"
    (cd got && find . -type f | sort | grep -v '^./model\|^./config.json\|q8-manifest') >list || true
    printf './%s\n' "$@" | sort | diff - list || die "other files came along"
    [ -z "$(find got -type l)" ] || die "a link is in the output"
    cmp out/model.safetensors got/model.safetensors
}
# stay NAME REASON : it is left with a warning even with -q, and in the report
stay() {
    rm -rf got
    expect 0 "left behind: $1 ($2)" "$Q8" -q --json=report.json m got
    grep -qF "\"reason\": \"$2\"" report.json || die "the report does not say: $2"
    ! grep -rq secret got || die "the output has what is elsewhere"
    [ ! -e "got/$1" ] || die "$1 came along"
    cmp out/model.safetensors got/model.safetensors
    rm -r m
    cp -r plain m
}

cp -r plain m
mkdir m/sub
echo 1 >m/sub/a.json
ln -s sub/a.json m/b.json
ln -s b.json m/c.json
ln -s ../c.json m/sub/d.json
ln -s sub m/alias
ln m/sub/a.json m/hard.json
come sub/a.json b.json c.json sub/d.json alias/a.json alias/d.json hard.json
cmp m/sub/a.json got/alias/d.json
# the weights under other names are no other files
ln -s model.safetensors m/latest.safetensors
ln -s ../model.safetensors m/sub/w.bin
ln m/model.safetensors m/again.safetensors
come sub/a.json b.json c.json sub/d.json alias/a.json alias/d.json hard.json
rm -r m
cp -r plain m

ln -s . m/latest
stay latest "a link to a folder that it is in"
mkdir m/sub
ln -s .. m/sub/up
stay sub/up "a link to a folder that it is in"
mkdir m/x m/y
ln -s ../y m/x/y
ln -s ../x m/y/x
expect 0 "x/y/x (a link to a folder behind such a link)" "$Q8" -q --force m got
rm -r m
cp -r plain m
mkdir m/checkpoint-5
echo secret >m/checkpoint-5/optimizer.pt
ln -s checkpoint-5 m/best
expect 0 "best (a state of the training run)" "$Q8" -q --force m got
rm m/best
ln -s checkpoint-5/optimizer.pt m/x.pt
expect 0 "x.pt (a state of the training run)" "$Q8" -q --force m got
! grep -rq secret got || die "a state of a training run came along"
rm -r m
cp -r plain m
ln -s 'user@host.1234:5678' 'm/.#config.json'
stay '.#config.json' "a link that leads nowhere"
ln -s ../../blobs/gone m/tokenizer.json
stay tokenizer.json "a link that leads nowhere"
ln -s tokenizer.json m/tokenizer.json
stay tokenizer.json "a link that leads in circles"
ln -s ../elsewhere m/data
stay data "a link that leads out of the model"
ln -s ../elsewhere/data.json m/data.json
stay data.json "a link that leads out of the model"
ln -s "$PWD/elsewhere/data.json" m/data.json
stay data.json "a link that leads out of the model"
ln -s "$PWD/m/config.json" m/data.json
stay data.json "a link that leads out of the model"
mkdir m/sub
ln -s ../../elsewhere m/sub/data
stay sub/data "a link that leads out of the model"
ln -s .. m/up
stay up "a link that leads out of the model"
mkdir m/sub
ln -s ../.. m/sub/up
ln -s sub/up/elsewhere/data.json m/data.json
expect 0 "data.json (a link that leads out of the model), sub/up (a link" "$Q8" -q --force m got
rm -r m
cp -r plain m
mkfifo m/pipe
stay pipe "not a regular file"

# the hub's cache: each file of a snapshot is a link to a blob
hub=cache/models--org--m
mkdir -p $hub/blobs $hub/snapshots/rev/sub cache/other/blobs
n=0
for name in config.json model.safetensors; do
    cp plain/$name $hub/blobs/$n
    ln -s ../../blobs/$n $hub/snapshots/rev/$name
    n=$((n + 1))
done
echo 7 >$hub/blobs/7
echo secret >cache/other/blobs/8
ln -s ../../blobs/7 $hub/snapshots/rev/tokenizer.json
ln -s ../../../blobs/7 $hub/snapshots/rev/sub/a.json
ln -s $hub/snapshots/rev link
for input in $hub/snapshots/rev link; do
    "$Q8" -q --force $input got 2>err
    [ ! -s err ] || die "there is a warning: $(cat err)"
    cmp $hub/blobs/7 got/tokenizer.json
    cmp $hub/blobs/7 got/sub/a.json
done
ln -s ../../../other/blobs/8 $hub/snapshots/rev/b.json
expect 0 "left behind: b.json (a link that leads out of the model)" "$Q8" -q --force link got
mv $hub/snapshots/rev/b.json $hub/snapshots/rev/tokenizer.json
mv $hub/snapshots $hub/copies # no names of the cache
rm link
expect 0 "sub/a.json (a link that leads out of the model), tokenizer.json (a link" \
    "$Q8" -q --force $hub/copies/rev got

# limits, and folders that link to each other
rm -rf m
cp -r plain m
folder=m
for level in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
    folder=$folder/$level
    mkdir $folder
done
expect 6 "folders nested deeper than 16" "$Q8" -q m deep
[ ! -e deep ] && [ ! -e deep.partial ] || die "something was written"
rm -r m
cp -r plain m
for a in 0 1 2 3 4 5 6 7 8 9; do
    mkdir m/$a
    echo $a >m/$a/file
    for b in 0 1 2 3 4 5 6 7 8 9; do
        ln -s ../$b m/$a/$b
    done
done
"$Q8" -q --force m got 2>err
[ "$(find got -name file | wc -l)" = 100 ] || die "folders behind links behind links came along"
rm -r m
cp -r plain m
mkdir m/many
(cd m/many && seq 100001 | xargs touch)
expect 6 "more than 100000 files" "$Q8" -q m many
