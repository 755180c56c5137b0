# what people name instead of a model: what it is and what to do, in the same words of all three tools
. "$(dirname "$script")/tiny.sh"
export HOME="$PWD/home"
unset HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE XDG_CACHE_HOME || true
model plain
"$Q8" -q plain out

# says STATUS PHRASE MODEL : by each of the tools, whose words differ by the name in front alone
says() {
    expect "$1" "$2" "$Q8" -q "$3" no
    [ ! -e no ] || die "something was written"
    sed 's/^q8-convert: //' err >words
    for tool in inspect verify; do
        if [ $tool = verify ]; then
            expect "$1" "$2" "${Q8%convert}verify" -q "$3" out
        else
            expect "$1" "$2" "${Q8%convert}inspect" -q "$3"
        fi
        sed "s/^q8-$tool: //" err | diff words - || die "$tool has other words for $3"
    done
}
# file NAME FORMAT : a file of those bytes (printf), with some more behind
file() {
    # shellcheck disable=SC2059
    printf "$2" >"$1"
    head -c 600 "$DATA/kjv-llama/tokenizer.json" >>"$1"
}
pointer='version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 700\n'

# files of other programs, by what is in them, whatever they are called
while read -r leaf bytes text; do
    file "$leaf" "$bytes"
    says 4 "$leaf is $text" "$leaf"
    cp -r plain wrong
    cp "$leaf" wrong/model.safetensors
    says 4 "wrong/model.safetensors is $text" wrong
    says 4 "wrong/model.safetensors is $text" wrong/model.safetensors
    rm -r wrong
done <<'END'
g GGUF\3\0\0\0 a GGUF file under another name: give it (by a link) a name that ends in .gguf
a.bin lmgg an old GGML file of llama.cpp
b.ckpt \200\2 a checkpoint of PyTorch (pickle): give it (by a link) a name that ends in .bin
c.ckpt PK\3\4\0\0\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0archive/data.pkl a checkpoint of PyTorch (pickle)
a.npz PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\11\0\0\0array.npy an array file of numpy
a.zip PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\11\0\0\0README.md an archive: unpack it
a.h5 \211HDF\r\n\032\n an HDF5 file of Keras or TensorFlow
a.tflite \34\0\0\0TFL3 a graph of TensorFlow Lite
a.tgz \37\213\10 an archive: unpack it
a.html \n<!DOCTYPE\040HTML>\n a page of a web site, saved in the place of a file
a.xml <?xml\040version="1.0"?><Error>AccessDenied a page of a web site
lfs version\040https://git-lfs.github.com/spec/v1\n a Git LFS pointer: `git lfs pull`
annex /annex/objects/SHA256E-s1 a git-annex pointer: `git annex get`
xet \043\040xet\040version\0400\n a Xet pointer
a.parquet PAR1 a table (Parquet or Arrow)
END
# by their names, where the bytes say nothing
for name in a.onnx a.ckpt a.msgpack a.ot; do
    : >"$name"
    says 4 "$name is a" "$name"
done
says 4 "plain/config.json is a file that tells of a model: name its directory instead, plain" plain/config.json
echo '{}' >plain/model.safetensors.index.json
says 4 "name its directory instead, plain" plain/model.safetensors.index.json
rm plain/model.safetensors.index.json
cp plain/model.safetensors blob
says 4 "blob is a safetensors file under another name" blob
echo hello >hello
says 3 "'hello' is not a name for a weight file" hello

# in the place of files of the model; what is broken is broken
cp -r plain wrong
echo '{"error": "gated"}' >wrong/model.safetensors
says 4 "wrong/model.safetensors is JSON text: is it what a server said?" wrong
head -c 5000 /dev/zero >wrong/model.safetensors
says 3 "all zeros at its start: was it downloaded whole?" wrong
: >wrong/model.safetensors
says 3 "wrong/model.safetensors is empty: was it downloaded whole?" wrong
head -c 3000 plain/model.safetensors >wrong/model.safetensors
says 3 "cut short" wrong
rm wrong/model.safetensors
ln -s ../../blobs/gone wrong/model.safetensors
says 3 "wrong/model.safetensors is a link to ../../blobs/gone, where nothing is: was it downloaded whole?" wrong
ln -sf .git/annex/objects/aa/bb/K/K wrong/model.safetensors
says 4 "is a link of git-annex whose file is not here" wrong
rm wrong/model.safetensors
# shellcheck disable=SC2059
printf "$pointer" >wrong/model.safetensors.index.json
says 4 "wrong/model.safetensors.index.json is a Git LFS pointer" wrong
index wrong '' "$(map model-1.safetensors $bottom)"
# shellcheck disable=SC2059
printf "$pointer" >wrong/model-1.safetensors
says 4 "wrong/model-1.safetensors is a Git LFS pointer" wrong
# shellcheck disable=SC2059
printf "$pointer" >wrong/config.json
says 4 "wrong/config.json is a Git LFS pointer" wrong
: >wrong/config.json
says 3 "wrong/config.json is empty" wrong
echo '{"a": }' >wrong/config.json
says 3 "JSON" wrong
rm -r wrong

# files of activations
for leaf in acts.safetensors acts.npz; do
    # shellcheck disable=SC2059
    printf "$pointer" >$leaf
    expect 4 "$leaf is a Git LFS pointer: \`git lfs pull\`" "${Q8%convert}inspect" -q --activations=$leaf plain
    expect 4 "$leaf is a Git LFS pointer: \`git lfs pull\`" "${Q8%convert}verify" -q --activations=$leaf plain out
done

# directories without weights that q8 reads
mkdir empty bare
says 3 "empty is empty: no config.json, no weights" empty
cp plain/config.json bare
says 4 "bare: neither model.safetensors nor model.safetensors.index.json nor pytorch_model.bin nor pytorch_model.bin.index.json" bare
has() {
    cp "$1" "bare/$2"
    says 4 "$3" bare
    rm "bare/$2"
}
has hello tf_model.h5 "it has tf_model.h5, which is an HDF5 file of Keras or TensorFlow: load it there"
has b.ckpt training_args.bin "it has training_args.bin, which is a checkpoint of PyTorch (pickle)"
has b.ckpt model.pt "another name are there, model.pt: give it the name pytorch_model.bin by a link"
has plain/model.safetensors consolidated.safetensors "it has consolidated.safetensors, which is a checkpoint in the layout of its maker's own code"
has hello m.onnx "it has m.onnx, which is an ONNX graph"
has hello model.safetensors.incomplete "a download is not finished (model.safetensors.incomplete)"
has plain/model.safetensors model.fp16.safetensors "another name are there, model.fp16.safetensors: give it the name model.safetensors by a link"
has plain/model.safetensors model-00001-of-00002.safetensors "bare has model-00001-of-00002.safetensors, but no model.safetensors.index.json"
ln -s nowhere bare/config2.json
rm bare/config.json
says 3 "bare/a.gguf: " "$(cp g bare/a.gguf && echo bare)"
mkdir many
cp -r plain many/a
says 4 "many is no model but a folder of models: name one, such as many/a" many

# nothing is there: names of the hub, addresses; with the snapshot of the cache if it is there
says 5 "nothing: No such file or directory" nothing
says 5 "plain/nothing: No such file or directory" plain/nothing
says 4 "org/m is no directory here but a name of the hub, and q8 is offline: give a local directory (\`hf download org/m --local-dir m\` makes one)" org/m
says 4 "is an address, and q8 is offline: give a local directory (\`hf download org/m --local-dir m\`" https://huggingface.co/org/m/tree/main
says 4 "is an address, and q8 is offline: download it" s3://bucket/m
# cached FOLDER : says the snapshot that this cache has of org/m
cached() {
    cache=$1/models--org--m
    mkdir -p "$cache/snapshots/old" "$cache/snapshots/abc" "$cache/refs"
    printf abc >"$cache/refs/main"
    says 4 "such as the hub's cache has: $cache/snapshots/abc" org/m
    says 4 "such as the hub's cache has: $cache/snapshots/abc" hf://org/m
    says 4 "$cache is a folder of the hub's cache: name the snapshot in it, $cache/snapshots/abc" "$cache"
    says 4 "a folder of models: name one, such as $cache/snapshots/abc" "$1"
    rm "$cache/refs/main"
    touch -d '2020-01-01' "$cache/snapshots/old"
    says 4 "such as the hub's cache has: $cache/snapshots/abc" org/m
}
cached "$HOME/.cache/huggingface/hub"
XDG_CACHE_HOME=$PWD/xdg; export XDG_CACHE_HOME
cached "$XDG_CACHE_HOME/huggingface/hub"
HF_HOME=$PWD/hf; export HF_HOME
cached "$HF_HOME/hub"
HF_HUB_CACHE=$PWD/cache; export HF_HUB_CACHE
cached "$HF_HUB_CACHE"
mkdir -p "$HF_HUB_CACHE/models--gpt2/snapshots/x"
says 4 "gpt2 is no directory here but a name of the hub" gpt2
