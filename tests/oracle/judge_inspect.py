"""judge_inspect.py - every number of q8-inspect --json against numpy, bitsandbytes and the files"""
import json
import math
import os
import subprocess

import numpy as np

import inspect_make
import inspect_numbers as ours
import models
import reference
from common import convert, read_dir, read_file
from inspect_int8 import check_int8

# Relative errors, each just above the largest that was met (worst.report prints what is met).
# In double: sums of many rounded terms, and differences of sums.
EXACT = 1e-12
# Errors of a scheme are summed in 32 float lanes of 128 terms each.  Of 16-bit weights every term
# is exact before it is squared; of fp32 ones it is a difference of two that are rounded to fp32.
LOSS = {"F16": 1e-6, "BF16": 1e-6, "F32": 2e-6, "F64": 2e-6}
MOST = {"F16": 1e-12, "BF16": 1e-12, "F32": 1e-7, "F64": 1e-7}
# Below this share of absmax an error is rounding: of the product with 127 in fp32, of our own
# division in double.
FLOOR = {"F16": 2.0**-50, "BF16": 2.0**-50, "F32": 2.0**-23, "F64": 2.0**-23}
DB = 10 / math.log(10)


class Worst:
    """The largest error that each number reached, and what must not be exceeded."""

    def __init__(self):
        self.reached, self.problems = {}, []

    def number(self, what, want, have, bound, unit=None, key=None):
        """Relative to `want`, or to `unit` where the number itself may vanish."""
        want, have = float(want), float(have)
        if want == have or (math.isnan(want) and math.isnan(have)):
            return
        error = abs(want - have) / (unit if unit is not None else abs(want) or 1)
        key = key or what.rsplit(" ", 1)[-1]
        if error <= bound:
            self.reached[key] = max(self.reached.get(key, 0), error)
        else:
            self.problems.append(f"{what}: {have!r}, not {want!r} (off by {error:.3g})")

    def whole(self, what, want, have):
        if want != have:
            self.problems.append(f"{what}: {have!r}, not {want!r}")

    def fields(self, what, want, have, bound):
        for key in want:
            self.number(f"{what} {key}", want[key], have[key], bound, key=what.rsplit(" ", 1)[-1])

    def take(self):
        problems, self.problems = self.problems, []
        return problems

    def report(self):
        for key, error in sorted(self.reached.items()):
            print(f"     largest error of {key}: {error:.2g}", flush=True)


def run_inspect(q8, *args, isa=None):
    """q8-inspect lies beside q8-convert; returns the bytes of its standard output."""
    done = subprocess.run([str(q8.with_name("q8-inspect")), *map(str, args)], capture_output=True,
                          env={**os.environ, **({"Q8_ISA": isa} if isa else {})}, timeout=300)
    if done.returncode or done.stderr:
        raise ValueError(f"q8-inspect: exit {done.returncode}: {done.stderr.decode()[:300]}")
    return done.stdout


def inspect(q8, *args):
    return json.loads(run_inspect(q8, "--json", *args))


def check_numbers(worst, at, x, dtype, entry):
    want = ours.numbers(x, dtype)
    for key in ("nan", "inf", "zeros", "denormals", "histogram"):
        worst.whole(f"{at} {key}", want[key], entry[key])
    for key in ("min", "max", "absmax"):
        worst.number(f"{at} {key}", want[key], entry[key], 0)
    worst.number(f"{at} mean", want["mean"], entry["mean"], EXACT, want["absmax"])
    for key in ("std", "rms", "kurtosis"):
        worst.number(f"{at} {key}", want[key], entry[key], EXACT)


def check_rows(worst, at, x, entry):
    want = ours.rows(x)
    for key in ("rows", "cols", "rows_zero", "rows_not_finite"):
        worst.whole(f"{at} {key}", want[key], entry[key])
    worst.fields(f"{at} row_absmax", want["row_absmax"], entry["row_absmax"], 0)
    worst.fields(f"{at} row_crest", want["row_crest"], entry["row_crest"], EXACT)
    worst.whole(f"{at} worst_rows", [r["row"] for r in want["worst_rows"]],
                [r["row"] for r in entry["worst_rows"]])
    for w, h in zip(want["worst_rows"], entry["worst_rows"]):
        worst.fields(f"{at} worst_rows", w, h, EXACT)


def check_columns(worst, at, x, entry):
    spread, marks, (found, unsure) = ours.columns(x)
    worst.fields(f"{at} column_rms", spread["column_rms"], entry["column_rms"], EXACT)
    listed = [c["column"] for c in entry["columns"]]
    count = entry["outlier_columns"]
    if not len(found - unsure) <= count <= len(found | unsure):
        worst.problems.append(f"{at} outlier_columns: {count}, bitsandbytes finds {len(found)}")
    worst.whole(f"{at} columns listed", min(count, ours.COLUMNS), len(listed))
    order = sorted(found, key=lambda c: (-marks[c]["z"], c))[:ours.COLUMNS]
    if not unsure:
        worst.whole(f"{at} columns", order, listed)
    for h in entry["columns"]:
        worst.fields(f"{at} columns", marks[h["column"]], h, EXACT)


def check_costs(worst, at, weight, x, dtype, entry):
    worst.whole(f"{at} targets", list(ours.TARGETS), list(entry["targets"]))
    for target, have in entry["targets"].items():
        if entry.get("transposed") and target != "bnb-int8" or (
                len(entry["shape"]) == 3 and target == "bnb-int8"):
            worst.whole(f"{at} {target} is none for it", True, "obstacle" in have)
            continue
        want = ours.cost(weight, x, target)
        if "obstacle" in want or "obstacle" in have:
            worst.whole(f"{at} {target} row in the way", want.get("obstacle", "none"),
                        have.get("row") if "obstacle" in have else "none")
            continue
        mse, most = want["slack"]
        floor = FLOOR[dtype] * float(np.abs(x).max())
        if want["max_error"] <= floor:
            worst.whole(f"{at} {target} loses nothing but rounding", True,
                        have["max_error"] <= floor)
            continue
        mse += 2 * floor / math.sqrt(want["mse"]) if dtype not in ("F16", "BF16") else 0
        most += floor / want["max_error"] if dtype not in ("F16", "BF16") else 0
        for key, bound, unit in (("sqnr_db", LOSS[dtype] + mse, DB), ("mse", LOSS[dtype] + mse, None),
                                 ("max_error", MOST[dtype] + most, None),
                                 ("worst_rows_share", 2 * LOSS[dtype] + 2 * mse, None)):
            worst.number(f"{at} {target} {key}", want[key], have[key], bound, unit,
                         f"{key} of {dtype}" if not mse else f"{key} of {dtype} with near ties")


def check_entry(worst, tensor, entry, transposed):
    """One tensor of a float model."""
    at, name = ascii(entry["tensor"]), entry["tensor"]
    worst.whole(f"{at} dtype and shape", (tensor.dtype, tensor.shape),
                (entry["dtype"], tuple(entry["shape"])))
    worst.whole(f"{at} elements", math.prod(tensor.shape), entry["elements"])
    matrix = "rows" in entry
    worst.whole(f"{at} name", name.removesuffix(".weight") if matrix and len(tensor.shape) == 2 and
                entry["linear"] else entry["name"], entry["name"])
    if not tensor.data:
        worst.whole(f"{at} not measured", "it is empty", entry.get("not_measured"))
        return
    weight = reference.to_torch(tensor)
    if transposed:
        weight = weight.T.contiguous()
    x = weight.float().numpy()
    check_numbers(worst, at, x, tensor.dtype, entry)
    worst.whole(f"{at} transposed", transposed, entry.get("transposed", False))
    worst.whole(f"{at} is a matrix", x.ndim == 2 or "experts" in name, matrix)
    if not matrix:
        return
    weight, x = weight.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])
    check_rows(worst, at, x, entry)
    check_columns(worst, at, x, entry)
    worst.whole(f"{at} has targets", entry["linear"] or "embed" in name, "targets" in entry
                or "embed" in name)
    if "targets" in entry and entry["linear"]:
        check_costs(worst, at, weight, x, tensor.dtype, entry)


def judge_floats(worst, q8, path, tensors, is_transposed=lambda name: False):
    report = inspect(q8, path)
    worst.whole("tensors", sorted(tensors), sorted(e["tensor"] for e in report["tensors"]))
    for entry in report["tensors"]:
        check_entry(worst, tensors[entry["tensor"]], entry, is_transposed(entry["tensor"]))
    totals = report["totals"]
    worst.whole("totals", (len(tensors), sum(math.prod(t.shape) for t in tensors.values())),
                (totals["tensors"], totals["parameters"]))
    worst.whole("tensors_not_finite", sum(not np.isfinite(reference.to_torch(t).float()).all()
                                          for t in tensors.values()), totals["tensors_not_finite"])
    return worst.take()


def judge_same_bytes(q8, *args):
    """Any number of threads and any instruction set."""
    runs = [(threads, isa) for threads in (1, 2, 3) for isa in ("ref", "avx2", "avx512")]
    first, *rest = [run_inspect(q8, "--json", "-j", threads, *args, isa=isa)
                    for threads, isa in runs]
    return [f"{runs[i + 1]} has other bytes than {runs[0]}" for i, r in enumerate(rest)
            if r != first]


def check(checks, q8, kjv, work):
    """All checks; kjv is testdata/kjv-llama, work an empty folder."""
    worst = Worst()
    checks.attempt("inspect kjv-llama: every number", judge_floats, worst, q8, kjv, read_dir(kjv))
    for path in inspect_make.write(work / "awkward"):
        checks.attempt(f"inspect {path.name}: every number", judge_floats, worst, q8, path,
                       read_file(path))
        checks.attempt(f"inspect {path.name}: same bytes", judge_same_bytes, q8, path)
    gpt2 = work / "gpt2"
    models.make(next(r for r in models.MODELS if r[0] == "gpt2"), gpt2)
    checks.attempt("inspect gpt2: every number", judge_floats, worst, q8, gpt2, read_dir(gpt2),
                   lambda name: ".c_" in name and name.endswith(".weight"))
    checks.attempt("inspect kjv-llama: same bytes", judge_same_bytes, q8, kjv)
    check_int8(checks, worst, q8, kjv, work)
    worst.report()
