"""inspect_int8.py - int8 directories: what q8-inspect predicts and finds, against numpy on the raw files"""
import json
import math

import numpy as np
from transformers import BitsAndBytesConfig

import inspect_numbers as ours
import judge_inspect
import models
import peers
import reference
from common import convert, read_dir

ROW = ("llama", "LlamaConfig", "LlamaForCausalLM")      # as models.load wants it
SAME_DB = 1e-6                  # predicted, and found in the files with float64
INVERSE_127 = np.float32(7.874015718698502e-3)          # bitsandbytes/_ops.py


class Weight:
    """One int8 weight: codes [rows, cols], steps [rows, groups] in fp32 and in float64."""

    def __init__(self, code, step, exact, absmax):
        self.code, self.step, self.exact, self.absmax = code, step, exact, absmax

    def spread(self, step):
        return np.repeat(step, self.code.shape[1] // step.shape[1], axis=1)

    def floats(self):
        """fl(code * step), as stored.h has it."""
        return self.code.astype(np.float32) * self.spread(self.step)

    def doubles(self):
        """The weight that the file stands for."""
        return self.code.astype(np.float64) * self.spread(self.exact)


def to_numpy(tensor):
    return reference.to_torch(tensor).float().numpy()


def int8_weights(tensors):
    """{module: Weight} of a directory read with read_dir."""
    found = {}
    for name, tensor in tensors.items():
        module = name.rpartition(".")[0]
        if name.endswith(".SCB"):
            absmax = to_numpy(tensor).reshape(-1, 1)
            found[module] = Weight(reference.to_torch(tensors[f"{module}.weight"]).numpy(),
                                   absmax * INVERSE_127, absmax.astype(np.float64) / 127, True)
        elif name.endswith(".weight_scale"):
            step = to_numpy(tensor)
            if f"{module}.weight" in tensors:
                code = reference.to_torch(tensors[f"{module}.weight"]).numpy()
            else:
                shape = np.frombuffer(tensors[f"{module}.weight_shape"].data, np.int64)
                raw = np.frombuffer(tensors[f"{module}.weight_packed"].data, np.uint8)
                code = (raw.reshape(shape[0], -1)[:, :shape[1]] ^ 0x80).view(np.int8)
            found[module] = Weight(code, step, step.astype(np.float64), False)
    return found


def code_numbers(w):
    counts = np.bincount(w.code.reshape(-1).astype(np.int64) + 128, minlength=256)
    share = counts[counts > 0] / w.code.size
    used = np.flatnonzero(counts) - 128
    ends = (127, -128, -127) if w.absmax else (127, -128)
    dead = (w.code == 0).all(axis=1)
    bad = ~np.isfinite(w.step) | (w.step < 0) | ((w.step == 0) & ~dead[:, None])
    return {"scales": w.step.size, "bad_scales": int(bad.sum()),
            "saturated_share": sum(counts[e + 128] for e in ends) / w.code.size,
            "code_min": used[0], "code_max": used[-1], "codes_used": len(used),
            "effective_bits": -(share * np.log2(share)).sum(), "rows_zero": int(dead.sum())}


def check_codes(worst, at, w, source, entry):
    have = entry["int8"]
    worst.fields(f"{at} scale", ours.spread(w.step.reshape(-1)), have["scale"], 0)
    want = code_numbers(w)
    for key in ("scales", "bad_scales", "code_min", "code_max", "codes_used", "rows_zero"):
        worst.whole(f"{at} {key}", int(want[key]), int(have[key]))
    for key in ("saturated_share", "effective_bits"):
        worst.number(f"{at} {key}", want[key], have[key], judge_inspect.EXACT)
    loss = ours.losses(source, w.floats())
    for key in ("sqnr_db", "mse", "max_error"):
        worst.number(f"{at} reference {key}", loss[key], have["reference"][key],
                     judge_inspect.EXACT, None, f"reference {key}")
    worst.number(f"{at} reference sqnr_db in float64",
                 ours.losses(source, w.doubles())["sqnr_db"], have["reference"]["sqnr_db"],
                 SAME_DB, 1, "reference sqnr_db, files in float64, dB")


def judge_reference(worst, q8, kjv, out):
    """--reference: codes, scales and the true error; and the statistics of the dequantized floats."""
    tensors, floats = read_dir(out), read_dir(kjv)
    weights = int8_weights(tensors)
    report = judge_inspect.inspect(q8, "--reference", kjv, out)
    stored = {e["name"]: e for e in report["tensors"] if "int8" in e}
    worst.whole("int8 weights", sorted(weights), sorted(stored))
    for module, w in weights.items():
        x, at, entry = w.floats(), module, stored[module]
        judge_inspect.check_numbers(worst, at, x, None, entry)
        judge_inspect.check_rows(worst, at, x, entry)
        judge_inspect.check_columns(worst, at, x, entry)
        check_codes(worst, at, w, to_numpy(floats[f"{module}.weight"]), entry)
    for entry in report["tensors"]:
        if "int8" not in entry:
            judge_inspect.check_entry(worst, tensors[entry["tensor"]], entry, False)
    return worst.take()


def judge_prediction(worst, q8, kjv, out, target, nearest=True):
    """What an inspection of the float model predicts is what numpy finds in the files.

    `nearest`: the codes are q8's or bitsandbytes' own; else (llm-compressor divides in the
    weight's dtype) the file may only be worse.
    """
    floats, weights = read_dir(kjv), int8_weights(read_dir(out))
    report = judge_inspect.inspect(q8, kjv)
    entries = {e["name"]: e for e in report["tensors"]}
    signal = noise = 0.0
    for module, w in weights.items():
        source = to_numpy(floats[f"{module}.weight"])
        want, have = ours.losses(source, w.doubles()), entries[module]["targets"][target]
        signal += (source.astype(np.float64) ** 2).sum()
        noise += want["mse"] * source.size
        if not nearest:
            if not want["sqnr_db"] - SAME_DB <= have["sqnr_db"] <= want["sqnr_db"] + 1:
                worst.problems.append(f"{module}: {have['sqnr_db']} dB predicted, the file has "
                                      f"{want['sqnr_db']}")
            continue
        worst.number(f"{module} sqnr_db", want["sqnr_db"], have["sqnr_db"], SAME_DB, 1,
                     "predicted sqnr_db, dB")
        worst.number(f"{module} max_error", want["max_error"], have["max_error"], 1e-12, None,
                     "predicted max_error")
    if nearest and weights:
        worst.number("totals sqnr_db", 10 * math.log10(signal / noise),
                     report["totals"]["sqnr_db"][target], SAME_DB, 1, "predicted totals, dB")
    return worst.take() + ([] if weights else ["nothing is int8"])


def of_bitsandbytes(kjv, out):
    model, _ = models.load(kjv, ROW, dtype="auto",
                           quantization_config=BitsAndBytesConfig(load_in_8bit=True))
    model.save_pretrained(out)
    return []


def check_peers(checks, worst, q8, kjv, work):
    """llm-compressor's own files of the same targets; q8's directories are there already."""
    targets = [t for t in ours.TARGETS if t != "bnb-int8"]
    if not peers.python():
        print("SKIPPED: llm-compressor: no environment (tests/oracle/env.sh --peers)", flush=True)
        return
    jobs = []
    for target in targets:
        out = work / target
        weights = {n.removesuffix(".weight") for n in read_dir(kjv) if n.endswith(".weight")}
        config = json.loads((out / "config.json").read_text())["quantization_config"]
        jobs.append({"source": str(kjv), "out": str(work / f"peer-{target}"),
                     "quantization": config,
                     "ignore": sorted(weights - int8_weights(read_dir(out)).keys())})
    for target, job, reason in zip(targets, jobs, peers.ask("peer_scales.py", jobs, work)):
        what = f"inspect llm-compressor's {target}"
        if checks.add(f"{what}: converts", [reason] if reason else []):
            out = work / f"peer-{target}"
            checks.attempt(f"{what}: codes, scales, errors", judge_reference, worst, q8, kjv, out)
            checks.attempt(f"{what}: predicted", judge_prediction, worst, q8, kjv, out, target,
                           False)


def check_int8(checks, worst, q8, kjv, work):
    """All checks of int8 directories made from kjv-llama."""
    for target in ours.TARGETS:
        out = work / target
        if checks.add(f"inspect {target}: converts", convert(q8, target, kjv, out)[1]):
            checks.attempt(f"inspect {target}: predicted", judge_prediction, worst, q8, kjv, out,
                           target)
            checks.attempt(f"inspect {target}: codes, scales, errors", judge_reference, worst, q8,
                           kjv, out)
            checks.attempt(f"inspect {target}: same bytes", judge_inspect.judge_same_bytes, q8,
                           "--reference", kjv, out)
    out = work / "bitsandbytes"
    if checks.attempt("inspect bitsandbytes' own directory: made", of_bitsandbytes, kjv, out):
        what = "inspect bitsandbytes' own directory"
        checks.attempt(f"{what}: predicted", judge_prediction, worst, q8, kjv, out, "bnb-int8")
        checks.attempt(f"{what}: codes, scales, errors", judge_reference, worst, q8, kjv, out)
    check_peers(checks, worst, q8, kjv, work)
