"""make_torch.py - writes testdata/good/torch-* and testdata/bad/torch-*

    make_torch.py [TESTDATA]      in the environment of env.sh; runs in seconds

good/expected_torch.txt has one line per tensor of a good file, as torch.load gives it:
    FILE TENSOR DTYPE SHAPE BYTES, with tabs; the bytes in hex, - for none
bad/expected_torch.txt: the words of q8's message, per file.
"""
import io
import sys
from pathlib import Path

import torch

import torch_files

NAMES = {dtype: name for name, dtype in torch_files.DTYPES.items()}


def line(file, name, t):
    raw = t.detach().contiguous().reshape(-1).view(torch.uint8) if t.numel() else t.reshape(-1)
    data = bytes(raw.tolist()).hex() if t.numel() else "-"
    return f"{file}\t{name}\t{NAMES[t.dtype]}\t{list(t.shape)}\t{data}"


def main(testdata):
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
