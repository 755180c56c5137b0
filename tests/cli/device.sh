# --device: the commands start without CUDA, say what is not there, and do what they can
here=$(dirname "$Q8")
CUDA_VISIBLE_DEVICES=-1 # also where there is a GPU, none is to be seen here
export CUDA_VISIBLE_DEVICES
unset LD_LIBRARY_PATH || true
cp -r "$DATA/kjv-llama" model
"$Q8" -q --to=bnb-int8 model int8

# nothing of CUDA, and no C++ library, is needed to start
for command in q8-convert q8-inspect q8-verify; do
    readelf -d "$here/$command" | grep NEEDED >needed || die "readelf of $command"
    ! grep -iE 'cuda|cublas|nvidia|nvrtc|stdc\+\+' needed || die "$command needs that to start"
    env -i "$here/$command" --version >/dev/null || die "$command does not start by itself"
done

# the default is the CPU; so is auto, also without an environment, and the report is the same
"$here/q8-verify" -q --json --device=cpu model int8 >cpu.json
"$here/q8-verify" -q --json model int8 >default.json
env -i CUDA_VISIBLE_DEVICES=-1 "$here/q8-verify" -q --json --device=auto model int8 >bare.json
cmp cpu.json default.json && cmp cpu.json bare.json || die "--device=auto is not --device=cpu here"
grep -q '"engine": "cpu",' cpu.json && grep -q '"device": null' cpu.json || die "engine is not told"

# what was asked for and is not there is told with a next step
expect 4 CUDA "$here/q8-verify" --device=cuda model int8
grep -q -e '--device=cpu' err || die "no next step: $(cat err)"
expect 4 CUDA "$here/q8-verify" --device=cuda:3 --gpu-memory=1.5G model int8
expect 2 "--device wants auto, cpu, cuda or cuda:N, not 'gpu'" "$here/q8-verify" --device=gpu model int8
for size in 0G 12 G 1.5X 1GB -1G nanG 1e30T; do
    expect 2 "--gpu-memory wants a number of bytes such as 512M or 24G, not '$size'" \
        "$here/q8-verify" --gpu-memory=$size model int8
done
for device in '' --device=cpu; do
    expect 2 "--gpu-memory is for --device=cuda or --device=auto" \
        "$here/q8-verify" $device --gpu-memory=1G model int8
done
expect 2 "are for --level=matmul" "$here/q8-verify" --level=weights --device=cuda model int8
expect 2 "are for --level=matmul" "$here/q8-verify" --level=weights --gpu-memory=1G model int8
"$here/q8-verify" -q --level=weights model int8 || die "a level without products needs no device"
"$Q8" --help | grep -q 'There is no --device' || die "q8-convert does not say why it has no --device"

# every report tells what multiplied
"$here/q8-verify" --html=page.html model int8 >text 2>/dev/null
grep -q '; cpu$' text || die "the text does not tell of the CPU"
grep -q '<span>on cpu</span>' page.html || die "the page does not tell of the CPU"
