#!/usr/bin/env python3
"""peer_fp8.py MODEL OUT compressed-tensors|auto-round - FP8 in blocks to bf16 by their own code; time without imports

auto-round's wheel is looked for in $Q8_WHEELS, else /tmp/wheels; it runs in the environment of env.sh --peers.
"""
import os
import resource
import sys
import time
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
model, out, who = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
if who == "auto-round":
    wheels = sorted(Path(os.environ.get("Q8_WHEELS", "/tmp/wheels")).glob("auto_round-0.16.1-*.whl"))
    if not wheels:
        sys.exit("SKIPPED: auto-round: no wheel (pip download --no-deps auto-round==0.16.1)")
    sys.path.append(str(wheels[-1]))
    from auto_round.utils.model_free_utils import _dequant_fp8_tensors
    from safetensors.torch import load_file, save_file

    def convert():
        out.mkdir()
        tensors = _dequant_fp8_tensors(load_file(model / "model.safetensors"), block_size=[128, 128])
        save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
else:
    from compressed_tensors.entrypoints.convert.convert_checkpoint import convert_checkpoint
    from compressed_tensors.entrypoints.convert.converters.fp8block_dequantizer import FP8BlockDequantizer

    def convert():
        convert_checkpoint(model, out, FP8BlockDequantizer.from_pretrained(model), device="cpu")

begin = time.monotonic()
convert()
seconds = time.monotonic() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{seconds:.2f} {peak:.0f}")
