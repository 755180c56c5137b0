#!/usr/bin/env python3
"""peer_matmul.py MODEL INT8 TOKENS THREADS - level 3 by bitsandbytes and torch

Time without imports.  For each int8 weight: activations of unit RMS, Y = X W^T in fp32, Y' by bitsandbytes' MatMul8bitLt
on the CPU with threshold 6.0 and the stored codes, and how far they are apart.
"""
import logging
import math
import resource
import sys
import time

logging.disable(logging.WARNING)        # bitsandbytes warns of every cast to fp16

import torch
from bitsandbytes.autograd._functions import MatMul8bitLt, MatmulLtState
from safetensors import safe_open

tokens, threads = int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)


def multiply(x, code, absmax):
    state = MatmulLtState()
    state.is_training, state.has_fp16_weights = False, False
    state.CB, state.SCB, state.threshold = code, absmax, 6.0
    return MatMul8bitLt.apply(x, code, None, None, state)


def compare(y, z):
    error, power = (y - z).square().sum(), y.square().sum()
    return (math.sqrt(error / power), 10 * math.log10(power / error),
            float(torch.nn.functional.cosine_similarity(y.flatten(), z.flatten(), 0)),
            float((y - z).abs().max()))


def run(floats, int8):
    """(layers, the worst relative error, seconds)"""
    begin, worst, count = time.monotonic(), 0, 0
    generator = torch.Generator().manual_seed(1)
    for name in int8.keys():
        if not name.endswith(".SCB"):
            continue
        weight = name.removesuffix("SCB") + "weight"
        w = floats.get_tensor(weight)
        x = torch.randn(tokens, w.shape[1], generator=generator).to(w.dtype)
        y = x.float() @ w.float().T
        z = multiply(x, int8.get_tensor(weight), int8.get_tensor(name)).float()
        worst = max(worst, compare(y, z)[0])
        count += 1
    return count, worst, time.monotonic() - begin


with (safe_open(f"{sys.argv[1]}/model.safetensors", "pt") as floats,
      safe_open(f"{sys.argv[2]}/model.safetensors", "pt") as int8, torch.no_grad()):
    count, worst, seconds = min((run(floats, int8) for _ in range(2)), key=lambda turn: turn[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"bitsandbytes and torch, {count} layers, worst relative error {worst:.4f}, "
      f"without imports: {seconds:.2f} s, {peak:.0f} MB")
