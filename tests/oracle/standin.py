"""standin.py - writes what q8-convert should write, slowly, from the real libraries' results

Hand-made directories for judge_faults.py, and a base to prove the judge on without q8.
"""
import json
import shutil
from pathlib import Path

from safetensors.torch import save_file

import judge_ct
import models
import reference
from common import INDEX, WEIGHTS, Tensor, read_dir, read_file

INT8 = {"num_bits": 8, "type": "int", "symmetric": True}
TOKEN = {**INT8, "strategy": "token", "dynamic": True}


def bnb_config(skip):
    return {"llm_int8_skip_modules": sorted(skip), "llm_int8_threshold": 6.0,
            "load_in_8bit": True, "quant_method": "bitsandbytes"}


def ct_config(target, ignore):
    group = judge_ct.group_of(target)
    weights = {**INT8, "dynamic": False,
               **({"strategy": "group", "group_size": group} if group else {"strategy": "channel"})}
    group_0 = {"targets": ["Linear"], "weights": weights,
               "input_activations": TOKEN if target == "ct-w8a8" else None,
               "output_activations": None}
    return {"quant_method": "compressed-tensors", "quantization_status": "compressed",
            "format": "int-quantized" if target == "ct-w8a8" else "pack-quantized",
            "ignore": sorted(ignore), "config_groups": {"group_0": group_0}}


def write(source, out, parts, config):
    """Copies the source; parts[name] = {name: Tensor} replaces a weight in its shard."""
    shutil.copytree(source, out)
    text = (Path(out) / "config.json").read_text().rstrip()
    (Path(out) / "config.json").write_text(
        text[:-1].rstrip() + ',\n  "quantization_config": ' + json.dumps(config) + "\n}\n")
    where, total = {}, 0
    for path in Path(out).glob("*" + WEIGHTS):
        tensors = {}
        for name, tensor in read_file(path).items():
            tensors.update(parts.get(name, {name: tensor}))
        save_file({n: reference.to_torch(t) for n, t in tensors.items()}, path,
                  metadata={"format": "pt"})
        where.update(dict.fromkeys(tensors, path.name))
        total += sum(len(t.data) for t in tensors.values())
    if (Path(out) / INDEX).exists():
        (Path(out) / INDEX).write_text(json.dumps(
            {"metadata": {"total_size": total}, "weight_map": where}, indent=2, sort_keys=True))


def write_bnb(row, source, truth, out):
    """The tensors of bitsandbytes' own directory in the shards of the source."""
    want, parts = read_dir(truth), {}
    for name in (n for n in want if n.endswith(".SCB")):
        module = name.removesuffix(".SCB")
        parts[f"{module}.weight"] = {f"{module}.{part}": want[f"{module}.{part}"]
                                     for part in ("weight", "SCB", "weight_format")}
    modules = models.load(truth, row)[0].named_modules()
    skip = {n for n, m in modules if type(m).__name__ in ("Linear", "Conv1D")}
    write(source, out, parts, bnb_config(skip))


def write_ct(row, source, out, target):
    """The reference arithmetic in the shards of the source."""
    have = read_dir(source)
    int8, ignored = judge_ct.expected_modules(models.load(source, row)[0], have,
                                              judge_ct.group_of(target))
    parts = {}
    for module in int8:
        weight = reference.to_torch(have[f"{module}.weight"])
        parts[f"{module}.weight"] = {
            name: Tensor(*part)
            for name, part in judge_ct.parts_of(module, weight, target).items()}
    write(source, out, parts, ct_config(target, ignored))
