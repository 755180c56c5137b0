"""arch_prove.py - proves the choice of modules, and their names, for every class that transformers knows

    arch_prove.py Q8_CONVERT [--jobs N] [--only CLASS,CLASS]

For each class a sparse model is made, header and config only, with the names and shapes that the
real class has by default, once as save_pretrained names them and once as its modules are named.
q8-convert --dry-run must choose exactly the modules that bitsandbytes, or compressed-tensors with
llm-compressor's recipes, would replace; but for what stays float by a rule of q8's own and says so:
what vLLM and SGLang build float, what transformers cuts on loading, and nn.MultiheadAttention.
And src/model/memory.c must name each module as from_pretrained renames it, whatever release wrote
the names.
"""
import argparse
import gc
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OWN_REASONS = ("vLLM builds it float", "SGLang builds it float", "part of what sees or hears",
               "between a tower and", "a draft (MTP) layer", "transformers cuts or joins",
               "nn.MultiheadAttention reads this weight")
UNNAMED = {"Kimi_K25ForConditionalGeneration", "Tipsv2DptForDepthEstimation",
           "Tipsv2DptForNormalEstimation", "Tipsv2DptForSemanticSegmentation"}   # q8 says: not known
PLANS = []       # seconds that each took
LINES = 1447     # of classes.txt: 1,424 classes by their default config, and other configs

TAKES = {"bnb-int8": {"LINEAR", "CONV1D", "LINEAR_ROUTER"},
         "ct-w8a8": {"LINEAR", "SUBLINEAR", "KEEP", "EXPERT"}}


def write_model(folder, facts, tensors):
    """model.safetensors without data, as long as it would be, and config.json."""
    header, end = {}, 0
    for name, (shape, _) in tensors.items():
        size = 2
        for dim in shape:
            size *= dim
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    (folder / "config.json").write_text(json.dumps({
        **json.loads(facts.config.to_json_string(use_diff=False)), "architectures": [facts.name],
        "model_type": facts.config.model_type}))


def chosen(q8, target, folder):
    """
    The modules of the plan, or a set that holds the complaint, and those that stay float by a reason of
    q8's own; nothing to do is the empty set.
    """
    start = time.monotonic()
    run = subprocess.run([q8, "--dry-run", "--json", f"--to={target}", folder, folder / "out"],
                         capture_output=True, text=True, check=False)
    PLANS.append(time.monotonic() - start)
    if run.returncode == 4 and "nothing would become int8" in run.stderr:
        return set(), None if any(reason in run.stderr for reason in OWN_REASONS) else set()
    if run.returncode:
        return {run.stderr.strip()}, set()
    rows = json.loads(run.stdout)["tensors"]
    return ({row["module"] for row in rows if row["action"] == "int8"},
            {row["name"].removesuffix(".weight") for row in rows if row.get("reason", "").startswith(OWN_REASONS)})


def wanted(facts, tensors, target):
    """The modules to be int8, by their names in the file; an empty weight (LwDetrModel's) is none."""
    modules = {name.removesuffix(".weight") for name, (shape, sources) in tensors.items()
               if facts.truth(shape, sources, name) in TAKES[target] and 0 not in shape}
    if target != "bnb-int8" and facts.splits():
        for name, (shape, _) in tensors.items():
            stem, _, leaf = name.rpartition(".")
            if len(shape) == 3 and stem.endswith(".experts"):
                parts = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}
                modules |= {f"{stem}.{e}.{part}" for e in range(shape[0]) for part in parts.get(leaf, ())}
    return modules


def tensor_of(module):
    """The fused tensor that an expert is a slice of."""
    stem, found, rest = module.rpartition(".experts.")
    leaf = rest.rpartition(".")[2]
    return found and stem + found + ("down_proj" if leaf == "down_proj" else "gate_up_proj")


def judge(q8, facts):
    """What is wrong with one class, in words."""
    spaces = [("file", facts.file)]
    if set(facts.state) != set(facts.file):
        spaces.append(("module", facts.state))
    for space, tensors in spaces:
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder), facts, tensors)
            for target in TAKES:
                if space == "module" and target != "bnb-int8":
                    continue        # what is asked for by name is the same
                want = wanted(facts, tensors, target)
                got, own = chosen(q8, target, Path(folder))
                if own is None:     # nothing would become int8, and the run does not tell why
                    own = want if target != "bnb-int8" else set()
                own |= {m for m in want if tensor_of(m) in own}
                if want - own != got:
                    yield (f"{target}, {space} names: missing {sorted(want - own - got)[:3]}, "
                           f"too many {sorted(got - (want - own))[:3]}")


def judge_names(memory, facts):
    """Names that src/model/memory.c gives otherwise than transformers."""
    import arch_names
    if facts.name in UNNAMED:
        return
    memory.ask(facts.config.model_type, facts.name)
    for old, new in arch_names.memory_names(facts.model, facts.file).items():
        if memory.name(old) != new:
            yield f"{old} is {new} in memory, not {memory.name(old)}"
    for old, operations, targets, sources in arch_names.converted(facts.model, facts.file):
        old, new = old.removesuffix(".weight"), [t.removesuffix(".weight") for t, _ in targets]
        if sources == 1 and len(new) > 1 and (old.endswith("in_proj_weight") or "bias" not in old) and (
                memory.parts(old) != new):
            yield f"{old} is {new} in memory, not {memory.parts(old)}"


def prove(q8, part, parts, only):
    """Every parts-th line of classes.txt; prints a line per class."""
    import arch_facts
    from arch_make import Rule
    memory = Rule()
    for number, (model_type, name, *changes) in enumerate(arch_facts.classes()):
        if number % parts != part or (only and name not in only):
            continue
        facts = arch_facts.Facts(model_type, name, changes)
        problems = list(judge(q8, facts)) + list(judge_names(memory, facts))[:3]
        words = " ".join([name, *changes])
        print("\n".join([f"{'FAIL' if problems else 'ok  '} {words}"] + problems), flush=True)
        if number // parts % 20 == 0:
            gc.collect()
    print(f"PLANS {len(PLANS)} {sum(PLANS)}", flush=True)


def start(q8, part, parts, only):
    """A child that proves its part; (its id, where it writes)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, os.fdopen(reader)
    os.dup2(writer, 1)
    try:
        prove(q8, part, parts, only)
    except BaseException as error:
        print(f"FAIL part {part}: {error!r}", flush=True)
        os._exit(1)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("q8", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    words = parser.parse_args()
    only = set(filter(None, words.only.split(",")))
    import arch_facts
    import torch
    torch.set_num_threads(1)
    gc.disable()
    gc.freeze()     # what was imported need not be looked through again
    children = [start(words.q8.resolve(), i, words.jobs, only) for i in range(words.jobs)]
    lines = [line for _, reader in children for line in reader.read().splitlines()]
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("FAIL ") for line in lines)
    failed += sum(os.waitpid(child, 0)[1] != 0 for child, _ in children)
    plans = [line.split()[1:] for line in lines if line.startswith("PLANS ")]
    print("\n".join(line for line in lines if not line.startswith(("ok ", "PLANS "))))
    print(f"{sum(int(n) for n, _ in plans)} plans took q8-convert {sum(float(t) for _, t in plans):.0f} s")
    if not only and passed + failed != LINES:
        print(f"{passed + failed} classes and configs were judged, not {LINES:,}")
        failed += 1
    classes = len({line.split()[1] for line in lines if line.startswith(("ok ", "FAIL "))})
    print(f"{passed} passed, {failed} failed; {classes} classes, "
          f"{len(UNNAMED)} of which have names that are not known")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
