"""inspect_numbers.py - every statistic of q8-inspect once more, in numpy, from its definition in inspect.h

Sums are taken in numpy's long double (64 bits of mantissa on x86), so that what differs is q8's own
rounding.  Outlier columns are found by bitsandbytes' own function, codes by bitsandbytes' and
compressed-tensors' own (reference.py); errors are taken against the dequantized weight in float64.
"""
import math

import numpy as np
import torch
from bitsandbytes.functional import int8_vectorwise_quant
from bitsandbytes.utils import find_outlier_dims

import reference

WIDE = np.longdouble
TARGETS = {"bnb-int8": None, "ct-w8a8": 0, "ct-w8a16": 0, "ct-w8a16-g32": 32, "ct-w8a16-g64": 64,
           "ct-w8a16-g128": 128}        # the group of the compressed-tensors ones
LEAST_NORMAL = {"F16": 2.0 ** -14, "BF16": 2.0 ** -126, "F32": 2.0 ** -126, "F64": 2.0 ** -126}
WORST, COLUMNS = 5, 8                   # rows and columns that are named
Z = 4.0
Z_NEAR = 1e-3                           # find_outlier_dims works in fp32
# So near to k + 1/2 the kernel's fused product and the codes' rounded one may fall on two sides
# (kernels.h, q8_errors_fn): it matters only to weights that fp16 has rounded first.
TIE = 2.0 ** -16


def mean(values):
    return float(values.sum(dtype=WIDE) / values.size) if values.size else 0.0


def rms(values, axis=None):
    wide = values.astype(WIDE)
    return np.sqrt((wide * wide).mean(axis=axis)).astype(np.float64)


def spread(values):
    """Least, lower median, largest."""
    if not values.size:
        return {"min": 0.0, "median": 0.0, "max": 0.0}
    ranked = np.sort(values)
    return {"min": ranked[0], "median": ranked[(ranked.size - 1) // 2], "max": ranked[-1]}


def histogram(finite):
    """By the exponent field of fp32, denormals in one bin below all others."""
    fields = finite[finite != 0].view(np.uint32) >> 23 & 255
    if not fields.size:
        return {"first_exponent": 0, "counts": []}
    first = int(fields.min())
    return {"first_exponent": first - 127, "counts": np.bincount(fields - first).tolist()}


def numbers(x, dtype):
    """Of the float32 values of a tensor whose file says `dtype` (None: dequantized)."""
    x = np.ascontiguousarray(x).reshape(-1)
    finite = x[np.isfinite(x)]
    away = finite.astype(WIDE) - (finite.sum(dtype=WIDE) / finite.size if finite.size else 0)
    square = away * away
    m2 = square.mean() if finite.size else WIDE(0)
    m4 = (square * square).mean() if finite.size else WIDE(0)
    size = np.abs(finite)
    least = LEAST_NORMAL.get(dtype, 0)
    return {
        "nan": int(np.isnan(x).sum()), "inf": int(np.isinf(x).sum()),
        "zeros": int((size == 0).sum()), "denormals": int(((size > 0) & (size < least)).sum()),
        "min": float(finite.min(initial=np.inf)) if finite.size else 0.0,
        "max": float(finite.max(initial=-np.inf)) if finite.size else 0.0,
        "absmax": float(size.max(initial=0)), "mean": mean(finite), "std": float(np.sqrt(m2)),
        "rms": float(rms(finite)) if finite.size else math.nan,
        "kurtosis": float(m4 / (m2 * m2)) if m2 > 0 else math.nan, "histogram": histogram(finite)}


def usable_rows(x):
    return np.isfinite(x).all(axis=1)


def rows(x):
    """What is said of the rows of a matrix."""
    usable = usable_rows(x)
    absmax = np.abs(x).max(axis=1).astype(np.float64)
    live = usable & (absmax > 0)
    crest = np.zeros(len(x))
    crest[live] = absmax[live] / rms(x[live], axis=1)
    worst = sorted(np.flatnonzero(usable), key=lambda r: (-absmax[r], r))[:WORST]
    return {"rows": x.shape[0], "cols": x.shape[1],
            "rows_zero": int((absmax[usable] == 0).sum()), "rows_not_finite": int((~usable).sum()),
            "row_absmax": spread(absmax[usable]), "row_crest": spread(crest[live]),
            "worst_rows": [{"row": int(r), "absmax": absmax[r], "crest": crest[r]} for r in worst]}


def z_scores(x):
    """Of the columns' standard deviations among each other, both as torch.std has them (n - 1)."""
    if min(x.shape) < 2:
        return np.full(x.shape[1], np.nan)
    with np.errstate(invalid="ignore"):
        deviation = x.astype(WIDE).std(axis=0, ddof=1)
        return ((deviation - deviation.mean()) / deviation.std(ddof=1)).astype(np.float64)


def outliers(x, z):
    """(columns that bitsandbytes finds, columns on which fp32 may disagree)."""
    top = np.abs(x).max(initial=0)
    scale = 2.0 ** -np.frexp(top)[1] if top else 1.0        # fp32 would overflow; z is the same
    weight = torch.from_numpy((x.astype(np.float64) * scale).astype(np.float32))
    found = set(find_outlier_dims(weight, zscore=Z).tolist()) if min(x.shape) > 1 else set()
    return found, set(np.flatnonzero(np.abs(z - Z) < Z_NEAR).tolist())


def columns(x):
    """column_rms, and every column with its rms, absmax, z and share of the rows."""
    x = x[usable_rows(x)]
    if not len(x):
        return {"column_rms": spread(np.empty(0))}, [], (set(), set())
    each, z = rms(x, axis=0), z_scores(x)
    live = np.abs(x).max(axis=1) > 0
    hits = np.bincount(np.abs(x[live]).argmax(axis=1), minlength=x.shape[1])
    marks = [{"column": c, "rms": each[c], "absmax": float(np.abs(x[:, c]).max()), "z": z[c],
              "row_share": hits[c] / len(x)} for c in range(x.shape[1])]
    return {"column_rms": spread(each)}, marks, outliers(x, z)


def quantized(weight, target):
    """(the weight as that target has it, the same with the other code of every near tie).

    Dequantized in float64.  `weight`: torch, finite.
    """
    group = TARGETS[target]
    if group is None:
        half = weight.half()
        code, absmax, _ = int8_vectorwise_quant(half)
        code, step = code.double().numpy(), absmax.double().reshape(-1, 1).numpy() / 127
        with np.errstate(invalid="ignore", divide="ignore"):
            exact = half.double().numpy() / step
        code[np.isnan(exact)] = 0       # a row of zeros
    else:
        step = reference.scales(weight, group).double().numpy()
        w = reference.grouped(reference.narrowed(weight), group).float().numpy()
        code = np.rint(np.clip(w / step.astype(np.float32)[:, :, None], -128, 127)).astype(float)
        code = code.reshape(weight.shape)
        step = np.repeat(step, group or weight.shape[1], axis=1)
        exact = np.clip(weight.double().numpy() / step, -128, 127)
    away = exact - code
    near = np.abs(np.abs(away) - 0.5) < TIE
    return code * step, (code + np.where(near, np.sign(away), 0)) * step


def losses(x, back):
    """SQNR, mse, largest error and the share of the worst 1 % of the rows."""
    return loss_of(x.astype(np.float64) - back, x)


def loss_of(error, x):
    row = (error.astype(WIDE) ** 2).sum(axis=1)
    total, signal = row.sum(), (x.astype(WIDE) ** 2).sum()
    worst = np.sort(row)[::-1][:max(len(row) // 100, 1)].sum()
    return {"sqnr_db": float(10 * np.log10(signal / total)) if total > 0 else math.inf,
            "mse": float(total / x.size), "max_error": float(np.abs(error).max()),
            "worst_rows_share": float(worst / total) if total > 0 else 0.0}


def slack(x, error, other):
    """How far (mse relative, largest error relative) the choice at near ties can go."""
    one, two = error.astype(WIDE) ** 2, other.astype(WIDE) ** 2
    mse = np.abs(two - one).sum() / max(one.sum(), np.finfo(WIDE).tiny)
    top = np.abs(error).max()
    return float(mse), float(abs(np.maximum(np.abs(error), np.abs(other)).max() - top) / (top or 1))


def cost(weight, x, target):
    """What the target does to a weight that it takes, or {"obstacle": first such row}."""
    group = TARGETS[target]
    if group and x.shape[1] % group:
        return {"obstacle": None}
    stops = ~usable_rows(x)
    if group is None:
        with np.errstate(over="ignore"):
            stops |= np.isinf(np.abs(x).max(axis=1).astype(np.float16))
    if stops.any():
        return {"obstacle": int(np.flatnonzero(stops)[0])}
    back, other = quantized(weight, target)
    error = x.astype(np.float64) - back
    return {**loss_of(error, x), "slack": slack(x, error, x.astype(np.float64) - other)}
