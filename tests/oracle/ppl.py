"""ppl.py - a really trained model: perplexity of the int8 output against the float model"""
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from common import convert

WINDOW = 256            # tokens, as testdata/kjv-llama/README.md measured
LIMIT = 0.01            # of the float model's perplexity


def perplexity(folder, tokens):
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    loss, count = 0.0, 0
    with torch.no_grad():
        for begin in range(0, len(tokens) - WINDOW + 1, WINDOW):
            window = torch.tensor([tokens[begin:begin + WINDOW]])
            logits = model(input_ids=window).logits[0, :-1].float()
            loss += torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum").item()
            count += WINDOW - 1
    return float(torch.tensor(loss / count).exp())


def judge(source, outs):
    tokens = AutoTokenizer.from_pretrained(source)((Path(source) / "heldout.txt").read_text())
    base, problems = perplexity(source, tokens["input_ids"]), []
    for target, out in outs.items():
        have = perplexity(out, tokens["input_ids"])
        print(f"     perplexity: float {base:.3f}, {target} {have:.3f}", flush=True)
        if not abs(have / base - 1) <= LIMIT:
            problems.append(f"{target}: {have:.3f} is not within 1 % of {base:.3f}")
    return problems


def check(checks, q8, source, work):
    outs = {}
    for target in ("bnb-int8", "ct-w8a16"):
        out = work / f"kjv-{target}"
        if checks.add(f"ppl {target}: converts", convert(q8, target, source, out)[1]):
            outs[target] = out
    if outs:
        checks.attempt("ppl: within 1 % of float", judge, source, outs)
