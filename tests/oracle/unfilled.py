"""unfilled.py - parameters of a model that a loader left as they were, or filled with what they are not"""
import json
import os
import traceback
from pathlib import Path

import torch
from safetensors.torch import load_file


def sign(parameter):
    """A value that no small model has."""
    if parameter.dtype.is_floating_point:
        return 12345.0 if torch.finfo(parameter.dtype).max > 12345 else 100.0
    return 0x5a5a5a5a if torch.iinfo(parameter.dtype).bits > 8 else 0x5a


def rows(parameter):
    """The parameter as rows, each of which some tensor of the file fills."""
    data = parameter.data
    return data.reshape(1, -1) if data.dim() < 2 else data.reshape(-1, data.shape[-1])


def mark(model):
    for parameter in model.parameters():
        parameter.data.fill_(sign(parameter))


def is_codes(name, data):
    """Codes of an int8 file that were taken for the weights themselves."""
    return (name.endswith(".weight") and data.is_floating_point() and data.dim() == 2
            and bool((data == data.round()).all()) and data.abs().max().item() >= 100)


def is_padded(name, data):
    """Scales of which some column was not in the file, and became 0."""
    return name.endswith("scale") and data.dim() == 2 and bool((data == 0).all(0).any())


def left(model):
    """Names of parameters with a row that is still marked, or with what no file had for them."""
    return sorted(name for name, p in model.named_parameters()
                  if p.numel() and "g_idx" not in name and (bool((rows(p) == sign(p)).all(1).any())
                                    or is_codes(name, p.data) or is_padded(name, p.data)))


def fill(model, folder):
    """Has the model load the files of that directory; whether it "loads" or "fails", and why."""
    tensors = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        tensors |= load_file(path)
    mark(model)
    model.load_weights(iter(tensors.items()))
    missing = left(model)
    return ("fails", f"weights that nobody filled: {missing[:3]}") if missing else ("loads", "")


def answer(jobs, load):
    """Prints what load(job) says of each job of that file, as JSON; what it throws is a failure."""
    answers = []
    for job in json.loads(Path(jobs).read_text()):
        try:
            answers.append(load(job))
        except Exception as error:
            if os.environ.get("TRACE"):
                traceback.print_exc()
            answers.append(("fails", f"{type(error).__name__}: {str(error)[:400]}"))
    print("\n" + json.dumps(answers))
