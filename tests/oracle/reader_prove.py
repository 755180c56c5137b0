"""reader_prove.py - holds src/model/reader.c against the source of vLLM and SGLang, for every class of transformers

    reader_prove.py FOLDER|--fetch [--keep FILE]     as reader_make.py; FILE keeps what is slow to find out

For each class of classes.txt that a runtime registers: each Linear that q8 makes int8 for ct-* and
that reader.c does not call FLOAT must have a place, that is a module of the runtime that is built
with quant_config.  The place is looked for without reader.c's patterns: a name of the checkpoint is
turned into the runtime's, forwards, by the runtime's own tables, and compared as a whole.  Exits 1
when one has none, or when a FLOAT has one.  What neither side knows is counted and named.
"""
import argparse
import collections
import pickle
import re
import subprocess
import sys
import tempfile
from ctypes import CDLL, c_bool, c_char_p, c_int, c_void_p, create_string_buffer, Structure
from pathlib import Path

import reader_scan
from arch_make import ROOT, Rule
from reader_make import backed, place_of, renamed, text_types, wheels

MADE_INT8 = {"LINEAR", "SUBLINEAR", "KEEP", "EXPERT"}
PLACES = ("unclear", "int8", "float")
# What stands around a model, or in its middle, and says nothing of which.
AROUND = {"model", "language_model", "transformer", "text_model", "llm", "backbone", "base_model", "gpt_neox",
          "bert", "roberta", "gte", "nomic_bert", "thinker", "minicpmv"}
WORDS = ("vllm", "sglang")


class Reading(Structure):
    _fields_ = [("reader", c_int), ("known", c_bool), ("file", c_void_p * 2)]


class Reader:
    """The functions of reader.c."""

    def __init__(self):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "reader.so"
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-I", ROOT, "-o", library,
                            ROOT / "src/model/reader.c", ROOT / "src/model/path.c"], check=True)
            self.library = CDLL(str(library))
        self.reading = Reading()

    def ask(self, runtime, class_name, text_type):
        self.names = [n and n.encode() for n in (class_name, text_type)]
        self.library.q8_reading_init(self.pointer(), 1 + WORDS.index(runtime), *map(c_char_p, self.names))
        return self.reading.known

    def pointer(self):
        from ctypes import byref
        return byref(self.reading)

    def place(self, module):
        return PLACES[self.library.q8_reading_module(self.pointer(), c_char_p(module.encode()))]


def facts(wanted):
    """{class: (model_type, text_type, [(module, kind)])} by the names in the file, numbers as they are."""
    import arch_facts
    rule, found = Rule(), {}
    for kind, name, *changes in arch_facts.classes():
        if name not in wanted or changes:
            continue
        try:
            one = arch_facts.Facts(kind, name)
        except Exception as error:      # another release of a library; arch_prove.py is the judge of that
            print(f"{name}: {error}", file=sys.stderr)
            continue
        config = one.config
        text = config.get_text_config() if hasattr(config, "get_text_config") else config
        rule.ask(config.model_type, name)
        modules = [(n.removesuffix(".weight"), rule.kind(n.removesuffix(".weight"))) for n, (shape, _) in one.file.items()
                   if len(shape) == 2 and n.endswith(".weight")]
        found[name] = config.model_type, getattr(text, "model_type", None), modules
        print(f"\r{len(found)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return found


def forward(name, pairs):
    """What the runtime may call a module of the checkpoint."""
    found = [name]
    for one in found:
        if len(found) > 3000:
            break
        for old, new in pairs:
            for i in range(len(one) - len(old) + 1):
                if list(one[i:i + len(old)]) == old:
                    other = one[:i] + tuple(new) + one[i + len(old):]
                    if other not in found and len(other) <= len(name) + 3:
                        found.append(other)
    return found


def bare(name):
    """Without what stands around it; a vision_model inside a tower does, too."""
    inside = "language_model" in name           # transformers writes QianfanOCR's layers below its encoder
    kept = [part for part in name[:-1] if part not in AROUND and not (inside and part == "encoder")]
    return tuple(part for i, part in enumerate(kept) if i == 0 or part != "vision_model") + name[-1:]


class Built:
    """The modules of one class of a runtime, whole paths."""

    def __init__(self, models):
        self.pairs, self.exact, self.below = [], {}, {}
        for model in models:
            for pair in model.pairs:
                pair = [["#" if part.isdigit() else part for part in side] for side in pair]
                if pair not in self.pairs:
                    self.pairs.append(pair)
            for path, words in model.paths.items():
                modules = {w for w in words if not w.startswith("embed")}
                name = bare(tuple(path.split(".")))
                if modules:
                    (self.below if name[-1] == "*" else self.exact).setdefault(
                        name[:-1] if name[-1] == "*" else name, set()).update(modules)
        self.memory = {}

    def places(self, module):
        """Its place by the nearest of its names, or None; and all of them."""
        path = tuple("#" if part.isdigit() else part for part in module.split("."))
        if path not in self.memory:
            self.memory[path] = self.look(path)
        return self.memory[path]

    def look(self, path):
        nearest, every = None, set()
        names = forward(path, self.pairs)
        names += [n for n in forward(("model",) + path, self.pairs) if n not in names]     # of a bare model
        for name in dict.fromkeys(map(bare, names)):
            found = [self.exact[name]] if name in self.exact else []
            found += [self.below[name[:end]] for end in range(1, len(name)) if name[:end] in self.below]
            here = {place_of(words) for words in found}
            nearest = nearest or next((p for p in ("float", "int8", "unclear") if p in here), None)
            every |= here
        return nearest, every


def prove(runtime, models, classes, reader):
    by_name = {m.name: m for m in models}
    types = text_types(by_name)
    other = renamed(by_name) if runtime == "vllm" else {}
    count, wrong, unknown, spoilt = collections.Counter(), [], collections.defaultdict(set), []
    for name, (_, text, modules) in sorted(classes.items()):
        model = by_name.get(other.get(name, name))
        if model is None:
            continue
        count["classes"] += 1
        if not reader.ask(runtime, name, text):
            unknown[name].add("the class")
        inner = by_name.get(types.get(text)) if model.models else None
        backend = "/models/transformers" in model.file
        built = Built([model] + ([inner] if inner else []))
        for module, kind in modules:
            if kind not in MADE_INT8:
                continue
            count["modules"] += 1
            said = reader.place(module)
            place, every = ("int8", {"int8"}) if backend else built.places(module)
            path = ".".join("#" if part.isdigit() else part for part in module.split("."))
            count[said] += 1
            if said == "int8" and place != "int8":
                wrong.append(f"{name}: {path}: {place or 'no path'}")
            elif said == "unclear":
                unknown[name].add(path + (f" [{place}]" if place else ""))
            elif said == "float" and every == {"int8"}:
                spoilt.append(f"{name}: {path}")
    return count, sorted(set(wrong)), unknown, sorted(set(spoilt))


def show(runtime, models, missing, result):
    count, wrong, unknown, spoilt = result
    nothing = sorted({m.file for m in models if not m.paths and not m.models} |
                     {m.file for m in models if m.paths and not any("int8" in w or "unclear" in w for ws in m.paths.values() for w in ws)
                      and not m.models})
    print(f"\n{runtime}: {len({m.file for m in models})} model files, {len(models)} architectures, {len(missing)} without a class; "
          f"{count['classes']} of them classes of transformers with {count['modules']} modules that int8 is made of")
    print(f"  int8 {count['int8']}, kept float {count['float']}, unknown {count['unclear']}")
    print(f"  int8 without a place: {len(wrong)}")
    for line in wrong:
        print("    " + line)
    print(f"  float that has a place: {len(spoilt)}")
    for line in spoilt:
        print("    " + line)
    print(f"  files in which nothing takes int8: {len(nothing)}: " + ", ".join(f.split("/models/")[-1] for f in nothing))
    print(f"  classes with modules unknown: {len(unknown)}")
    for name, paths in sorted(unknown.items()):
        some = sorted(paths)
        print(f"    {name}: {len(some)}: " + ", ".join(some[:4]) + (" ..." if len(some) > 4 else ""))
    return not wrong and not spoilt


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("folder", nargs="?")
    ask.add_argument("--fetch", action="store_true")
    ask.add_argument("--keep", type=Path)
    told = ask.parse_args()
    if bool(told.folder) == told.fetch:
        sys.exit(__doc__)
    if told.keep and told.keep.exists():
        scans, classes = pickle.loads(told.keep.read_bytes())
    else:
        scans = {name: reader_scan.scan(path) for name, path in wheels(told.folder).items()}
        known = {m.name for models, _ in scans.values() for m in models}
        classes = facts(known | set(renamed(known)))
        if told.keep:
            told.keep.write_bytes(pickle.dumps((scans, classes)))
    reader, right = Reader(), True
    for runtime, (models, missing) in scans.items():
        right = show(runtime, models, missing, prove(runtime, models, classes, reader)) and right
    sys.exit(not right)


if __name__ == "__main__":
    main()
