"""arch_prove.py - proves the choice of modules for every class that transformers knows

    arch_prove.py Q8_CONVERT [--jobs N] [--only CLASS,CLASS]

For each class a sparse model is made, header and config only, with the names and shapes that the
real class has by default, once as save_pretrained names them and once as its modules are named.
q8-convert --dry-run must choose exactly the modules that bitsandbytes, or compressed-tensors with
llm-compressor's recipes, would replace.  Building all classes takes minutes: 0.3 s each.
"""
import argparse
import gc
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from common import READER_REASONS

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
    """The modules of the plan, or a set that holds the complaint; nothing to do is the empty set.

    Beside it what stays float since readers of the target build it so, which reader_prove.py judges.
    """
    run = subprocess.run([q8, "--dry-run", "--json", f"--to={target}", folder, folder / "out"],
                         capture_output=True, text=True, check=False)
    if run.returncode == 4 and "nothing would become int8" in run.stderr:
        return set(), None if any(reason in run.stderr for reason in READER_REASONS) else set()
    if run.returncode:
        return {run.stderr.strip()}, set()
    rows = json.loads(run.stdout)["tensors"]
    return ({row["module"] for row in rows if row["action"] == "int8"},
            {row["name"].removesuffix(".weight") for row in rows if row.get("reason") in READER_REASONS})


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


def judge(q8, facts):
    """What is wrong with one class, in words."""
    spaces = [("file", facts.file)]
    if set(facts.state) != set(facts.file):
        spaces.append(("module", facts.state))
    for space, tensors in spaces:
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder), facts, tensors)
            for target in TAKES:
                want, (got, kept) = wanted(facts, tensors, target), chosen(q8, target, Path(folder))
                if target != "bnb-int8":
                    want = want - kept if kept is not None else set()
                if want != got:
                    yield (f"{target}, {space} names: missing {sorted(want - got)[:3]}, "
                           f"too many {sorted(got - want)[:3]}")


def prove(q8, part, parts, only):
    """Every parts-th class; prints a line per class."""
    import arch_facts
    for number, (model_type, name) in enumerate(arch_facts.classes()):
        if number % parts != part or (only and name not in only):
            continue
        problems = list(judge(q8, arch_facts.Facts(model_type, name)))
        print("\n".join([f"{'FAIL' if problems else 'ok  '} {name}"] + problems), flush=True)
        gc.collect()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("q8", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--part", type=int)
    parser.add_argument("--only", default="")
    words = parser.parse_args()
    only = set(filter(None, words.only.split(",")))
    if words.part is not None:
        return prove(words.q8.resolve(), words.part, words.jobs, only)
    workers = [subprocess.Popen([sys.executable, *sys.argv, "--part", str(i)], stdout=subprocess.PIPE,
                                text=True) for i in range(words.jobs)]
    texts = [worker.communicate()[0] for worker in workers]
    lines = "".join(texts).splitlines()
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("FAIL ") for line in lines) + sum(w.returncode != 0 for w in workers)
    print("\n".join(line for line in lines if not line.startswith("ok ")))
    if not only and passed + failed != 1002:
        print(f"{passed + failed} classes were judged, not 1,002")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
