"""table1.py - LLM.int8()'s Table 1 in kind: what the ways to multiply in int8 cost one model

    table1.py MODEL INT8 Q8_VERIFY ACTIVATIONS      prints the table as Markdown

INT8 is any int8 directory of the model, in the layout of bitsandbytes: the paper's ways start from
MODEL's own weights, and the last row is what bitsandbytes does with INT8.
"""
import json
import subprocess
import sys

import numpy as np
import torch

MODES = ("absmax", "row-wise", "vector-wise", "zeropoint", "zeropoint-vector-wise")
PER_TOKEN = {"row-wise", "vector-wise", "zeropoint-vector-wise"}
PER_ROW = {"vector-wise", "zeropoint-vector-wise"}
THRESHOLDS = (0.0, 6.0)
FED = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")    # by a norm, whose gains stand out
ROUNDING = 1e-4     # of a relative error: outputs are rounded to 16 bit, sums have another order


def layers_of(verify, source, out, activations, threshold, mode=None):
    """{module: what level 3 reports}"""
    done = subprocess.run([str(verify), "-q", "--json", "-j", "2", f"--activations={activations}",
                           f"--threshold={threshold}", *([f"--mode={mode}"] if mode else []),
                           str(source), str(out)], capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise ValueError(f"q8-verify: exit {done.returncode}: {done.stderr.strip()}")
    return {e["name"]: e["matmul"] for e in json.loads(done.stdout)["layers"]}


def affine(x, low, high, asymmetric):
    """x as int8 codes would have it: one rounding to fp32 for each operation."""
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    if asymmetric:
        scale = (high - low) / np.float32(255)
        scale = np.where(scale > 0, scale, np.float32(1))
        zero = np.rint(low / scale) + 128
    else:
        scale = np.maximum(-low, high) / np.float32(127)
        scale, zero = np.where(scale > 0, scale, np.float32(1)), np.float32(0)
    codes = np.clip(np.rint(x / scale) - zero, -128, 127)
    return (codes + zero).astype(np.float64), scale.astype(np.float64)


def spans(x, per_row):
    return (x.min(1, keepdims=True), x.max(1, keepdims=True)) if per_row else (x.min(), x.max())


def relative_error(x, w, mode, threshold):
    """sqrt(sum (y - y')^2 / sum y^2) of x w^T, by the formulas of the paper; torch tensors."""
    dtype, x, w = x.dtype, x.float().numpy(), w.float().numpy()
    y = x.astype(np.float64) @ w.T.astype(np.float64)
    out = (np.abs(x) >= threshold).any(0) if threshold else np.zeros(x.shape[1], bool)
    asymmetric = mode.startswith("zeropoint")
    xs, x_scale = affine(x[:, ~out], *spans(x[:, ~out], mode in PER_TOKEN), asymmetric)
    span = spans(w[:, ~out], True) if mode in PER_ROW else spans(w, False)
    ws, w_scale = affine(w[:, ~out], *span, asymmetric)
    z = torch.from_numpy(xs @ ws.T * (x_scale * np.transpose(w_scale))).to(dtype)
    if out.any():
        z = (z.double() + torch.from_numpy(x[:, out].astype(np.float64) @ w[:, out].T)).to(dtype)
    return np.sqrt(np.square(y - z.double().numpy()).sum() / np.square(y).sum())


def judge_mode(source, seen, found, mode, threshold):
    """Every layer of a report against the formulas; source and seen are torch tensors."""
    problems = []
    for module, entry in found.items():
        want = relative_error(seen[module], source[f"{module}.weight"], mode, threshold)
        if entry["mode"] != mode or not abs(entry["relative_error"] / want - 1) <= ROUNDING:
            problems.append(f"{module}: {entry['mode']} {entry['relative_error']}, not {want}")
    return problems


def mean(found, fed=True):
    """The mean relative error of the layers that the planted features feed, or of the others."""
    return float(np.mean([e["relative_error"] for n, e in found.items()
                          if n.endswith(FED) == fed]))


def decibels(found):
    return float(np.mean([e["sqnr_db"] for n, e in found.items() if n.endswith(FED)]))


def measure(verify, source, out, activations):
    """{(mode, threshold): {module: what level 3 reports}}; mode None: what bitsandbytes does"""
    return {(mode, t): layers_of(verify, source, out, activations, t, mode)
            for mode in (*MODES, None) for t in THRESHOLDS}


def print_table(found):
    print("| int8 products | no decomposition | outlier columns apart (6.0) |\n|---|---|---|")
    for mode in (*MODES, None):
        errors = (f"{100 * mean(found[mode, t]):.2f} %" for t in THRESHOLDS)
        print(f"| {mode or 'LLM.int8() as bitsandbytes runs it'} | {' | '.join(errors)} |")
    print(flush=True)


def judge_order(found):
    """The order of the paper's table, where one column of it is far from the next."""
    plain = {mode: mean(found[mode, 0.0]) for mode in (*MODES, None)}
    apart = {mode: mean(found[mode, 6.0]) for mode in (*MODES, None)}
    rules = [
        ("absmax is far worse than row-wise", plain["absmax"] > 1.5 * plain["row-wise"]),
        ("row-wise is like vector-wise", 0.8 < plain["row-wise"] / plain["vector-wise"] < 1.25),
        ("zero points help one scale", plain["absmax"] > 1.1 * plain["zeropoint"]),
        ("zero points help a scale each",
         plain["vector-wise"] > 1.1 * plain["zeropoint-vector-wise"]),
        ("bitsandbytes is vector-wise", 0.9 < plain[None] / plain["vector-wise"] < 1.1),
        *((f"decomposition helps {mode}", plain[mode] > 10 * apart[mode]) for mode in MODES),
        # its outlier columns come from int8 codes, which are small where the gains are large
        ("decomposition helps bitsandbytes", plain[None] > 3 * apart[None]),
        ("threshold 0 costs at least 10 dB",
         decibels(found[None, 6.0]) - decibels(found[None, 0.0]) >= 10),
        ("other layers do not care",
         mean(found[None, 0.0], False) < 2 * mean(found[None, 6.0], False)),
    ]
    return [f"not so: {text}" for text, holds in rules if not holds]


def check(checks, verify, source, out, activations, weights, seen):
    """Every mode against numpy, and the order of the table."""
    found = measure(verify, source, out, activations)
    for (mode, threshold), layers in found.items():
        if mode:
            checks.attempt(f"verify --mode {mode} --threshold {threshold}: every layer", judge_mode,
                           weights, seen, layers, mode, threshold)
    print_table(found)
    checks.attempt("verify: the order of Table 1", judge_order, found)


if __name__ == "__main__":
    print_table(measure(sys.argv[3], sys.argv[1], sys.argv[2], sys.argv[4]))
