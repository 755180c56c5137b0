"""judge_lists.py - the lists of quantization_config, read by the real libraries, for every class

    judge_lists.py Q8_CONVERT [--every N] [--only CLASS,CLASS]

Makes the sparse models of arch_prove.py, one for each class (or each N-th), asks for the plan as it is and with the
first layers skipped, and hands its list to transformers: bitsandbytes must replace, and compressed-tensors
target, exactly the modules that the plan makes int8, under their names in memory.  A list of null must stay
right when what is tied changes.  Prints a line per class that is wrong, and counts.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from compressed_tensors.utils.match import match_named_modules
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

import arch_facts
from arch_prove import write_model

OPTIONS = ([], ["--skip", "*.0.*"])
torch.set_num_threads(1)


def plan(q8, target, folder, options):
    """(int8 modules of the file, quantization_config); None where nothing becomes int8."""
    run = subprocess.run([q8, "--dry-run", "--json", f"--to={target}", *options, folder, folder / "out"],
                         capture_output=True, text=True, check=False)
    if run.returncode in (2, 4) and (options or "nothing would become int8" in run.stderr):
        return None     # no such layer, or a slice of fused experts
    if run.returncode:
        raise ValueError(run.stderr.strip())
    report = json.loads(run.stdout)
    return ({row["module"] for row in report["tensors"] if row["action"] == "int8"},
            report["quantization_config"])


def in_memory(facts, modules):
    """The modules of the class that these weights of the file become; experts are none."""
    made = set()
    for name in modules:
        sources = facts.file.get(name + ".weight", (None, []))[1]
        made |= {s.removesuffix(".weight") for s in sources} & facts.modules.keys()
    return made


def default_heads(facts, tied):
    """What the default list has of the Linears when embeddings are tied, or not."""
    cls = arch_facts.find_class(facts.kind, facts.name)
    config = arch_facts.default_config(facts.kind, cls)
    for part in (config, config.get_text_config()):
        part.tie_word_embeddings = tied
    with torch.device("meta"):
        model = cls(config)
    skip = get_keys_to_not_convert(model)
    return {n for n in facts.targets | facts.conv1d if not should_convert_module(n, skip)}


def judge_bnb(facts, model, int8, config):
    skip = config["llm_int8_skip_modules"]
    if skip is None and (facts.heads != default_heads(facts, True) or facts.heads != default_heads(facts, False)
                         or any(part.isdigit() for h in facts.heads for part in h.split("."))):
        yield "null, but the default depends on the config"
    have = facts.replaced(model, skip)
    if have != int8:
        yield f"bitsandbytes replaces {sorted(have - int8)[:3]} and not {sorted(int8 - have)[:3]}"


def judge_ct(model, int8, config):
    targets = [t for g in config["config_groups"].values() for t in g["targets"]]
    have = {n for n, m in match_named_modules(model, targets, config["ignore"])
            if isinstance(m, torch.nn.Linear)}
    if have != int8:
        yield f"compressed-tensors targets {sorted(have - int8)[:3]} and not {sorted(int8 - have)[:3]}"


def judge(q8, kind, name):
    facts = arch_facts.Facts(kind, name)
    model = facts.modules[""]
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), facts, facts.file)
        for target in ("bnb-int8", "ct-w8a8"):
            for options in OPTIONS:
                planned = plan(q8, target, Path(folder), options)
                if not planned:
                    continue
                int8 = in_memory(facts, planned[0])
                found = (judge_bnb(facts, model, int8, planned[1]) if target == "bnb-int8"
                         else judge_ct(model, int8, planned[1]))
                for problem in found:
                    yield f"{name} {target} {' '.join(options)}: {problem}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("q8", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="")
    words = parser.parse_args()
    only = set(filter(None, words.only.split(",")))
    count = wrong = 0
    for kind, name in arch_facts.classes()[::words.every]:
        if only and name not in only:
            continue
        problems = list(judge(words.q8.resolve(), kind, name))
        count += 1
        wrong += bool(problems)
        if problems:
            print("\n".join(problems), flush=True)
    print(f"{count} classes, {wrong} wrong")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
