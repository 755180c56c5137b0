#!/usr/bin/env python3
"""Proves the choice of modules, class by class: q8-convert --dry-run on a header and a config alone.

    arch_prove.py Q8_CONVERT ARCHITECTURES.json

For each class that the facts name (transformers 5.23.0, layer numbers 0) a sparse model is made with
a 2-D weight for every Linear, subclass, Conv1D, embedding and bare 2-D parameter; the modules that
would become int8 must be exactly those that bitsandbytes, or compressed-tensors, would replace.
"""
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from arch_make import truth

TAKES = {"bnb-int8": {"LINEAR", "CONV1D"}, "ct-w8a8": {"LINEAR", "SUBLINEAR", "KEEP"}}


def write_model(folder, name, model_type, modules):
    header, end = {}, 0
    for module in sorted(modules):
        header[f"{module}.weight"] = {"dtype": "BF16", "shape": [128, 128], "data_offsets": [end, end + 32768]}
        end += 32768
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    (folder / "config.json").write_text(json.dumps({"architectures": [name], "model_type": model_type}))


def int8_modules(q8, target, folder):
    """The modules of the plan; a refusal because nothing is left is the empty set."""
    run = subprocess.run([q8, "--dry-run", "--json", f"--to={target}", folder, "never"],
                         capture_output=True, text=True, check=False)
    if run.returncode == 4 and "nothing would become int8" in run.stderr:
        return set()
    if run.returncode:
        return {run.stderr.strip()}
    return {row["module"] for row in json.loads(run.stdout)["tensors"] if row["action"] == "int8"}


def main():
    q8, facts_file = sys.argv[1:3]
    data = json.loads(Path(facts_file).read_text(encoding="utf-8"))
    type_of = {}
    for model_type, classes in data["types"].items():
        for name in classes:
            type_of.setdefault(name, model_type)
    passed = failed = 0
    for name, facts in sorted(data["classes"].items()):
        kinds = {module.replace("#", "0"): kind for module, kind in truth(facts).items()}
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder), name, type_of.get(name, "none"), kinds)
            for target, takes in TAKES.items():
                want = {module for module, kind in kinds.items() if kind in takes}
                got = int8_modules(q8, target, folder)
                if got == want:
                    passed += 1
                    continue
                failed += 1
                print(f"FAIL {name} {target}: missing {sorted(want - got)[:4]}, extra {sorted(got - want)[:4]}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
