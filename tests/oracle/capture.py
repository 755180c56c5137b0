"""capture.py - saves what goes into every Linear of a model, for q8-verify --activations

    capture.py MODEL TEXT OUT.safetensors [--tokens N]

Runs the first N tokens of the text through the model, in windows of what it takes at once, and
writes one array [N, in] per module in the model's own type.
"""
import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D


def capture(model, tokens):
    """The inputs of every Linear, by module path."""
    seen = {}

    def hook(name):
        def take(module, args):
            seen.setdefault(name, []).append(args[0].detach().reshape(-1, args[0].shape[-1]).clone())
        return take

    hooks = [module.register_forward_pre_hook(hook(name)) for name, module in model.named_modules()
             if isinstance(module, (torch.nn.Linear, Conv1D))]
    most = getattr(model.config, "max_position_embeddings", None) or len(tokens)
    with torch.no_grad():
        for begin in range(0, len(tokens), most):
            model(input_ids=torch.tensor([tokens[begin:begin + most]]), use_cache=False)
    for each in hooks:
        each.remove()
    return {name: torch.cat(rows) for name, rows in sorted(seen.items())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=128)
    words = parser.parse_args()
    torch.set_num_threads(1)            # the order of sums, and so the bytes, are the same again
    torch.use_deterministic_algorithms(True)
    model = AutoModelForCausalLM.from_pretrained(words.model, dtype="auto").eval()
    tokens = AutoTokenizer.from_pretrained(words.model)(words.text.read_text())["input_ids"]
    if len(tokens) < words.tokens:
        parser.error(f"{words.text} has {len(tokens)} tokens")
    save_file(capture(model, tokens[:words.tokens]), words.out)


if __name__ == "__main__":
    main()
