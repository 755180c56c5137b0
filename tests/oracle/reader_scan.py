"""reader_scan.py - which modules a serving runtime builds with its quantization: read from the source in its wheel

Nothing of the wheel is imported or run.  Each registered model class is interpreted abstractly, from
__init__ on: a value is a list of what it may be, a branch that depends on the model's config is
followed both ways, and every nn.Module leaves a tree of its parts.  `quant_config` is one marked
value, so a Linear that it does not reach is one that no int8 weight can fill.
"""
import ast
import re
import sys

from reader_interpret import Interpreter
from reader_source import CARRIER, NONE, OTHER, QUANT, Class, Const, Items, last, Part, Wheel

sys.setrecursionlimit(20000)

# -- from a class to its paths


def registry(wheel):
    """{architecture: Class} of what the runtime registers, and the names that have no class here."""
    found, missing = {}, []
    if wheel.name == "vllm":
        tables = wheel.home("vllm/model_executor/models/registry.py").values
        rows = {}
        for name, node in tables.items():
            if name.endswith("_MODELS") and isinstance(node, ast.Dict) and not name.startswith(("_VLLM_", "_PREVIOUSLY", "_OOT")):
                for key, value in zip(node.keys, node.values):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Tuple):
                        rows[key.value] = [e.value for e in value.elts][:2]
        for name, (module, cls) in rows.items():
            home = wheel.module(module if module.startswith("vllm.") else "vllm.model_executor.models." + module)
            at = home and wheel.named(home, cls)
            if isinstance(at, tuple) and isinstance(at[1], ast.ClassDef):
                found[name] = (home, Class(*at))
            else:
                missing.append(name)
    else:
        for path in sorted(f for f in wheel.files if re.fullmatch(r"sglang/srt/models/(\w+|\w+/__init__)\.py", f)):
            home = wheel.home(path)
            node = home and home.values.get("EntryClass")
            if node is None:
                continue
            for e in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
                at = wheel.named(home, last(e))
                if isinstance(at, tuple) and isinstance(at[1], ast.ClassDef):
                    found[last(e)] = (home, Class(*at))
                else:
                    missing.append(last(e))
    return found, missing


class Model:
    """What one architecture is built of: {path: set of words}, '#' for a number, and what its names come from."""

    def __init__(self, name, home, root, orders):
        self.name, self.file = name, home.path.removesuffix("/__init__.py")
        self.paths, self.models, self.pairs = {}, {}, []
        self.homes, self.orders = {home}, orders
        self.walk(root)
        for home in sorted(self.homes, key=lambda h: h.path):
            if "/layers/" not in home.path:
                self.pairs += [p for p in pairs_of(home) if p not in self.pairs]
        self.pairs += [p for p in JOINED if p not in self.pairs]
        del self.homes, self.orders

    def note(self, path, word):
        self.paths.setdefault(".".join(path), set()).add(word)

    def walk(self, values, path=(), above=()):
        for v in values:
            if isinstance(v, Items) and v.is_module:        # a plain list registers nothing
                for item in v.items:
                    self.walk(item, path + ("#",), above)
                for name, item in v.names.items():
                    self.walk(item, path + (str(name) if not str(name).isdigit() else "#",), above)
            elif isinstance(v, Part):
                self.part(v, path, above)

    def part(self, v, path, above):
        if id(v) in above or len(path) > 16:
            return
        if v.kind == "model":
            self.models.setdefault(".".join(path), set()).update(v.text)
        elif v.kind == "plain":
            self.note(path + ("*",), "float")
        elif v.kind:
            word = v.kind + " " if v.kind in ("head", "embed") else ""
            end = ("*",) if v.kind == "experts" else ()
            for q in v.quant or (NONE,):
                self.note(path + end, word + ("int8" if q is QUANT else "float" if isinstance(q, Const) else "unclear"))
        if v.made_of:
            self.homes |= {base.home for base in self.orders.get(v.made_of, [v.made_of]) if isinstance(base, Class)}
        for name, values in v.parts.items() if not v.kind else ():
            if name != "*":
                self.walk(values, path + (name,), above + (id(v),))
            else:
                self.walk(values, path + ("#",), above + (id(v),))


def scan(path):
    """[Model] of every architecture that a wheel registers, and the names that lead to no class."""
    wheel = Wheel(path)
    found, missing = registry(wheel)
    models, run = [], Interpreter(wheel)
    run.architectures = {name: cls for name, (_, cls) in found.items()}
    for name, (home, cls) in sorted(found.items()):
        words = {"vllm_config": [CARRIER], "prefix": [OTHER]} if wheel.name == "vllm" else \
            {"config": [OTHER], "quant_config": [QUANT]}
        models.append(Model(name, home, run.construct(cls, [], words), run.orders))
    return models, missing


# -- from the runtime's names to the checkpoint's


# What is joined or renamed by code, or by a table of a class that lies elsewhere.
JOINED = [[[part], [whole]] for whole, parts in (
    ("qkv_proj", ("q_proj", "k_proj", "v_proj")), ("gate_up_proj", ("gate_proj", "up_proj")),
    ("fused_qkv_a_proj_with_mqa", ("q_a_proj", "kv_a_proj_with_mqa")), ("fused_qkv_a_proj", ("q_a_proj", "kv_a_proj_with_mqa")))
    for part in parts] + [[["vision_tower"], ["vision_tower", "vision_model"]]]


def text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def pairs_of(home):
    """[(part of a name in the checkpoint, what the runtime calls it)] of the tables and replacements of one file."""
    if not hasattr(home, "pairs"):
        found = []
        for node in ast.walk(home.tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values):
                    if isinstance(value, (ast.List, ast.Tuple)) and value.elts and text(key):
                        if isinstance(value, ast.Tuple) and text(value.elts[0]):        # {old: (new, shard)}
                            found.append((text(key), text(value.elts[0])))
                        elif isinstance(value, ast.List):                               # {new: [old, old]}
                            found += [(text(e), text(key)) for e in value.elts if text(e)]
                    elif text(key) and text(value):
                        found.append((text(key), text(value)))
            elif isinstance(node, ast.List):
                for row in node.elts:                                                   # [(new, old, shard)]
                    if isinstance(row, ast.Tuple) and len(row.elts) > 1 and text(row.elts[0]) and text(row.elts[1]):
                        found.append((text(row.elts[1]), text(row.elts[0])))
            elif isinstance(node, ast.Call) and last(node.func) == "replace" and len(node.args) >= 2:
                if text(node.args[0]) and text(node.args[1]) is not None:
                    found.append((text(node.args[0]), text(node.args[1])))
        home.pairs = []
        for old, new in found:
            if re.fullmatch(r"[\w.]*\w[\w.]*", old) and re.fullmatch(r"[\w.]*\w[\w.]*|", new):
                old, new = (w.strip(".").split(".") if w else [] for w in (old, new))
                if old != new and not {"weight", "bias"} & set(old + new) and [old, new] not in home.pairs:
                    home.pairs.append([old, new])
    return home.pairs


def before(path, pairs):
    """The names, as tuples of parts, that the runtime may have turned into this one; itself first."""
    found = [path]
    for name in found:
        if len(found) > 80:
            break
        for old, new in pairs:
            for i in range(len(name) - len(new) + 1) if new else [len(name) - 1]:   # what is left out stood before the leaf
                if list(name[i:i + len(new)]) == new:
                    other = name[:i] + tuple(old) + name[i + len(new):]
                    twice = any(a == b for a, b in zip(other, other[1:]))
                    if other not in found and len(other) <= len(path) + 3 and not twice:
                        found.append(other)
    return found
