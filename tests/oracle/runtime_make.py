"""runtime_make.py - writes src/verify/runtime/packed_table.inc: fused modules that SGLang expands

    runtime_make.py SGLANG.whl [--check]

SGLang looks a fused module (qkv_proj) up in the lists of a config by the names of its parts only if the
class that it builds says so in `packed_modules_mapping`; of the other classes only the fused name counts.
LOST: its layers are built without their path, so entries of a list that name a layer do not match.
The wheel is read as a zip, with the AST; nothing of it runs.  vLLM's classes all say so.
"""
import ast
import sys
import zipfile
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "src/verify/runtime/packed_table.inc"
# The rows of `fused` in src/verify/runtime/units.c.
BITS = {"qkv_proj": "QKV", "gate_up_proj": "GATE_UP", "fused_qkv_a_proj_with_mqa": "QKV_A",
        "in_proj_qkvz": "QKVZ", "in_proj_ba": "BA"}
HEAD = """/*
 * packed_table.inc - written by tests/oracle/runtime_make.py from SGLang 0.5.23; do not edit
 *
 * Classes whose fused modules SGLang expands to their parts, and which of them; LOST: whose modules
 * ask without the path to their layer.
 */
"""


def loses_prefix(tree):
    """Whether some layer of a stack is built without the prefix that make_layers hands out."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "make_layers"):
            continue
        for part in node.args:
            if (isinstance(part, ast.Lambda) and isinstance(part.body, ast.Call)
                    and "prefix" in [a.arg for a in part.args.args]
                    and not any(isinstance(n, ast.Name) and n.id == "prefix"
                                for n in ast.walk(part.body))):
                return True
    return False


def read_classes(wheel):
    """{class: (bases, own keys or None)}, the architectures that the wheel builds, and those of them
    whose modules ask without the path to their layer."""
    classes, entries, lost = {}, set(), set()
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist()
                 if n.startswith("sglang/srt/models/") and n.endswith(".py")]
        for name in sorted(names):
            tree = ast.parse(archive.read(name))
            loses = loses_prefix(tree)
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = ([b.id for b in node.bases if isinstance(b, ast.Name)],
                                          own_keys(node))
                elif isinstance(node, ast.Assign) and node.targets[0].__dict__.get("id") == "EntryClass":
                    found = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
                    entries |= found
                    lost |= found if loses else set()
    return classes, entries, lost


def own_keys(node):
    """Keys of packed_modules_mapping, wherever the class sets it; None: it does not."""
    keys = None
    for part in ast.walk(node):
        if isinstance(part, ast.Assign):
            target = part.targets[0]
        elif isinstance(part, ast.AnnAssign):
            target = part.target
        else:
            continue
        if isinstance(target, ast.Subscript):
            key, target = target.slice, target.value
        else:
            key = None
        if getattr(target, "id", getattr(target, "attr", None)) != "packed_modules_mapping":
            continue
        keys = keys or set()
        if isinstance(key, ast.Constant):
            keys.add(key.value)
        elif isinstance(part.value, ast.Dict):
            keys |= {k.value for k in part.value.keys if isinstance(k, ast.Constant)}
    return keys


def resolve(classes, name, seen=()):
    bases, keys = classes.get(name, ([], None))
    if keys is not None or name in seen:
        return keys or set()
    for base in bases:
        found = resolve(classes, base, (*seen, name))
        if found:
            return found
    return set()


def main():
    classes, entries, lost = read_classes(sys.argv[1])
    rows = []
    for name in sorted(entries):
        bits = [BITS[k] for k in BITS if k in resolve(classes, name)] + ["LOST"] * (name in lost)
        if bits:
            rows.append(f'{{"{name}", {" | ".join(bits)}}},\n')
    text = HEAD + "".join(rows)
    print(f"{len(entries)} architectures, {len(rows)} of them expand something or "
          f"lose the path ({len(lost)}: {' '.join(sorted(lost))})")
    if "--check" in sys.argv:
        sys.exit(TABLE.read_text() != text)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text)


main()
