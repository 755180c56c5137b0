"""make_golden.py - writes testdata/tiny-* and their golden.txt from the real libraries

    make_golden.py [TESTDATA]     in the environment of env.sh; runs in seconds

A golden.txt has one line per tensor that a conversion must write, sorted:
    TARGET TENSOR DTYPE SHAPE SHA256-OF-ITS-BYTES
bnb-int8: what bitsandbytes wrote (through transformers; a bare file through Linear8bitLt itself).
ct-*: the scales of compressed-tensors' calculate_qparams and codes that numpy's float64 proves to
be the nearest (reference.py).  A target that a model cannot have is missing.
tests/golden/ holds the C side.
"""
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error",
                  TQDM_DISABLE="1")

import bitsandbytes
import torch
from safetensors.torch import save_file

import judge_bnb
import judge_ct
import models
import reference
from common import TARGETS_CT, Tensor, read_dir

TINY = dict(vocab_size=16, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, intermediate_size=32, max_position_embeddings=16,
            pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
GPT2 = dict(vocab_size=16, n_embd=16, n_layer=1, n_head=2, n_positions=8, bos_token_id=1,
            eos_token_id=2)
ROWS = [
    ("tiny-llama-f32", "LlamaConfig", "LlamaForCausalLM", models.F32, TINY, set()),
    ("tiny-llama-f16", "LlamaConfig", "LlamaForCausalLM", models.F16, TINY, set()),
    ("tiny-llama-bf16", "LlamaConfig", "LlamaForCausalLM", models.BF16, TINY, set()),
    ("tiny-gpt2", "GPT2Config", "GPT2LMHeadModel", models.F32, GPT2, set()),
]
# Bare files: columns that fill no vector, and columns that every group divides.
UNEVEN = [(models.F32, 11, 7), (models.F16, 10, 33), (models.BF16, 13, 67), (torch.float64, 10, 20)]
GROUPS = [(models.F32, 10, 128), (models.F16, 10, 128), (models.BF16, 10, 256)]


def hard_rows(weight, span):
    """Rows where roundings differ; `span` = (tiny, large) magnitudes of the dtype."""
    rows, cols = weight.shape
    steps = torch.arange(cols, dtype=torch.float32)
    weight[0] = 0                                   # nothing: scale 0, or epsilon
    weight[1] = (steps - cols / 2 + 0.5) * 2        # absmax odd, so that x = absmax / 2 is a tie
    weight[2] = torch.where(steps % 3 == 0, 63.5, -0.5) * (1 + (steps % 5 == 0))
    weight[2, 0] = 127                              # k + 1/2 exactly in steps of bitsandbytes
    weight[3] = torch.where(steps % 3 == 0, 63.75, -1.5)
    weight[3, 1] = -127.5                           # the same for compressed-tensors; lowest code
    weight[4] *= span[0]
    weight[5] *= span[1] / weight[5].abs().max()
    weight[6] = 0
    weight[6, cols - 1] = -span[0]                  # one tiny value alone, the last
    weight[7] = -weight[8]                          # a row and its negative: -128 against 127
    weight[9] = weight[9].abs() * 2.0 ** -10


def spans(dtype):
    """fp16's denormals; an ordinary small number elsewhere.  Large stays below fp16's largest."""
    return (2.0 ** -22 if dtype == torch.float16 else 2.0 ** -14, 60000.0)


def harden(folder):
    """Puts the hard rows into every quantized matrix of a directory."""
    path = folder / "model.safetensors"
    tensors = {n: reference.to_torch(t) for n, t in read_dir(folder).items()}
    for name, tensor in tensors.items():
        if tensor.dim() == 2 and (".layers." in name or ".h." in name):
            wide = tensor.float().t().clone() if "c_" in name else tensor.float().clone()
            hard_rows(wide, spans(tensor.dtype))
            wide = wide.t() if "c_" in name else wide
            tensors[name] = wide.to(tensor.dtype).contiguous()
    save_file(tensors, path, metadata={"format": "pt"})


def make_bare(folder, shapes):
    """A bare file without a config: dtypes side by side; shapes has (dtype, rows, columns)."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for dtype, rows, cols in shapes:
        name = reference.NAMES[dtype].lower()
        weight = torch.randn((rows, cols), generator=generator)
        hard_rows(weight, spans(dtype))
        tensors[f"model.layers.0.{name}.up_proj.weight"] = weight.to(dtype)
        tensors[f"model.layers.0.{name}.up_proj.bias"] = weight[:, 0].to(dtype).clone()
    tensors["model.norm.weight"] = torch.ones(7)
    tensors["model.position_ids"] = torch.arange(5)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    source = read_dir(folder)
    int8 = {n.removesuffix(".weight") for n in source if n.endswith("up_proj.weight")}
    outputs = {"bnb-int8": bnb_of_bare(source)}
    outputs.update({target: ct_of(source, int8, target) for target in TARGETS_CT})
    write_golden(folder, outputs)


def bnb_of_bare(source):
    """{name: Tensor}: every matrix through Linear8bitLt itself."""
    have = dict(source)
    for name in [n for n in source if n.endswith("up_proj.weight")]:
        weight, module = reference.to_torch(source[name]), name.removesuffix(".weight")
        layer = bitsandbytes.nn.Linear8bitLt(weight.shape[1], weight.shape[0], bias=False,
                                             has_fp16_weights=False)
        layer.weight = bitsandbytes.nn.Int8Params(reference.narrowed(weight), requires_grad=False,
                                                  has_fp16_weights=False)
        for part, value in layer.to("cpu").state_dict().items():
            value = torch.as_tensor(value)
            have[f"{module}.{part}"] = Tensor(reference.NAMES[value.dtype], value.shape,
                                              reference.to_bytes(value))
    return have


def ct_of(source, int8, target):
    """{name: Tensor} by the reference arithmetic, or None when a group does not divide a row."""
    have, group = dict(source), judge_ct.group_of(target)
    for module in int8:
        weight = reference.to_torch(have.pop(f"{module}.weight"))
        if group and weight.shape[1] % group:
            return None
        parts = judge_ct.parts_of(module, weight, target)
        have.update({name: Tensor(*part) for name, part in parts.items()})
    return have


def golden_lines(target, tensors):
    for name, tensor in tensors.items():
        shape = "x".join(map(str, tensor.shape)) or "scalar"
        yield f"{target} {name} {tensor.dtype} {shape} {hashlib.sha256(tensor.data).hexdigest()}\n"


def write_golden(folder, outputs):
    lines = [line for target, tensors in outputs.items() if tensors
             for line in golden_lines(target, tensors)]
    (folder / "golden.txt").write_text("".join(sorted(lines)))
    print(f"{folder.name}: {len(lines)} tensors, {sum(bool(t) for t in outputs.values())} targets")


def make_model(row, folder):
    models.make(row, folder)
    shutil.rmtree(folder / "assets")
    (folder / "generation_config.json").unlink()
    (folder / "README.md").unlink()
    harden(folder)
    with tempfile.TemporaryDirectory() as work:
        truth = Path(work) / "truth"
        judge_bnb.make_truth(row, folder, truth)
        outputs = {"bnb-int8": read_dir(truth)}
    source = read_dir(folder)
    int8, _ = judge_ct.expected_modules(models.load(folder, row)[0], source)
    if int8:
        outputs.update({target: ct_of(source, int8, target) for target in TARGETS_CT})
    write_golden(folder, outputs)


def main():
    testdata = Path(sys.argv[1] if len(sys.argv) > 1 else
                    Path(__file__).resolve().parents[2] / "testdata")
    for old in testdata.glob("tiny-*"):
        shutil.rmtree(old)
    for row in ROWS:
        make_model(row, testdata / row[0])
    make_bare(testdata / "tiny-rows", UNEVEN)
    make_bare(testdata / "tiny-groups", GROUPS)


main()
