"""arch_make.py - writes src/model/arch_table.inc: where the rule in src/model/arch.c is wrong

    arch_make.py [--facts FILE]     FILE keeps what the libraries said, so that a second run is quick

Asks the rule alone (arch.c, compiled here, with no class and no type), compares with the kinds
that arch_facts.py finds, and covers the differences with few patterns.
"""
import argparse
import collections
import json
import re
import subprocess
import sys
import tempfile
from ctypes import CDLL, c_char_p, c_int, c_size_t, c_uint32, create_string_buffer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "src/model/arch_table.inc"
KINDS = ("OTHER LINEAR SUBLINEAR CONV1D HEAD KEEP EMBEDDING ROUTER LINEAR_ROUTER EXPERT").split()
NOTHING = {"OTHER", "EMBEDDING", "ROUTER"}    # never int8; the difference is one of words only
Seen = collections.namedtuple("Seen", "name path kind rule")


class Rule:
    """The functions of arch.c."""

    def __init__(self):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "arch.so"
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-I", ROOT,
                            "-o", library, ROOT / "src/model/arch.c", ROOT / "src/model/path.c"],
                           check=True)
            self.library = CDLL(str(library))
        self.library.q8_arch_kind.argtypes = [c_char_p, c_char_p, c_uint32]
        self.library.q8_arch_init.argtypes = [c_char_p, c_char_p, c_char_p]
        self.library.q8_arch_head.argtypes = [c_char_p, c_size_t]
        self.library.q8_arch_head.restype = c_char_p
        self.library.q8_arch_kind.restype = c_int
        self.arch = create_string_buffer(256)     # a struct q8_arch

    def ask(self, model_type, class_name):
        self.names = [n and n.encode() for n in (model_type, class_name)]  # the struct points at them
        self.library.q8_arch_init(self.arch, *self.names)
        return self

    def kind(self, path):
        return KINDS[self.library.q8_arch_kind(self.arch, (path + ".weight").encode(), 2)]


def path_of(module):
    return ".".join("#" if part.isdigit() else part for part in module.split("."))


def collect():
    """What the libraries say, one row per class; names that differ only in numbers stand once."""
    import arch_facts
    rows = []
    for model_type, name in arch_facts.classes():
        facts = arch_facts.Facts(model_type, name)
        kinds = collections.defaultdict(dict)
        for space in (facts.state, facts.file):
            for tensor, (shape, sources) in space.items():
                if len(shape) == 2 and tensor.endswith(".weight"):
                    module = tensor.removesuffix(".weight")
                    kind = facts.truth(shape, sources, tensor)
                    kinds[path_of(module)].setdefault(kind, []).append(module)
        rows.append({"class": name, "type": facts.config.model_type, "kinds": kinds,
                     "heads": facts.named_heads(), "split": facts.splits(),
                     "moved": facts.moved()})
        print(f"\r{len(rows)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return rows


def observe(row, rule):
    """One Seen per path, or per module where the number decides."""
    for path, kinds in row["kinds"].items():
        common = max(kinds, key=lambda k: len(kinds[k]))
        for kind, modules in kinds.items():
            for name in [path] if kind == common else modules:
                yield Seen(row["class"], name, kind, rule.kind(modules[0]))


def observe_moved(row):
    """One Seen per path of a Linear: whether it has another name in memory; the rule is that none has."""
    for path, kinds in row["moved"].items():
        if len(kinds) == 1:
            yield Seen(row["class"], path, *kinds, "SAME")


def agrees(kind, have):
    """Whether `have` is as good as `kind`; a router that is a Linear must be named as one."""
    return kind == have or (kind in ("OTHER", "EMBEDDING") and have in NOTHING)


def same(pattern, path):
    """Component by component; '#' on either side stands for any number."""
    return len(pattern) == len(path) and all(
        a == b or (a == "#" and b.isdigit()) or (b == "#" and a.isdigit())
        for a, b in zip(pattern, path))


def matches(pattern, path):
    """As arch.c matches, where '#' in the path stands for the numbers of the class."""
    want, have = pattern.lstrip(".").split("."), path.split(".")
    below = want[-1] == "*"
    if below:
        want.pop()
    ends = range(1, len(have)) if below else [len(have)]
    return any(same(want, have[end - len(want) if pattern[0] == "." else 0:end])
               for end in ends if end >= len(want))


def candidates(path):
    parts = path.split(".")
    for n in range(1, len(parts) + 1):
        yield "." + ".".join(parts[-n:])
    yield path
    for n in range(1, len(parts)):
        yield ".".join(parts[:n]) + ".*"
        for first in range(n):
            yield "." + ".".join(parts[first:n]) + ".*"


def set_apart(pattern, o, seen):
    """Whether the number that the pattern names is, in that class, an exception of its own."""
    return ("#" in o.path and "#" not in pattern
            and any(s.name == o.name and "#" not in s.path and same(s.path.split("."), o.path.split("."))
                    and matches(pattern, s.path) for s in seen))


def cover(seen):
    """Few (pattern, kind) that put right what is wrong and spoil nothing; and what has none."""
    wrong = [s for s in seen if not agrees(s.kind, s.rule)]
    rows, left = [], []
    while wrong:
        s = wrong[0]
        best, most = None, 0
        for pattern in candidates(s.path):
            hit = [o for o in seen if matches(pattern, o.path) and not set_apart(pattern, o, seen)]
            gain = sum(1 for o in wrong if o in hit)
            if gain > most and all(agrees(o.kind, s.kind) for o in hit):
                best, most = pattern, gain
        if best:
            rows.append((best, s.kind))
            wrong = [o for o in wrong if not matches(best, o.path) or set_apart(best, o, seen)]
        else:
            left.append(s)
            wrong = wrong[1:]
    return rows, left


def exceptions(rows, look):
    """(owner, pattern, kind): per type where its classes agree, per class where they do not."""
    by_type = collections.defaultdict(list)
    for row in rows:
        by_type[row["type"]] += list(look(row))
    for model_type, seen in sorted(by_type.items()):
        found, left = cover(seen)
        for pattern, kind in found:
            yield model_type, pattern, kind
        for name in sorted({s.name for s in left}):
            mine = [s for s in seen if s.name == name]
            own, hopeless = cover([s if s in left else s._replace(rule=s.kind) for s in mine])
            for pattern, kind in own:
                yield name, pattern, kind
            for s in hopeless:
                print(f"no pattern for {s}", file=sys.stderr)


def heads(rows, rule):
    """(class, module) where the rule for heads is not what the class has."""
    for row in rows:
        said = rule.library.q8_arch_head(rule.ask(None, row["class"]).arch, 0)
        if row["heads"] != ([said.decode()] if said else []):
            for module in row["heads"] or [None]:
                yield row["class"], module


def strings(words):
    """C strings in lines of at most 100 columns."""
    line, lines = "   ", []
    for word in words:
        if len(line) + len(word) + 4 > 100:
            lines.append(line)
            line = "   "
        line += f' "{word}",'
    return "\n".join(lines + [line])


def table_rows(rows):
    return "\n".join(f'    {{"{owner}", ' + (f'"{pattern}"' if pattern else "NULL")
                     + f", Q8_KIND_{kind}}}," for owner, pattern, kind in rows)


def write_table(known, except_rows, head_rows, fused, moved):
    TABLE.write_text(f"""\
/* arch_table.inc - written by tests/oracle/arch_make.py; do not edit */

/* Classes that the table was proved for. */
static const char *const known_classes[] = {{
{strings(sorted(known))}
}};

/* Exceptions to the rule, sorted by owner. */
static const struct q8_arch_row exceptions[] = {{
{table_rows(except_rows)}
}};

/* Heads of classes where they are not what the rule says (NULL: none), sorted by class. */
static const struct q8_arch_row heads[] = {{
{table_rows((c, m, "HEAD") for c, m in head_rows)}
}};

/* Types whose fused experts have the layout of split_experts. */
static const char *const fused_types[] = {{
{strings(sorted(fused))}
}};

/* Linears that transformers gives another name than the file has, sorted by owner; no kinds. */
static const struct q8_arch_row moved[] = {{
{table_rows((owner, pattern, "OTHER") for owner, pattern, _ in moved)}
}};
""")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--facts", type=Path)
    words = parser.parse_args()
    if words.facts and words.facts.exists():
        rows = json.loads(words.facts.read_text())
    else:
        rows = collect()
        if words.facts:
            words.facts.write_text(json.dumps(rows))
    write_table([], [("", "", "OTHER")], [("", None)], [""], [("", "", "")])    # the rule alone
    rule = Rule()
    except_rows = sorted(exceptions(rows, lambda row: observe(row, rule.ask(None, None))),
                         key=lambda r: r[0])
    moved = sorted(exceptions(rows, observe_moved), key=lambda r: r[0])
    head_rows = sorted(heads(rows, rule), key=lambda r: r[0])
    fused = {row["type"] for row in rows if row["split"]}
    write_table([row["class"] for row in rows], except_rows, head_rows, fused, moved)
    right = {row["class"] for row in rows} - {s.name for row in rows for s in
                                              observe(row, rule.ask(None, None))
                                              if not agrees(s.kind, s.rule)}
    print(f"{len(right)} of {len(rows)} classes right by the rule alone; {len(except_rows)} exceptions,"
          f" {len(head_rows)} rows for heads, {len(fused)} types with fused experts")


if __name__ == "__main__":
    main()
