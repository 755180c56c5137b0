"""judge_faults.py - directories with one planted mistake each: the judge must see every one

The directories are made without q8 (standin.py).  Without a mistake they must pass.
"""
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import judge_bnb
import judge_ct
import models
import standin
from common import WEIGHTS

SQUARE = "model.layers.0.self_attn.o_proj"      # 64 x 64: a transposed one has the same shape
MODULE = "model.layers.1.mlp.up_proj"
NORM = "model.norm.weight"
EMBED = "model.embed_tokens.weight"
WEIGHT, SCB, SCALE, PACKED, SHAPE = (
    f"{MODULE}.{part}" for part in ("weight", "SCB", "weight_scale", "weight_packed",
                                    "weight_shape"))


def edit(folder, name, change):
    """Applies change(tensors) to the shard that holds `name`, and keeps the index as it is."""
    for path in Path(folder).glob("*" + WEIGHTS):
        tensors = load_file(path)
        if name in tensors:
            change(tensors)
            save_file({n: t.contiguous() for n, t in tensors.items()}, path,
                      metadata={"format": "pt"})
            return
    raise KeyError(name)


def tensor_fault(name, change):
    """A fault that replaces one tensor by change(tensor)."""
    return lambda folder: edit(folder, name, lambda t: t.__setitem__(name, change(t[name].clone())))


def config_fault(change):
    """A fault in quantization_config: change(dictionary)."""
    def apply(folder):
        path = Path(folder) / "config.json"
        config = json.loads(path.read_text())
        before = json.dumps(config["quantization_config"])
        change(config["quantization_config"])
        path.write_text(path.read_text().replace(before, json.dumps(config["quantization_config"])))
    return apply


def text_fault(file, old, new):
    def apply(folder):
        path = Path(folder) / file
        text = path.read_text()
        assert old in text, (file, old)
        path.write_text(text.replace(old, new, 1))
    return apply


def one_off(tensor):
    tensor[1, 2] += -1 if tensor[1, 2] > 0 else 1
    return tensor


def one_ulp(tensor):
    bits = {2: torch.int16, 4: torch.int32}[tensor.element_size()]
    tensor.view(bits).view(-1)[1] += 1
    return tensor


def swap_rows(tensor):
    tensor[[0, 1]] = tensor[[1, 0]]
    return tensor


def flip_byte(tensor):
    tensor.view(torch.uint8).view(-1)[0] ^= 1
    return tensor


def swap_row_and_scale(folder):
    edit(folder, WEIGHT, lambda t: t.update({n: swap_rows(t[n].clone()) for n in (WEIGHT, SCB)}))


def extra_tensor(folder):
    edit(folder, NORM, lambda t: t.update({"model.extra": torch.zeros(2)}))


def without(name):
    return lambda folder: edit(folder, name, lambda t: t.pop(name))


SIDE = [
    ("a float tensor with one byte flipped", tensor_fault(NORM, flip_byte)),
    ("an embedding in another dtype", tensor_fault(EMBED, lambda t: t.float())),
    ("an extra tensor", extra_tensor),
    ("a number in config.json written another way", text_fault("config.json", "1e-06", "1e-6")),
    ("a value of config.json changed", text_fault("config.json", "silu", "gelu")),
    ("a side file missing", lambda folder: (Path(folder) / "README.md").unlink()),
    ("a side file changed", text_fault("assets/notes.txt", "llama", "lama")),
    ("an index with the old size", text_fault("model.safetensors.index.json",
                                              '"total_size": ', '"total_size": 1')),
]

BNB = SIDE + [
    ("a code off by one", tensor_fault(WEIGHT, one_off)),
    ("an SCB one ulp off", tensor_fault(SCB, one_ulp)),
    ("an SCB divided by 127", tensor_fault(SCB, lambda t: t / 127)),
    ("two rows of codes swapped", tensor_fault(WEIGHT, swap_rows)),
    ("two rows swapped with their SCB", swap_row_and_scale),
    ("an SCB missing", without(SCB)),
    ("a weight_format missing", without(f"{MODULE}.weight_format")),
    ("an SCB in a column", tensor_fault(SCB, lambda t: t.reshape(-1, 1))),
    ("a square weight transposed", tensor_fault(f"{SQUARE}.weight", lambda t: t.t())),
    ("the head missing in the skip list",
     config_fault(lambda q: q.update(llm_int8_skip_modules=[]))),
    ("an int8 module in the skip list",
     config_fault(lambda q: q.update(llm_int8_skip_modules=["lm_head", MODULE]))),
    ("a threshold of 6 instead of 6.0", config_fault(lambda q: q.update(llm_int8_threshold=6))),
]

CT = SIDE + [
    ("a scale one ulp off", tensor_fault(SCALE, one_ulp)),
    ("two rows of scales swapped", tensor_fault(SCALE, swap_rows)),
    ("a scale missing", without(SCALE)),
    ("the head missing in the ignore list", config_fault(lambda q: q.update(ignore=[]))),
    ("an int8 module in the ignore list", config_fault(lambda q: q["ignore"].append(MODULE))),
]

W8A8 = CT + [
    ("a code off by one", tensor_fault(WEIGHT, one_off)),
    ("a square weight transposed", tensor_fault(f"{SQUARE}.weight", lambda t: t.t())),
]

W8A16 = CT + [
    ("a packed code off by one",
     tensor_fault(PACKED, lambda t: torch.from_numpy(np.where(
         np.arange(t.numel()).reshape(t.shape) == 7, t.numpy() ^ 1, t.numpy())))),
    ("codes packed as signed bytes",
     tensor_fault(PACKED, lambda t: t ^ torch.tensor(-0x7f7f7f80, dtype=torch.int32))),
    ("a weight_shape turned round", tensor_fault(SHAPE, lambda t: t.flip(0))),
]


def plant(checks, what, base, faults, judge):
    """The base must pass; each copy of it with one fault must not."""
    checks.attempt(f"{what}: no mistake, passes", judge, base)
    for name, fault in faults:
        folder = base.with_name(base.name + "-fault")
        shutil.copytree(base, folder)
        fault(folder)
        try:
            seen = judge(folder)
        except Exception as error:  # a judge that stops at a bad directory has seen it
            seen = [f"{type(error).__name__}: {str(error).splitlines()[0]}"]
        checks.add(f"{what}: {name} is seen" + (f" ({seen[0][:90]})" if seen else ""),
                   [] if seen else ["the judge passed it"])
        shutil.rmtree(folder)


def check(checks, row, source, work):
    """All planted mistakes; row must be the sharded llama."""
    truth, base = work / "truth", work / "bnb"
    judge_bnb.make_truth(row, source, truth)
    standin.write_bnb(row, source, truth, base)
    plant(checks, "fault bnb-int8", base, BNB,
          lambda folder: judge_bnb.judge_files(row, source, truth, folder))
    loading = [fault for fault in BNB if fault[0] in (
        "an SCB missing", "the head missing in the skip list", "a threshold of 6 instead of 6.0",
        "an int8 module in the skip list", "a square weight transposed")]
    plant(checks, "fault bnb-int8, loaded", base, loading,
          lambda folder: judge_bnb.judge_loading(row, truth, folder))
    model = models.load(source, row)[0]
    for target, faults in (("ct-w8a8", W8A8), ("ct-w8a16", W8A16), ("ct-w8a16-g32", W8A16)):
        base = work / target
        standin.write_ct(row, source, base, target)
        plant(checks, f"fault {target}", base, faults,
              lambda folder: judge_ct.judge_files(source, folder, model, target, frozenset()))
