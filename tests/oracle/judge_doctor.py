"""judge_doctor.py - planted outliers: q8-inspect --suggest names them all, nothing else, and its cure
works"""
import random

import torch
import transformers

from common import convert
from judge_inspect import inspect, run_inspect

SEED, SIGMA = 20261125, 0.02
# Rows of 256 and 512 normal numbers have about 43 and 42 dB (accuracy.md: 41.2 for 4096); ten sigma
# in a quarter of the rows leave 39 dB or less.
CLEAN = 40.5
FUSED = ({"q_proj", "k_proj", "v_proj"}, {"gate_proj", "up_proj"})


def plant_rows(weight, k, dice):
    """In a quarter of the rows one element of k sigma."""
    for row in dice.sample(range(weight.shape[0]), weight.shape[0] // 4):
        weight[row, dice.randrange(weight.shape[1])] = dice.choice((-k, k)) * SIGMA


def plant_column(weight, k, dice):
    """One input feature k times as large."""
    weight[:, dice.randrange(weight.shape[1])] *= k


def make(folder, dice):
    """A llama of normal weights, outliers in six of its modules; returns their names."""
    config = transformers.LlamaConfig(
        vocab_size=128, hidden_size=256, intermediate_size=512, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0)
    torch.manual_seed(SEED)
    model = transformers.LlamaForCausalLM(config).to(torch.bfloat16)
    weights = {name: module.weight for name, module in model.named_modules()
               if name.endswith("_proj")}
    with torch.no_grad():
        for weight in weights.values():
            weight.normal_(0, SIGMA)
        planted = dice.sample(sorted(weights), 6)
        for i, name in enumerate(planted):
            (plant_rows, plant_column)[i % 2](weights[name], (10, 30, 100)[i // 2], dice)
    model.save_pretrained(folder)
    return set(planted)


def mates(name, names):
    """What runtimes fuse with a module."""
    stem, leaf = name.rsplit(".", 1)
    group = next((g for g in FUSED if leaf in g), {leaf})
    return {n for n in names if n.rsplit(".", 1)[0] == stem and n.rsplit(".", 1)[1] in group}


def judge_names(report, planted):
    """All that were planted, with what is fused with them, and nothing else."""
    names = {e["name"] for e in report["tensors"] if e["name"].endswith("_proj")}
    told = {s["name"]: s for s in report["suggestions"]}
    own = {n for n, s in told.items() if not s["reason"].startswith("goes with the rest of its")}
    wanted = set().union(*(mates(n, names) for n in planted))
    problems = [f"{n} is planted and not named" for n in sorted(planted - own)]
    problems += [f"{n} is named and clean" for n in sorted(own - planted)]
    problems += [f"{n} is left out of its group" for n in sorted(wanted - set(told))]
    problems += [f"{n} is in no group of what was planted" for n in sorted(set(told) - wanted)]
    for n in wanted & set(told):
        if len({told[m]["use"] for m in mates(n, names) & set(told)}) != 1:
            problems.append(f"{n}: its group has more than one cure")
    return problems


def judge_file(report, path):
    """The lines of the file are the suggestions."""
    lines = [line.split("#")[0].split() for line in path.read_text().splitlines()
             if not line.startswith("#")]
    want = [["use", s["use"], s["name"]] if s["use"] else ["skip", s["name"]]
            for s in report["suggestions"]]
    return [] if lines == want else [f"the file says {lines[:3]}, the report {want[:3]}"]


def judge_result(q8, report, target, source, out):
    """Every int8 weight has what was predicted, and as much as was asked for."""
    told = {s["name"]: s for s in report["suggestions"]}
    expected = {}
    for entry in report["tensors"]:
        name = entry["name"]
        if name in told and told[name]["use"]:
            expected[name] = told[name]["after_db"]
        elif name.endswith("_proj") and name not in told:
            expected[name] = entry["targets"][target]["sqnr_db"]
    found = {e["name"]: e["int8"]["reference"]["sqnr_db"]
             for e in inspect(q8, "--reference", source, out)["tensors"] if "int8" in e}
    problems = [f"{n}: int8 or float, not what was said" for n in sorted(set(found) ^ set(expected))]
    for name in sorted(set(found) & set(expected)):
        if abs(found[name] - expected[name]) > 0.01:
            problems.append(f"{name}: {expected[name]:.3f} dB predicted, {found[name]:.3f} found")
        if not found[name] >= CLEAN:
            problems.append(f"{name}: {found[name]:.3f} dB")
    return problems


def judge(q8, target, source, planted, work):
    report = inspect(q8, "--to", target, "--min-sqnr", CLEAN, source)
    overrides, out = work / f"{target}.txt", work / target
    run_inspect(q8, "-q", "--to", target, "--min-sqnr", CLEAN, "--suggest", overrides, source)
    _, problems = convert(q8, target, source, out, "--overrides", overrides)
    return problems or (judge_names(report, planted) + judge_file(report, overrides)
                        + judge_result(q8, report, target, source, out))


def check(checks, q8, _, work):
    print(f"     doctor: seed {SEED}", flush=True)
    source = work / "source"
    planted = make(source, random.Random(SEED))
    for target in ("bnb-int8", "ct-w8a8", "ct-w8a16", "ct-w8a16-g128"):
        checks.attempt(f"doctor {target}: names what was planted, and cures it", judge, q8, target,
                       source, planted, work)
