"""runtime_make.py - writes src/verify/runtime/packed_table.inc: fused modules that SGLang expands

    runtime_make.py SGLANG.whl [--check]

SGLang looks a fused module (qkv_proj) up in the lists of a config by the names of its parts only if the
class that it builds says so in `packed_modules_mapping`; of the other classes only the fused name counts.
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
 * Classes whose fused modules SGLang expands to their parts, and which of them.
 */
"""


def read_classes(wheel):
    """{class: (bases, own keys or None)} and the architectures that the wheel builds."""
    classes, entries = {}, set()
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist()
                 if n.startswith("sglang/srt/models/") and n.endswith(".py")]
        for name in sorted(names):
            for node in ast.parse(archive.read(name)).body:
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = ([b.id for b in node.bases if isinstance(b, ast.Name)],
                                          own_keys(node))
                elif isinstance(node, ast.Assign) and node.targets[0].__dict__.get("id") == "EntryClass":
                    entries |= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    return classes, entries


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
            keys |= {k.value.lstrip(".") for k in part.value.keys if isinstance(k, ast.Constant)}
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
    classes, entries = read_classes(sys.argv[1])
    rows = []
    for name in sorted(entries):
        bits = [BITS[k] for k in BITS if k in resolve(classes, name)]
        if bits:
            rows.append(f'{{"{name}", {" | ".join(bits)}}},\n')
    text = HEAD + "".join(rows)
    print(f"{len(entries)} architectures, {len(rows)} of them expand something")
    if "--check" in sys.argv:
        sys.exit(TABLE.read_text() != text)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text)


main()
