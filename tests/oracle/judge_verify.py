"""judge_verify.py - the numbers of q8-verify against numpy, bitsandbytes and compressed-tensors"""
import json
import math
import shutil

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import judge_ct
import judge_inspect
import judge_products as products
import models
import reference
import table1
from common import WEIGHTS, convert, read_dir, read_file, run_verify

TARGETS = ("bnb-int8", "ct-w8a8", "ct-w8a16", "ct-w8a16-g32")
# Level 2: fp16, bf16 and fp32; Conv1D, experts.
MODELS = ("llama", "gemma2", "bert", "qwen3_moe", "gpt2")
THRESHOLDS = (0.0, 6.0)
EXACT = 1e-9            # of sums in double, in another order
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def report_of(q8, *args, isa=None):
    """The JSON of a run that must pass or fail, as text."""
    code, out, err = run_verify(q8, "-q", "--json", *args, isa=isa)
    if code not in (0, 1) or err:
        raise ValueError(f"q8-verify: exit {code}: {err[:300]}")
    return out


def decoded(have, module, group):
    """(weights in fp32 as q8 defines them, step of each in double) of an int8 module."""
    if f"{module}.SCB" in have:
        code = reference.to_torch(have[f"{module}.weight"]).float()
        step = reference.to_torch(have[f"{module}.SCB"])[:, None] * torch.tensor(1 / 127)
        return (code * step).numpy(), step.expand(code.shape).double().numpy()
    step = reference.to_torch(have[f"{module}.weight_scale"]).float()
    wide = {**have, f"{module}.weight_scale": type(have[f"{module}.weight_scale"])(
        "F32", step.shape, reference.to_bytes(step))}
    weights = judge_ct.decode_module(wide, module, group).numpy()
    step = step.reshape(step.shape[0], -1)
    return weights, step.repeat_interleave(weights.shape[1] // step.shape[1], 1).double().numpy()


def level_2(worst, weight, have, entry, group):
    """One layer of the report; weight is [out, in]."""
    module, found = entry["name"], entry["weights"]
    w = weight.double().numpy()
    v, step = decoded(have, module, group)
    worst.whole(f"{module} shape", w.shape, (entry["rows"], entry["cols"]))
    error, power = np.square(w - v), np.square(w).sum()
    steps = np.divide(np.abs(w - v), step, out=np.zeros_like(w), where=step != 0)
    rows = np.array([10 * np.log10(p / e) if e else math.inf
                     for p, e in zip(np.square(w).sum(1), error.sum(1))])
    want = {"relative_mse": error.sum() / power, "max_error_steps": steps.max(),
            "cosine": (w * v).sum() / np.sqrt(power * np.square(v, dtype=np.float64).sum())}
    worst.fields(f"{module} weights", want, found, EXACT)
    worst.number(f"{module} sqnr", 10 * np.log10(power / error.sum()), found["sqnr_db"], EXACT)
    for bad in found["worst_rows"]:
        worst.number(f"{module} row {bad['row']} sqnr", rows[bad["row"]], bad["sqnr_db"], EXACT)
    low = sorted(rows)[:len(found["worst_rows"])]
    worst.whole(f"{module} worst rows", len(low), len(found["worst_rows"]))
    for wanted, bad in zip(low, found["worst_rows"]):
        worst.number(f"{module} worst rows", wanted, bad["sqnr_db"], EXACT)
    worst.whole(f"{module} codes off", (0, 0), (found["off"], found["scales_off"]))


def judge_level_2(worst, q8, source, out, target, turned):
    """turned: the weights of the source are [in, out]."""
    report = json.loads(report_of(q8, "--level=weights", "-j", 2, source, out))
    have, floats = read_dir(out), read_dir(source)
    suffix = ".SCB" if target == "bnb-int8" else ".weight_scale"
    modules = sorted(n.removesuffix(suffix) for n in have if n.endswith(suffix))
    worst.whole("layers", modules, sorted(e["name"] for e in report["layers"]))
    for entry in report["layers"]:
        weight = reference.to_torch(floats[f"{entry['name']}.weight"])
        level_2(worst, weight.T if turned else weight, have, entry, judge_ct.group_of(target))
    return worst.take()


def as_type(source, folder, dtype):
    """The model in another type of floats."""
    shutil.copytree(source, folder)
    for path in folder.glob("*" + WEIGHTS):
        tensors = {n: reference.to_torch(t).to(dtype) for n, t in read_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = str(dtype).removeprefix("torch.")
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def judge_module(worst, q8, pair, module, seen, threshold, words):
    """The products of one module, and what the report says of them."""
    source, out, _, target, work = pair
    p = products.Products(q8, source, out, module, seen[module], threshold, work / "p")
    tally = words["tally"]
    x, weight = seen[module], reference.to_torch(words["source"][f"{module}.weight"])
    if target == "bnb-int8":
        problems = products.judge_bnb(p, x, words["have"], module, weight, threshold, tally)
    elif target == "ct-w8a8":
        problems = products.judge_ct_w8a8(p, x, words["have"], module, weight,
                                          words["model"].get_submodule(module), tally)
    else:
        problems = products.judge_ct_w8a16(p, x, words["have"], module, weight,
                                           words["model"].get_submodule(module),
                                           judge_ct.group_of(target), tally)
    entry = words["layers"][module]["matmul"]
    worst.whole(f"{module} activations", "captured", entry["activations"])
    worst.whole(f"{module} tokens", products.TOKENS, entry["tokens"])
    if target == "bnb-int8":
        worst.whole(f"{module} outlier columns", len(p.outliers), entry["outlier_columns"])
    worst.fields(f"{module} products", products.aggregate(p), entry, EXACT)
    return [f"{module}: {text}" for text in problems + worst.take()]


def judge_products(worst, q8, pair, seen, threshold):
    source, out, activations, target, _ = pair
    text = report_of(q8, f"--activations={activations}", "--tokens", products.TOKENS,
                     *([f"--threshold={threshold}"] if target == "bnb-int8" else []), source, out)
    words = {"source": read_dir(source), "have": read_dir(out), "tally": [],
             "layers": {e["name"]: e for e in json.loads(text)["layers"]}}
    if target != "bnb-int8":            # the first forward unpacks the weights
        words["model"] = AutoModelForCausalLM.from_pretrained(out, dtype="auto").eval()
        words["model"](input_ids=torch.tensor([[3, 4]]))
    problems = []
    for module in sorted(words["layers"]):
        problems += judge_module(worst, q8, pair, module, seen, threshold, words)
    unequal, outputs = map(sum, zip(*words["tally"]))
    print(f"     {len(words['tally'])} layers, {outputs} outputs: "
          f"{100 * (1 - unequal / outputs):.3f} % have the library's bits", flush=True)
    return problems


def judge_same_bytes(q8, level, runs, source, out):
    """Any number of threads and, with levels 1 and 2, any instruction set."""
    first, *rest = [report_of(q8, f"--level={level}", "-j", threads, source, out, isa=isa)
                    for threads, isa in runs]
    return [f"{runs[i + 1]} has other bytes than {runs[0]}" for i, r in enumerate(rest)
            if r != first]


def check_same_bytes(checks, q8, source, outs):
    sets = [(2, isa) for isa in ("ref", "avx2", "avx512")]
    for target, out in outs.items():
        for level in ("weights", "matmul"):
            checks.attempt(f"verify {target}, {level}: same bytes", judge_same_bytes, q8, level,
                           [(threads, None) for threads in (1, 2, 3, 8)] + sets, source, out)


def check_products(checks, worst, q8, source, work, name):
    """Every layer of one model in one type of floats; returns its int8 directories."""
    activations = work / f"{name}.safetensors"
    seen, outs = products.write_captured(source, activations), {}
    for target in TARGETS:
        out = work / f"{name}-{target}"
        checks.add(f"verify {name} {target}: converts", convert(q8, target, source, out)[1])
        pair = (source, out, activations, target, work)
        for threshold in THRESHOLDS if target == "bnb-int8" else THRESHOLDS[:1]:
            checks.attempt(f"verify {name} {target}, threshold {threshold}: products",
                           judge_products, worst, q8, pair, seen, threshold)
        outs[target] = out
    return activations, seen, outs


def judge_head(worst, q8, source, work, seen):
    """A head that became int8: the divergence of its logits, by numpy in double."""
    activations, out = work / "bf16.safetensors", work / "head"
    problems = convert(q8, "bnb-int8", source, out, "--also", "lm_head")[1]
    report = json.loads(report_of(q8, f"--activations={activations}", "--tokens", products.TOKENS,
                                  "--layers", "lm_head", source, out))
    p = products.Products(q8, source, out, "lm_head", seen["lm_head"], 6.0, work / "p")
    y, z = (a.astype(np.float64) for a in (p.reference, p.int8))
    log_p, log_q = (a - np.log(np.exp(a - a.max(1, keepdims=True)).sum(1, keepdims=True))
                    - a.max(1, keepdims=True) for a in (y, z))
    want = (np.exp(log_p) * (log_p - log_q)).sum(1).mean()
    worst.number("lm_head kl", want, report["layers"][0]["matmul"]["kl"], EXACT)
    return problems + worst.take()


def check(checks, q8, kjv, work):
    """All checks; kjv is testdata/kjv-llama, work an empty folder."""
    worst = judge_inspect.Worst()
    for name in MODELS:
        source = work / name / "source"
        source.parent.mkdir()
        models.make(next(r for r in models.MODELS if r[0] == name), source)
        for target in TARGETS[:1] if name in judge_ct.REFUSED else TARGETS:
            out = work / name / target
            convert(q8, target, source, out)
            checks.attempt(f"verify {name} {target}: level 2", judge_level_2, worst, q8, source,
                           out, target, name == "gpt2")
    for name, dtype in DTYPES.items():
        source = kjv
        if name != "bf16":
            source = work / f"kjv-{name}"
            as_type(kjv, source, dtype)
        activations, seen, outs = check_products(checks, worst, q8, source, work, name)
        if name == "bf16":
            check_same_bytes(checks, q8, source, outs)
            checks.attempt("verify bnb-int8, lm_head: KL divergence", judge_head, worst, q8, source,
                           work, seen)
            weights = {n: reference.to_torch(t) for n, t in read_dir(source).items()}
            table1.check(checks, q8.with_name("q8-verify"), source, outs["bnb-int8"], activations,
                         weights, seen)
    worst.report()
