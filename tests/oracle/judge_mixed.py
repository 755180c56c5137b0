"""judge_mixed.py - --use: several schemes in one model, as the real libraries take them"""
import json
from fnmatch import fnmatchcase
from pathlib import Path

import torch

import judge_ct
import models
from common import check_config, check_side_files, convert, kept_for_readers, read_dir
from judge_bnb import loading_problems

# Model, main target, [(target, pattern), ...] of which the first counts, and whether q8 says that
# transformers 5.23 does not load it.
CASES = [
    ("llama", "ct-w8a16", [("ct-w8a16-g32", "model.layers.1.*")], False),
    ("llama", "ct-w8a8", [("ct-w8a16-g32", "*.mlp.down_proj"), ("ct-w8a16", "*.1.mlp.*")], False),
    ("llama", "ct-w8a16-g32", [("ct-w8a8", "*.0.self_attn.*"), ("ct-w8a16-g64", "*.o_proj")], False),
    ("llama-tied", "ct-w8a16-g32", [("ct-w8a16", "*.mlp.*")], False),
    ("llama-odd", "ct-w8a16-g32", [("ct-w8a16", "*.down_proj")], False),
    ("bert", "ct-w8a16", [("ct-w8a16-g32", "*.layer.1.*")], False),
    ("qwen3_moe", "ct-w8a16", [("ct-w8a16-g32", "*.self_attn.*")], False),
    ("qwen3_moe", "ct-w8a16", [("ct-w8a8", "*.self_attn.*")], False),
    ("qwen3_moe", "ct-w8a16-g32", [("ct-w8a16", "*.experts.*")], False),
    ("qwen3_moe", "ct-w8a16", [("ct-w8a16-g32", "*.experts.*")], True),
    ("qwen3_moe", "ct-w8a16", [("ct-w8a8", "*.experts.*")], True),
    ("mixtral", "ct-w8a16", [("ct-w8a16-g32", "*.1.self_attn.*")], False),
    ("mixtral", "ct-w8a16-g32", [("ct-w8a16", "*.1.*.experts.*")], False),
    ("mixtral", "ct-w8a16", [("ct-w8a16-g32", "*.1.*.experts.*")], True),
    ("falcon", "ct-w8a8", [("ct-w8a16", "*.h.1.*")], True),
    ("t5", "ct-w8a8", [("ct-w8a16-g32", "*.SelfAttention.q")], True),
    ("llava", "ct-w8a16", [("ct-w8a16-g32", "language_model.*.1.mlp.*")], False),
    ("llava", "ct-w8a16", [("ct-w8a16-g32", "vision_tower.*.layers.1.self_attn.*")], False),
    ("qwen2_vl", "ct-w8a8", [("ct-w8a16-g32", "model.layers.1.*")], False),
]


def targets_of(source, int8, main, uses):
    """{int8 module: target}; what groups do not divide is int8 only where a pattern has another target."""
    targets = {}
    for module in int8:
        target = next((t for t, pattern in uses if fnmatchcase(module, pattern)), main)
        group = judge_ct.group_of(target)
        if not group or source[f"{module}.weight"].shape[1] % group == 0:
            targets[module] = target
    return targets


def judge_config(out, targets):
    """Each module is in the group of its target, and the formats are told where they differ."""
    config = json.loads((Path(out) / "config.json").read_text())["quantization_config"]
    groups = list(config["config_groups"].values())
    problems = [] if groups[0]["targets"] == ["Linear"] else ["group_0 is not for every Linear"]
    for group in groups[1:]:
        size = group["weights"].get("group_size", 0)
        wrong = [m for m in group["targets"] if m in targets and judge_ct.group_of(targets[m]) != size]
        problems += [f"{m} is in a wrong group" for m in wrong]
        if group["targets"] != sorted(group["targets"]):
            problems.append("targets are not sorted")
    listed = [m for g in groups[1:] for m in g["targets"]]      # fused names and those in memory too
    main = {m for m in targets if m not in listed}
    if len({targets[m] for m in main}) > 1:
        problems.append("a module is in no group of its own")
    formats = {g.get("format") for g in groups}
    if len(listed) != len(set(listed)):
        problems.append("a module is in two groups")
    if config["format"] == "mixed-precision":
        good = formats == {"int-quantized", "pack-quantized"}
    else:
        good = formats == {None} and len({t == "ct-w8a8" for t in targets.values()}) == 1
    return problems + ([] if good else [f"format {config['format']}, groups {formats}"])


def judge_files(source, out, targets):
    return (judge_ct.judge_tensors(source, out, targets) + judge_config(out, targets)
            + check_config(source, out) + check_side_files(source, out))


def linear_weights(model):
    return {n: m.weight.data for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}


def judge_loading(row, source, out, twin, targets):
    """The logits are the float twin's; with rounded activations, the weights are."""
    model, info = models.load(out, row)
    logits = models.run(model, row)
    judge_ct.write_float_twin(source, out, twin, lambda m: targets.get(m, "ct-w8a8"))
    want = models.load(twin, row)[0]
    problems = loading_problems(info) + (["NaN in the logits"] if torch.isnan(logits).any() else [])
    have, weights = linear_weights(model), linear_weights(want)     # decoded by the first run
    problems += [f"{n}: not the weights of the float twin" for n in weights
                 if not torch.equal(weights[n], have[n])]
    if "ct-w8a8" not in targets.values() and not torch.equal(models.run(want, row), logits):
        problems.append("the logits are not the float twin's")
    return problems


def check(checks, q8, row, source, work, jobs):
    """All cases of one model."""
    for number, (name, main, uses, refused) in enumerate(CASES):
        if name != row[0]:
            continue
        out = work / f"mixed-{number}"
        what = " ".join([f"mixed {main} {name}:", *(f"{t}={p}" for t, p in uses)])
        options = ["--vision=int8", *(word for use in uses for word in ("--use", "=".join(use)))]
        warnings, problems = convert(q8, main, source, out, *options)
        if not checks.add(f"{what}: converts", problems):
            continue
        have, model = read_dir(source), models.load(source, row)[0]
        kept = kept_for_readers(q8, main, source, *options)
        int8, _ = judge_ct.expected_modules(model, have, kept=kept)
        targets = targets_of(have, int8, main, uses)
        checks.attempt(f"{what}: files", judge_files, source, out, targets)
        if refused:
            checks.attempt(f"{what}: warns", judge_ct.judge_known_refusal, row, out, warnings)
        else:
            checks.add(f"{what}: no warning of transformers",
                       [warnings.strip()] if judge_ct.REFUSAL in warnings else [])
            checks.attempt(f"{what}: loads", judge_loading, row, source, out,
                           work / f"mixed-{number}-twin", targets)
        jobs.append({**judge_ct.job_of(what, source, out, model, main, kept), "targets": targets})
