"""judge_ct.py - the compressed-tensors targets: scales, codes, names, config, loading, logits"""
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from compressed_tensors.utils.match import is_match
from safetensors.torch import save_file
from torch import nn
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

import models
import reference
from common import (ROUTERS, WEIGHTS, check_config, check_side_files, convert, kept_for_readers,
                    read_dir, read_file)
from judge_bnb import judge_refusal, loading_problems

# Conv1D is transposed and no compressed-tensors target takes it; vLLM builds mamba's mixers float,
# SGLang the attention of gpt-oss.
REFUSED = {"gpt2": "bnb-int8", "gpt2-fp16": "bnb-int8", "falcon_mamba": "bnb-int8",
           "gpt_oss": "bnb-int8", "imagegpt": "bnb-int8", "mamba": "bnb-int8"}

# What q8 says of an output that transformers does not load.  Each such output really must not load or run,
# and each other one must.
REFUSAL = "transformers 5.23 does not load"
# Warned of, but what stops is not run here: images, and the kernels of a GPU.
NOT_RUN = {"qwen2_vl", "qwen2_5_vl", "bamba", "jamba"}
# Packed, neither transformers loads them nor is there a server for them: q8-verify fails such outputs.
PACKED_NOWHERE = {"t5", "t5-bf16"}


def targets_of(row):
    if "brief" in row[5]:
        return ["ct-w8a8", "ct-w8a16"]
    more = ["ct-w8a16-g64", "ct-w8a16-g128"] if row[0] == "llama-wide" else []
    return ["ct-w8a8", "ct-w8a16", "ct-w8a16-g32", *more]


def group_of(target):
    return int(target.partition("-g")[2] or 0)


def expected_modules(model, source, group=0, kept=frozenset()):
    """(names in the file to be int8, names in memory to be ignored); source as read_dir gives it.

    Every Linear but what transformers leaves float by default, routers, and what no group
    divides (llm-compressor stops there), and the experts of the file; but for `kept` ones.
    """
    def divides(name):
        return not group or source[f"{name}.weight"].shape[1] % group == 0

    keep = get_keys_to_not_convert(model)
    linears = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}
    names = models.file_names(model, {n: reference.to_torch(t) for n, t in source.items()},
                              nn.Linear)
    wanted = {n for n, m in linears.items() if should_convert_module(n, keep) and n in names
              and is_match(n, m, ["Linear"], ROUTERS) and divides(names[n]) and names[n] not in kept}
    wanted = {n for n in wanted if not in_attention(model, n)}
    experts = {n.removesuffix(".weight") for n, t in source.items()
               if ".experts." in n and n.endswith(".weight") and len(t.shape) == 2}
    return {names[n] for n in wanted} | experts - kept, linears.keys() - wanted


def in_attention(model, name):
    """torch's nn.MultiheadAttention reads the weight of its out_proj itself."""
    return isinstance(model.get_submodule(name.rpartition(".")[0]), nn.MultiheadAttention)


def parts_of(module, weight, target):
    """What the module's weight must become: {name: (dtype, shape, bytes)}."""
    group = group_of(target)
    scale = reference.scales(weight, group)
    code = reference.codes(weight, scale, group)
    rows, cols = weight.shape
    parts = {f"{module}.weight_scale": (reference.NAMES[scale.dtype], tuple(scale.shape),
                                        reference.to_bytes(scale))}
    if target == "ct-w8a8":
        parts[f"{module}.weight"] = ("I8", (rows, cols), code.tobytes())
    else:
        parts[f"{module}.weight_packed"] = ("I32", (rows, -(-cols // 4)),
                                            reference.pack(code).tobytes())
        parts[f"{module}.weight_shape"] = ("I64", (2,), np.array([rows, cols]).tobytes())
    return parts


def judge_tensors(source, out, targets):
    """Names, dtypes, shapes and bytes of everything in the output; targets: {int8 module: target}."""
    source, have = read_dir(source), read_dir(out)
    problems, wanted = [], set()
    for name, tensor in source.items():
        module = name.removesuffix(".weight")
        if module not in targets or module == name:
            wanted.add(name)
            same = name in have and (have[name].dtype, have[name].shape, have[name].data) == \
                (tensor.dtype, tensor.shape, tensor.data)
            problems += [] if same else [f"{name}: missing or changed"]
            continue
        parts = parts_of(module, reference.to_torch(tensor), targets[module])
        wanted |= parts.keys()
        for part, (dtype, shape, data) in parts.items():
            found = have.get(part)
            if not found:
                problems.append(f"missing {part}")
            elif (found.dtype, found.shape) != (dtype, shape):
                problems.append(f"{part}: expected {dtype} {shape}, "
                                f"found {found.dtype} {found.shape}")
            elif found.data != data:
                bad = sum(a != b for a, b in zip(data, found.data))
                problems.append(f"{part}: {bad} of {len(data)} bytes differ")
    return problems + [f"extra {name}" for name in sorted(have.keys() - wanted)]


def judge_files(source, out, model, target, kept):
    int8, ignored = expected_modules(model, read_dir(source), group_of(target), kept)
    problems = judge_tensors(source, out, dict.fromkeys(int8, target))
    problems += check_config(source, out) + check_side_files(source, out)
    quantization = json.loads((Path(out) / "config.json").read_text())["quantization_config"]
    listed = [n for n, m in model.named_modules() if is_match(n, m, quantization["ignore"])]
    problems += [f"{m} is float and not in ignore" for m in sorted(ignored - set(listed))]
    return problems + [f"{m} is int8 and in ignore" for m in sorted(int8 & set(listed))]


def decode_module(have, module, group):
    """The float weight of one quantized module of a directory read with read_dir."""
    scale = reference.to_torch(have[f"{module}.weight_scale"])
    if f"{module}.weight" in have:
        code = reference.to_torch(have[f"{module}.weight"]).numpy()
    else:
        rows, cols = np.frombuffer(have[f"{module}.weight_shape"].data, np.int64)
        raw = np.frombuffer(have[f"{module}.weight_packed"].data, np.uint8).reshape(rows, -1)
        code = (raw[:, :cols] ^ 0x80).view(np.int8)
    return reference.decode(code, scale, group)


def write_float_twin(source, out, twin, target_of):
    """The source with every quantized weight replaced by what its codes stand for."""
    have = read_dir(out)
    shutil.copytree(source, twin)
    for path in Path(twin).glob("*" + WEIGHTS):
        tensors = {}
        for name, tensor in read_file(path).items():
            module = name.removesuffix(".weight")
            tensors[name] = (decode_module(have, module, group_of(target_of(module)))
                             .to(reference.DTYPES[tensor.dtype])
                             if module != name and f"{module}.weight_scale" in have
                             else reference.to_torch(tensor))
        save_file(tensors, path, metadata={"format": "pt"})


def judge_loading(row, source, out, twin, target):
    model, info = models.load(out, row)
    logits = models.run(model, row)
    problems = loading_problems(info)
    if torch.isnan(logits).any():
        problems.append("NaN in the logits")
    if target == "ct-w8a8":         # rounds activations too: no float model has its logits
        return problems
    write_float_twin(source, out, twin, lambda module: target)
    want = models.run(models.load(twin, row)[0], row)
    if not torch.equal(want, logits):
        problems.append(f"logits differ from the float twin's by up to "
                        f"{(want.float() - logits.float()).abs().max():g}")
    return problems


def judge_known_refusal(row, out, warnings):
    problems = [] if "transformers 5.23" in warnings else ["no warning that names transformers"]
    try:
        model, info = models.load(out, row)
        if not loading_problems(info) and not torch.isnan(models.run(model, row)).any():
            problems.append("transformers loads it now: take it off the list")
    except Exception:               # what the warning says
        pass
    return problems


def options_of(row):
    """Of models of several sections only the language model becomes int8 unless asked."""
    return [[], ["--vision=int8"]] if {"vision_config", "text_config"} <= row[4].keys() else [[]]


def check(checks, q8, row, source, work, jobs):
    """All compressed-tensors checks of one model; jobs collects what the peers are asked later."""
    name = row[0]
    model = models.load(source, row)[0]
    for target in targets_of(row):
        if name in REFUSED:
            checks.attempt(f"{target} {name}: refused", judge_refusal, q8, source, work / target, target,
                           REFUSED[name])
            continue
        for options in options_of(row):
            check_target(checks, q8, row, source, work, jobs, (model, target, options))


def check_target(checks, q8, row, source, work, jobs, case):
    model, target, options = case
    name, what = row[0], " ".join([target, row[0], *options])
    out = work / "".join([target, *options])
    warnings, problems = convert(q8, target, source, out, *options)
    if not checks.add(f"{what}: converts", problems):
        return
    kept = kept_for_readers(q8, target, source, *options)
    checks.attempt(f"{what}: files", judge_files, source, out, model, target, kept)
    if REFUSAL not in warnings:
        checks.attempt(f"{what}: loads", judge_loading, row, source, out,
                       work / f"{out.name}-twin", target)
    elif name not in NOT_RUN:
        checks.attempt(f"{what}: warns", judge_known_refusal, row, out, warnings)
    jobs.append(job_of(what, source, out, model, target, kept))


def job_of(what, source, out, model, target, kept=frozenset()):
    """What peers.py needs to know of one output."""
    int8, ignored = expected_modules(model, read_dir(source), group_of(target), kept)
    weights = {n.removesuffix(".weight") for n in read_dir(source) if n.endswith(".weight")}
    quantization = json.loads((Path(out) / "config.json").read_text())["quantization_config"]
    return {"what": what, "source": str(source), "out": str(out), "quantization": quantization,
            "targets": dict.fromkeys(sorted(int8), target), "float": sorted(ignored), "ignore": sorted(weights - int8)}
