"""judge_products.py - products of level 3 against bitsandbytes and compressed-tensors

build/tests/oracle/products (products.c) writes what q8 multiplied and what came out.  Exact:
activations, codes, scales, outlier columns, int32 sums.  The outputs within bounds, with u the unit
roundoff of the type of the activations (2^-8, 2^-11, 2^-24), v = 2^-24 that of fp32, and |x| |w|
the products of the absolute values; denormals count as far apart as the least of them:

int8 part: fl(fl(sum) * fl(sx * sw) ..) in fp32 has at most 4 roundings in each library, then one to
the type: 2 * 4 v |y| + u' where u' = 2 u |y| (two values that straddle a tie differ by one step).

outlier columns: n of them, summed in fp32 in another order: 2 (n + 2) v (|x| |w| + |int8 part|)
more, and the int8 part is rounded to the type by both before the sum is: another 2 u of it.

compressed-tensors multiplies dequantized numbers: code * scale of x and of w, each rounded to the
type, so (2 u + u^2) |x| |w| away, and sums k of them in fp32: 2 k v |x| |w|.  q8's W8A16 rounds the
weights like that, so there the sums alone count.  The reference is not rounded to the type.
"""
import subprocess

import bitsandbytes
import bitsandbytes.functional as F
import numpy as np
import torch
from bitsandbytes.autograd._functions import MatmulLtState
from compressed_tensors.quantization.utils import calculate_range, compute_dynamic_scales_and_zp
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import judge_ct
import reference
from capture import capture

TOKENS = 128
ROUNDOFF = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11, torch.float32: 2.0**-24}
V = 2.0**-24


def write_captured(folder, path):
    """What goes into every Linear on the first tokens of the held-out text; also in a file."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()
    ids = AutoTokenizer.from_pretrained(folder)((folder / "heldout.txt").read_text())["input_ids"]
    seen = capture(model, ids[:TOKENS])
    save_file(seen, path)
    return seen


class Products:
    """What q8 multiplied: x, codes, scales, acc, int8, reference; `outliers` as it printed them."""

    def __init__(self, q8, source, out, module, x, threshold, prefix):
        """x: the activations of that module, a torch tensor."""
        save_file({module: x}, f"{prefix}.safetensors")
        done = subprocess.run([str(q8.parents[1] / "tests/oracle/products"), str(source), str(out),
                               module, f"{prefix}.safetensors", str(TOKENS), str(threshold),
                               str(prefix)], capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise ValueError(f"products: exit {done.returncode}: {done.stderr.strip()}")
        self.outliers = [int(word) for word in done.stdout.split()]
        self.x = self.read(prefix, "x", np.float32)
        self.codes = self.read(prefix, "codes", np.int8)
        self.scales = self.read(prefix, "scales", np.float32).reshape(-1)
        self.acc = self.read(prefix, "acc", np.int32)
        self.int8 = self.read(prefix, "int8", np.float32)
        self.reference = self.read(prefix, "reference", np.float32)

    @staticmethod
    def read(prefix, suffix, dtype):
        values = np.fromfile(f"{prefix}.{suffix}", dtype)
        return values.reshape(TOKENS, -1) if values.size else values


def same(what, want, have):
    want, have = np.asarray(want), np.asarray(have)
    if want.shape != have.shape:
        return [f"{what}: shape {have.shape}, not {want.shape}"]
    wrong = np.argwhere(want != have)
    return [f"{what}: {len(wrong)} of {want.size} differ, the first at {wrong[0].tolist()}: "
            f"{have[tuple(wrong[0])]}, not {want[tuple(wrong[0])]}"] if len(wrong) else []


def within(what, want, have, bound, dtype=torch.float32):
    """dtype: that `have` was rounded to; its denormals are no closer than the least of them."""
    info = torch.finfo(dtype)
    bound = bound + info.tiny * info.eps
    error = np.abs(np.asarray(want, np.float64) - have)
    wrong = np.argwhere(~(error <= bound))
    return [f"{what}: {len(wrong)} of {error.size} beyond their bound, the first at "
            f"{wrong[0].tolist()}: {have[tuple(wrong[0])]}, not {want[tuple(wrong[0])]}"] \
        if len(wrong) else []


def absolute(x, w):
    """|x| |w|^T in double."""
    return np.abs(np.asarray(x, np.float64)) @ np.abs(np.asarray(w, np.float64)).T


def judge_reference(p, weight):
    """Y_ref = x w^T with sums in fp32, in any order."""
    w = weight.float().numpy()
    exact = p.x.astype(np.float64) @ w.astype(np.float64).T
    return within("reference", exact, p.reference, w.shape[1] * V * absolute(p.x, w))


def judge_bnb(p, x, have, module, weight, threshold, tally):
    """One module of a bitsandbytes directory; x as the model ran with it."""
    code = reference.to_torch(have[f"{module}.weight"])
    absmax = reference.to_torch(have[f"{module}.SCB"])
    codes, scales, columns = F.int8_vectorwise_quant(x.half(), threshold=threshold)
    columns = [] if columns is None else sorted(set(columns.tolist()))
    state = MatmulLtState()
    state.is_training, state.has_fp16_weights, state.CB, state.SCB = False, False, code, absmax
    want = bitsandbytes.matmul(x.clone(), code, state=state, threshold=threshold).float().numpy()
    sums = codes.numpy().astype(np.int64) @ code.numpy().astype(np.int64).T
    problems = same("activations", x.float(), p.x) + same("codes", codes, p.codes)
    problems += same("scales", scales, p.scales) + same("int32 sums", sums, p.acc)
    problems += same("outlier columns", columns, p.outliers)
    u, part = ROUNDOFF[x.dtype], np.abs(
        sums * scales.double().numpy()[:, None] * absmax.double().numpy() / 127.0**2)
    bound = 8 * V * part + 2 * u * np.abs(want)
    if columns:
        w = (code.double() * absmax.double()[:, None] / 127).numpy()[:, columns]
        bound += 2 * u * part + 2 * (len(columns) + 2) * V * (
            absolute(x.float().numpy()[:, columns], w) + part)
    unequal = np.count_nonzero(want != p.int8)
    tally.append((unequal, want.size))
    if unequal > (want.size // 200 if columns else 0) and x.dtype != torch.float32:
        problems.append(f"outputs: {unequal} of {want.size} have other bits")
    return problems + within("outputs", want, p.int8, bound, x.dtype) + judge_reference(p, weight)


def dynamic_codes(x, args, layer):
    """compressed-tensors' own per-token scales, and the codes that its forward rounds to."""
    scale, _ = compute_dynamic_scales_and_zp(x[None], args, layer)
    low, high = calculate_range(args, x.device)
    return torch.round(torch.clamp(x[None] / scale, low, high))[0], scale[0]


def judge_ct_w8a8(p, x, have, module, weight, layer, tally):
    code = reference.to_torch(have[f"{module}.weight"])
    scale = reference.to_torch(have[f"{module}.weight_scale"])
    codes, steps = dynamic_codes(x, layer.quantization_scheme.input_activations, layer)
    codes, steps = codes.float().numpy().astype(np.int8), steps.float().reshape(-1)
    with torch.no_grad():
        want = layer(x[None])[0].float().numpy()
    sums = codes.astype(np.int64) @ code.numpy().astype(np.int64).T
    problems = same("activations", x.float(), p.x) + same("codes", codes, p.codes)
    problems += same("scales", steps, p.scales) + same("int32 sums", sums, p.acc)
    exact = sums * steps.double().numpy()[:, None] * scale.double().numpy().reshape(-1)
    u = ROUNDOFF[x.dtype]
    problems += within("outputs, against the sums", exact, p.int8, (u + 8 * V) * np.abs(exact),
                       x.dtype)
    parts = absolute(codes * steps.numpy()[:, None], (code.float() * scale.float()).numpy())
    bound = ((2 * u + u * u) + 2 * x.shape[1] * V) * parts + 2 * u * np.abs(want)
    tally.append((np.count_nonzero(want != p.int8), want.size))
    return problems + within("outputs", want, p.int8, bound, x.dtype) + judge_reference(p, weight)


def judge_ct_w8a16(p, x, have, module, weight, layer, group, tally):
    """Against torch's fp32 product of the same numbers, and against the library's forward."""
    w = judge_ct.decode_module(have, module, group).to(x.dtype)
    torch_says = (x.float() @ w.float().T).numpy()
    with torch.no_grad():
        want = layer(x[None])[0].float().numpy()
    u, sums = ROUNDOFF[x.dtype], 2 * x.shape[1] * V * absolute(x.float(), w.float())
    problems = same("activations", x.float(), p.x)
    problems += same("weights", w.float(), layer.weight.data.float())
    problems += within("outputs, against torch in fp32", torch_says, p.int8,
                       sums + u * np.abs(torch_says), x.dtype)
    error = np.sqrt(np.square(torch_says - p.int8, dtype=np.float64).sum()
                    / np.square(torch_says, dtype=np.float64).sum())
    if not error <= max(1e-5, u):
        problems.append(f"torch's fp32 product is {error:.2g} away")
    tally.append((np.count_nonzero(want != p.int8), want.size))
    problems += within("outputs", want, p.int8, sums + 2 * u * np.abs(want), x.dtype)
    return problems + judge_reference(p, weight)


def aggregate(p):
    """Level 3's numbers of two arrays, in double."""
    y, z = p.reference.astype(np.float64), p.int8.astype(np.float64)
    error, power = np.square(y - z).sum(), np.square(y).sum()
    return {"relative_error": np.sqrt(error / power), "sqnr_db": 10 * np.log10(power / error),
            "cosine": (y * z).sum() / np.sqrt(power * np.square(z).sum()),
            "max_error": np.abs(y - z).max()}
