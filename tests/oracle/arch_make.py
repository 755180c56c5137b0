#!/usr/bin/env python3
"""Makes src/arch_table.inc: where a model class differs from the rule of src/arch.c.

    arch_make.py ARCHITECTURES.json RULE > src/arch_table.inc

ARCHITECTURES.json holds the facts that transformers tells of its model classes (shared/data); RULE
is a program that reads "model_type module" lines and prints the kind that the rule alone gives.
"""
import json
import re
import subprocess
import sys


def converts(skips, module):
    """transformers 5.23, quantizers_utils.should_convert_module."""
    return not any(re.match(f"{key}\\.", module) or re.match(key, module) or module.endswith(key)
                   for key in skips)


def truth(facts):
    """module -> kind, for every 2-D weight of the class."""
    kinds = {}
    skips = [name.replace(".#", ".0") for name in facts.get("skip", [])]
    keeps = [name.replace(".#", ".0") for name in facts.get("keep", [])]
    for module in facts.get("embed", []):
        kinds[module] = "EMBEDDING"
    for field, kind in (("linear", "LINEAR"), ("sublinear", "SUBLINEAR"), ("conv1d", "CONV1D")):
        for module in facts.get(field, []):
            plain = module.replace("#", "0")
            kinds[module] = kind
            if not converts(keeps, plain):
                kinds[module] = "KEEP"
            if not converts(skips, plain):
                kinds[module] = "HEAD"
    for name in facts.get("p2other", []):
        if name.endswith(".weight"):
            kinds.setdefault(name[:-len(".weight")], "OTHER")
    return kinds


FLOAT = {"OTHER", "EMBEDDING", "ROUTER"}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file)
    type_of = {}
    for model_type, classes in data["types"].items():
        for name in classes:
            type_of.setdefault(name, model_type)
    questions = []
    for name, facts in sorted(data["classes"].items()):
        for module, kind in sorted(truth(facts).items()):
            questions.append((name, type_of.get(name, "-"), module, kind))
    text = "".join(f"{q[1]} {q[2].replace('#', '0')}\n" for q in questions)
    answers = subprocess.run([sys.argv[2]], input=text, capture_output=True, text=True,
                             check=True).stdout.split()
    print("/* arch_table.inc - made by tests/oracle/arch_make.py from transformers 5.23.0 */")
    print("static const struct q8_arch_row rows[] = {")
    for (name, _, module, kind), answer in zip(questions, answers, strict=True):
        if answer != kind and not (answer in FLOAT and kind in FLOAT):
            print(f'    {{"{name}", "{module}", Q8_KIND_{kind}}},')
    print("};\n")
    print("/* Linears that transformers leaves float by default, in the file or tied. */")
    print("static const struct q8_arch_row heads[] = {")
    for name, facts in sorted(data["classes"].items()):
        for module, kind in sorted(truth(facts).items()):
            if kind == "HEAD" and "#" not in module:
                print(f'    {{"{name}", "{module}", Q8_KIND_HEAD}},')
    print("};\n")
    print("/* Every class that the table was made for. */")
    print("static const char *const classes[] = {")
    for name in sorted(data["classes"]):
        print(f'    "{name}",')
    print("};")


if __name__ == "__main__":
    main()
