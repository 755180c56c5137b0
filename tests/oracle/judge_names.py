"""judge_names.py - src/model/names.c against the functions with which runtimes read lists of names

    judge_names.py NAMES [--wheels DIR] [--pairs N] [--seed N]

NAMES is build/tests/oracle/names; DIR holds the wheels of vllm 0.33.0 and sglang 0.5.23 (pip download
--no-deps), which are read as zip: each function is taken out of its file and run alone.  Random names
and entries, N (10,000) pairs for each rule; prints what differs, and fails if anything does.
"""
import argparse
import ast
import random
import re
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from types import MappingProxyType

import regex
from compressed_tensors.utils.match import match_name
from transformers.quantizers.quantizers_utils import should_convert_module

RULES = "TRANSFORMERS COMPRESSED VLLM SGLANG SGLANG_BNB".split()
FUSED = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}
VLLM = "vllm/model_executor/layers/quantization/"
SGLANG = "sglang/srt/layers/quantization/"
PARTS = ["model", "layers", "layer", "0", "1", "10", "mlp", "self_attn", "gate", "gate_proj", "up_proj",
         "q_proj", "k_proj", "lm_head", "head", "a", "b", "ab"]
REGEXES = [".*", "[a-z]+", r"\d+", r"\w+", "(?:", "(", ")", "|", "$", "^", ".", r"\.", "[^.]+", "?", "+",
           ".*?", "[.]", r"[\d_]", "_proj"]


def take(wheels, project, path, names, **room):
    """Functions of a file of the wheel, run with nothing but what they need."""
    (wheel,) = Path(wheels).glob(project + "-*.whl")
    tree = ast.parse(zipfile.ZipFile(wheel).read(path))
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in names]
    for function in tree.body:
        function.returns = None
        for argument in [*function.args.args, *function.args.kwonlyargs]:
            argument.annotation = None
    scope = {"MappingProxyType": MappingProxyType, **room}
    exec(compile(tree, path, "exec"), scope)
    return scope


def readers(wheels):
    """{rule: function(name, entries)} and, for fused modules, {rule: function(name, entries)}."""
    config = take(wheels, "vllm", VLLM + "utils/config_utils.py",
                  ["find_matching_patterns", "is_equal_or_regex_match"], re=regex, fnmatch=None)
    vllm = take(wheels, "vllm", VLLM + "compressed_tensors/utils.py", ["should_ignore_layer"],
                find_matching_patterns=config["find_matching_patterns"])
    sglang = take(wheels, "sglang", SGLANG + "compressed_tensors/utils.py",
                  ["should_ignore_layer", "check_equal_or_regex_match", "_is_equal_or_regex_match"], re=re)
    bnb = take(wheels, "sglang", SGLANG + "bitsandbytes.py", ["is_layer_skipped_bnb"])
    alone = {
        "TRANSFORMERS": lambda name, entries: not should_convert_module(name, entries),
        "COMPRESSED": lambda name, entries: any(match_name(name, e) for e in entries),
        "VLLM": lambda name, entries: any(config["is_equal_or_regex_match"](name, e) for e in entries),
        "SGLANG": sglang["check_equal_or_regex_match"],
        "SGLANG_BNB": bnb["is_layer_skipped_bnb"],
    }
    fused = {rule: lambda name, entries, f=scope["should_ignore_layer"]: f(name, entries, FUSED)
             for rule, scope in (("VLLM", vllm), ("SGLANG", sglang))}
    return alone, fused


def any_name(r):
    return ".".join(r.choice(PARTS) for _ in range(r.randint(1, 6)))


def any_entry(r, name, rule):
    """Something that has to do with the name, more or less."""
    parts = name.split(".")
    low = r.randrange(len(parts) + 1)
    text = ".".join(parts[low:r.randint(low, len(parts))])
    for _ in range(r.choice([0, 0, 0, 1, 2])):
        at = r.randrange(len(text) + 1)
        text = text[:at] + r.choice(["", ".", "_", "x", "."]) + text[at + r.choice([0, 1]):]
    for _ in range(r.choice([0, 0, 1, 2, 3])):
        at = r.randrange(len(text) + 1)
        text = text[:at] + r.choice(REGEXES) + text[at + r.choice([0, 0, 1, 3]):]
    if rule == "TRANSFORMERS" or r.random() < .4:
        return text
    return "re:" + text


def any_fused(r):
    stem, fused = ".".join(r.choice(PARTS) for _ in range(r.randint(0, 3))), r.choice([*FUSED])
    name = (stem + "." if stem else "") + fused
    if r.random() < .1:
        return name, fused, [any_entry(r, name, "VLLM")]
    shards = [name.replace(fused, shard) for shard in FUSED[fused]]
    kept = shards if r.random() < .4 else r.sample(shards, r.randint(1, len(shards)))
    return name, fused, [any_entry(r, s, "VLLM") if r.random() < .1 else s for s in kept]


def ask(reader, name, entries):
    """What the reader says; None: the entry is no regex of Python's."""
    try:
        return str(int(reader(name, entries)))
    except (re.error, regex.error):
        return None
    except ValueError:
        return "torn"


def cases(r, alone, fused, pairs):
    for rule, reader in alone.items():
        for _ in range(pairs):
            name = any_name(r)
            entries = [any_entry(r, name if r.random() < .9 else any_name(r), rule)
                       for _ in range(r.choice([1, 1, 1, 2, 5]))]
            yield rule, name, "", entries, ask(reader, name, entries)
    for rule, reader in fused.items():
        for _ in range(pairs):
            name, module, entries = any_fused(r)
            yield rule, name, module + "=" + ",".join(FUSED[module]), entries, ask(reader, name, entries)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", type=Path)
    parser.add_argument("--wheels", type=Path, default=Path.home() / ".cache/q8-oracle/wheels")
    parser.add_argument("--pairs", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    words = parser.parse_args()
    warnings.filterwarnings("ignore")      # sets that Python will read otherwise one day
    rows = [c for c in cases(random.Random(words.seed), *readers(words.wheels), words.pairs)
            if c[4] is not None]
    text = "".join("\t".join([str(RULES.index(rule)), name, fused, *entries]) + "\n"
                   for rule, name, fused, entries, _ in rows)
    have = subprocess.run([words.names], input=text, capture_output=True, text=True, check=True)
    wrong = unclear = 0
    answers = {}
    for (rule, name, fused, entries, want), found in zip(rows, have.stdout.splitlines(), strict=True):
        unclear += found == "unclear"
        key = rule + (" fused" if fused else ""), want
        answers[key] = answers.get(key, 0) + 1
        if found not in (want, "unclear"):
            wrong += 1
            if wrong <= 20:
                print(f"{rule}: {name} {fused} {entries}: {want}, not {found}")
    print("; ".join(f"{rule} {want}: {n}" for (rule, want), n in sorted(answers.items())))
    print(f"{len(rows)} pairs, {unclear} unclear, {wrong} differences; seed {words.seed}")
    return 1 if wrong or unclear * 10 > len(rows) else 0


sys.exit(main())
