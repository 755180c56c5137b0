"""judge_bnb.py - bnb-int8 against what bitsandbytes itself writes through transformers, byte for byte"""
import json
from pathlib import Path

import torch
from bitsandbytes.nn import Linear8bitLt
from transformers import BitsAndBytesConfig
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizers_utils import should_convert_module

import models
from common import check_config, check_side_files, compare_tensors, convert, read_dir, run_q8

# Linear subclasses everywhere: bitsandbytes converts nothing (formats.md 2.1.9).
REFUSED = {"falcon": "ct-w8a8"}

# bitsandbytes' own CPU code stops in the first forward: int8_vectorwise_quant takes no 4-D input.
# The bytes are judged and the directory is loaded, but there are no logits to compare.
NO_FORWARD = {"deepseek_v2", "deepseek_v3"}

# transformers' own code stops in the first forward, also on what bitsandbytes wrote: q8 must warn.
STOPS = {"falcon_mamba", "mamba"}

# transformers cuts a weight on loading and cannot put the int8 ones together again: there is no truth.
NOT_SAVED = {"nomic_bert"}


def make_truth(row, source, truth):
    """The same model, quantized and saved by the real libraries on the CPU."""
    model, _ = models.load(source, row, dtype="auto",
                           quantization_config=BitsAndBytesConfig(load_in_8bit=True))
    model.save_pretrained(truth)


def loading_problems(info):
    return [f"{key}: {sorted(map(str, value))[:3]}" for key, value in info.items() if value]


def load_and_run(folder, row, **words):
    """Loads; returns (problems, number of int8 modules, logits)."""
    model, info = models.load(folder, row, **words)
    count = sum(isinstance(m, Linear8bitLt) for m in model.modules())
    logits = torch.zeros(1) if row[0] in NO_FORWARD else models.run(model, row)
    return loading_problems(info), count, logits


def compare_runs(want, have, what):
    """Problems of one (problems, count, logits) against another."""
    problems = [f"{what}: {p}" for p in have[0]]
    if want[1] != have[1]:
        problems.append(f"{what}: {have[1]} modules are int8, not {want[1]}")
    if torch.isnan(have[2]).any():
        problems.append(f"{what}: NaN in the logits")
    elif not torch.equal(want[2], have[2]):
        problems.append(f"{what}: logits differ by up to "
                        f"{(want[2].float() - have[2].float()).abs().max():g}")
    return problems


def skip_list_problems(row, truth, out):
    """By transformers' own rule the list, or that of the class where it is null, has every Linear left
    float, tied heads too, and no int8 module."""
    quantization = json.loads((Path(out) / "config.json").read_text())["quantization_config"]
    listed = quantization["llm_int8_skip_modules"]
    model = models.load(truth, row)[0]
    skips = HfQuantizer.get_modules_to_not_convert(model, listed, model._keep_in_fp32_modules)
    modules = dict(model.named_modules())      # names as in memory
    int8 = {n for n, m in modules.items() if isinstance(m, Linear8bitLt)}
    linears = int8 | {n for n, m in modules.items() if type(m) in (torch.nn.Linear, Conv1D)}
    skipped = {n for n in linears if not should_convert_module(n, skips)}
    problems = [f"{m} is float and not in the skip list" for m in sorted(linears - int8 - skipped)]
    return problems + [f"{m} is int8 and in the skip list" for m in sorted(int8 & skipped)]


def judge_files(row, source, truth, out):
    """Everything that can be said of the files."""
    return (compare_tensors(read_dir(truth), read_dir(out)) + check_config(source, out)
            + check_side_files(source, out) + skip_list_problems(row, truth, out))


def judge_loading(row, truth, out):
    want = load_and_run(truth, row)
    problems = [f"bitsandbytes' own directory: {p}" for p in want[0]]
    if not want[1]:
        problems.append("bitsandbytes' own directory: nothing is int8")
    problems += compare_runs(want, load_and_run(out, row), "from_pretrained")
    return problems + compare_runs(want, load_and_run(out, row, device_map="auto"), "device_map")


def judge_refusal(q8, source, out, target, names):
    """The conversion must end with exit code 4, say what to use instead, and leave nothing."""
    code, _, err = run_q8(q8, "-q", "--no-sync", "--to", target, source, out)
    problems = [] if code == 4 else [f"exit {code}, not 4"]
    if names not in err:
        problems.append(f"the error does not name {names}: {err.strip()}")
    if Path(out).exists() or Path(f"{out}.partial").exists():
        problems.append("something was left behind")
    return problems


def check(checks, q8, row, source, work):
    """All bnb-int8 checks of one model; source is its directory, work an empty folder."""
    name, truth, out = row[0], work / "bnb-truth", work / "bnb-q8"
    if name in REFUSED:
        checks.attempt(f"bnb-int8 {name}: refused", judge_refusal, q8, source, out, "bnb-int8",
                       REFUSED[name])
        return
    warnings, problems = convert(q8, "bnb-int8", source, out)
    if not checks.add(f"bnb-int8 {name}: converts", problems):
        return
    if name in NOT_SAVED:
        checks.attempt(f"bnb-int8 {name}: loads", lambda: load_and_run(out, row)[0])
        return
    make_truth(row, source, truth)
    checks.attempt(f"bnb-int8 {name}: same bytes", judge_files, row, source, truth, out)
    if name in STOPS:
        checks.add(f"bnb-int8 {name}: warns", [] if "transformers 5.23 does not load" in warnings
                   else ["no warning"])
    else:
        checks.attempt(f"bnb-int8 {name}: loads, same logits", judge_loading, row, truth, out)
