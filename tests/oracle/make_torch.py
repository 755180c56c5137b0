"""make_torch.py - writes testdata/torch, testdata/good/torch-* and testdata/bad/torch-*

    make_torch.py [TESTDATA]      in the environment of env.sh; runs in seconds

Files of the format before 1.6 are others each time: their keys are addresses.

good/expected_torch.txt has one line per tensor of a good file, as torch.load gives it:
    FILE TENSOR DTYPE SHAPE BYTES, with tabs; the bytes in hex, - for none
bad/expected_torch.txt: the words of q8's message, per file.
torch/: the weights of tiny-llama-bf16 and tiny-gpt2 as torch saves them, and activation statistics.
"""
import io
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import torch_files

NAMES = {dtype: name for name, dtype in torch_files.DTYPES.items()}


def line(file, name, t):
    raw = t.detach().contiguous().reshape(-1).view(torch.uint8) if t.numel() else t.reshape(-1)
    data = bytes(raw.tolist()).hex() if t.numel() else "-"
    return f"{file}\t{name}\t{NAMES[t.dtype]}\t{list(t.shape)}\t{data}"


def write_models(testdata):
    folder = testdata / "torch"
    folder.mkdir(exist_ok=True)
    llama = load_file(testdata / "tiny-llama-bf16" / "model.safetensors")
    turned = {k: v.t().contiguous().t() if "q_proj" in k else v for k, v in llama.items()}
    torch.save(turned, folder / "llama.bin")
    names, weight_map = sorted(llama), {}
    for i, part in enumerate((names[:5], names[5:]), 1):
        file = f"pytorch_model-{i:05}-of-00002.bin"
        data = torch_files.legacy({k: torch.nn.Parameter(llama[k], False) for k in part})
        (folder / file).write_bytes(data)
        weight_map.update(dict.fromkeys(part, file))
    size = sum(v.numel() * 2 for v in llama.values())
    (folder / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": size}, "weight_map": weight_map}, indent=2) + "\n")
    gpt2 = load_file(testdata / "tiny-gpt2" / "model.safetensors")
    gpt2["lm_head.weight"] = gpt2["transformer.wte.weight"]
    torch.save({"epoch": 1, "state_dict": gpt2}, folder / "gpt2.pth")
    acts = {k.removesuffix(".weight"): torch.arange(v.shape[1]) / 4 for k, v in llama.items()
            if k.endswith("_proj.weight")}
    torch.save(acts, folder / "acts.pt")  # as SmoothQuant's act_scales
    save_file(acts, folder / "acts.safetensors")


def main(testdata):
    write_models(testdata)
    lines = []
    for file, data in torch_files.good().items():
        (testdata / "good" / file).write_bytes(data)
        if file == "torch-legacy-types.bin":  # torch 2.15 does not load what it wrote there
            state = torch_files.types()
        else:  # our own file; weights_only takes no protocol 4
            state = torch.load(io.BytesIO(data), weights_only=False)
        while "model" in state or "state_dict" in state:
            state = state.get("model", state.get("state_dict"))
        lines += [line(file, k, v) for k, v in state.items() if isinstance(v, torch.Tensor)]
    (testdata / "good" / "expected_torch.txt").write_text("\n".join(lines) + "\n")
    lines = []
    for name, (data, words) in sorted(torch_files.bad().items()):
        (testdata / "bad" / f"torch-{name}.bin").write_bytes(data)
        lines.append(f"torch-{name}\t{words}")
    (testdata / "bad" / "expected_torch.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else Path(__file__).parents[2] / "testdata"))
