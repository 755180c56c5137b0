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

import arch_renames

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "src/model/arch_table.inc"
KINDS = ("OTHER LINEAR SUBLINEAR CONV1D HEAD KEEP EMBEDDING ROUTER LINEAR_ROUTER EXPERT BYPASSED "
         "FUSED").split()
NOTHING = {"OTHER", "EMBEDDING", "ROUTER"}    # never int8; the difference is one of words only
Seen = collections.namedtuple("Seen", "name path kind rule")


class Rule:
    """The functions of arch.c."""

    def __init__(self):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "arch.so"
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-I", ROOT,
                            "-o", library, *(ROOT / f"src/model/{name}.c" for name in ("arch", "path"))],
                           check=True)
            self.library = CDLL(str(library))
        self.library.q8_arch_kind.argtypes = [c_char_p, c_char_p, c_uint32]
        self.library.q8_arch_init.argtypes = [c_char_p, c_char_p, c_char_p]
        self.library.q8_arch_head.argtypes = [c_char_p, c_size_t]
        self.library.q8_arch_head.restype = c_char_p
        self.library.q8_arch_kind.restype = c_int
        self.library.q8_arch_memory_name.argtypes = [c_char_p, c_char_p, c_char_p, c_size_t]
        self.library.q8_arch_memory_name.restype = c_char_p
        self.library.q8_arch_part_name.argtypes = [c_char_p, c_char_p, c_size_t, c_char_p, c_size_t]
        self.library.q8_arch_part_name.restype = c_char_p
        self.text = create_string_buffer(4096)
        self.arch = create_string_buffer(512)     # a struct q8_arch

    def ask(self, model_type, class_name):
        self.names = [n and n.encode() for n in (model_type, class_name)]  # the struct points at them
        self.library.q8_arch_init(self.arch, *self.names)
        return self

    def kind(self, path):
        return KINDS[self.library.q8_arch_kind(self.arch, (path + ".weight").encode(), 2)]


    def name(self, module):
        """In memory."""
        return self.library.q8_arch_memory_name(self.arch, module.encode(), self.text, 4096).decode()

    def parts(self, module):
        found = []
        while name := self.library.q8_arch_part_name(self.arch, module.encode(), len(found), self.text, 4096):
            found.append(name.decode())
        return found


def path_of(module):
    return ".".join("#" if part.isdigit() else part for part in module.split("."))


def look(words):
    """What the libraries say of one line of classes.txt; names that differ only in numbers stand once."""
    import arch_facts
    import arch_names
    import arch_packed
    model_type, name, *changes = words
    facts = arch_facts.Facts(model_type, name, changes)
    kinds = collections.defaultdict(dict)
    for space in (facts.state, facts.file):
        for tensor, (shape, sources) in space.items():
            if len(shape) == 2 and tensor.endswith(".weight"):
                module = tensor.removesuffix(".weight")
                kind = facts.truth(shape, sources, tensor)
                kinds[path_of(module)].setdefault(kind, []).append(module)
    return {"line": words, "class": name, "type": facts.config.model_type, "kinds": kinds,
            "heads": facts.named_heads(), "split": facts.splits(), "moved": facts.moved(),
            "names": arch_names.memory_names(facts.model, facts.file),
            "prefix": facts.model.base_model_prefix, "base": arch_names.is_base(facts.model),
            "children": [n for n, _ in facts.model.named_children()],
            "converted": arch_names.converted(facts.model, facts.file),
            "reads": arch_packed.read_weights(facts.modules, facts.ct),
            "init": arch_packed.init_fails(facts.model, facts.ct)}


def collect(cache):
    """One row per line of classes.txt; those that the file `cache` has, a row a line, are not asked for again."""
    import arch_facts
    rows = {}
    if cache and cache.exists():
        for line in cache.read_text().splitlines():
            row = json.loads(line)
            rows[tuple(row["line"])] = row
    for words in arch_facts.classes():
        if words not in rows:
            rows[words] = look(words)
            print(f"\r{len(rows)}", end="", file=sys.stderr, flush=True)
            if cache:
                with cache.open("a") as file:
                    print(json.dumps(rows[words]), file=file)
    print(file=sys.stderr)
    return [with_fused(rows[words]) for words in arch_facts.classes()]


def with_fused(row):
    """The row, with Linears that are taken apart or put together on loading; the first part gives the name."""
    row["fused"] = {}
    for name, operations, targets, sources in row["converted"]:
        module, into = name.removesuffix(".weight"), [t.removesuffix(".weight") for t, _ in targets]
        if "experts." in name and sources > 1 and "shared" not in name or name.endswith("bias") or (
                module == name and not name.endswith("in_proj_weight")) or "Transpose" in operations:
            continue
        stems = {t.rpartition(".")[0] for t in into}
        assert len(stems) == 1, (row["class"], name, into)
        row["names"][module] = into[0]
        if module != name:
            row["kinds"][path_of(module)] = {"FUSED": [module]}
        equal = operations == ["Chunk"] and len({rows for _, rows in targets}) == 1
        row["fused"][path_of(module)] = (" ".join(t.rpartition(".")[2] for t in into), equal)
    return row


def observe(row, rule):
    """One Seen per path, or per module where the number decides."""
    for path, kinds in row["kinds"].items():
        common = max(kinds, key=lambda k: len(kinds[k]))
        for kind, modules in kinds.items():
            for name in [path] if kind == common else modules:
                yield Seen(row["class"], name, kind, rule.kind(modules[0]))


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
        tied = {(s.name, s.path) for s in seen if s.kind == "HEAD"}     # in one config of several
        seen = [s for s in seen if s.kind != "OTHER" or (s.name, s.path) not in tied]
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


def fused_rows(rows):
    """(owner, pattern, leaves of the parts, whether they are equal) of Linears that the file has as one, by type."""
    by_type = collections.defaultdict(dict)
    for row in rows:
        for path, (parts, equal) in row["fused"].items():
            leaf = "." + ".".join(path.split(".")[-2:])
            assert by_type[row["type"]].setdefault(leaf, (parts, equal)) == (parts, equal), (row["class"], path)
    for model_type, found in sorted(by_type.items()):
        for leaf, (parts, equal) in sorted(found.items()):
            yield model_type, leaf, parts, equal


# Types whose code that reads a weight is one that no checkpoint asks for (bloom: slow_but_exact).
NEVER_ASKED = {"bloom"}


def packed(rows):
    """(owner, why) of classes that transformers cannot run packed: per type where all of its classes agree."""
    said = collections.defaultdict(dict)
    for row in (row for row in rows if row["type"] not in NEVER_ASKED):
        values = [m for m, what in row["reads"].items()]
        why = "INIT" if row["init"] else "CODE" if values else None
        said[row["type"]][row["class"]] = said[row["type"]].get(row["class"]) or why
    for model_type, classes in sorted(said.items()):
        if all(classes.values()):
            yield model_type, "INIT" if "INIT" in classes.values() else "CODE"
        else:
            yield from ((name, why) for name, why in sorted(classes.items()) if why)


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


def name_rows(rows):
    return "\n".join("    {" + ", ".join(f'"{word}"' for word in row) + "}," for row in rows)


def fused_text(rows):
    return "\n".join(f'    {{"{owner}", "{pattern}", "{parts}", {str(equal).lower()}}},'
                     for owner, pattern, parts, equal in rows)


def packed_text(rows):
    return "\n".join(f'    {{"{owner}", {str(why == "INIT").lower()}}},' for owner, why in sorted(rows))


def write_table(known, except_rows, head_rows, fused, names, fused_list=(("", "", "", False),),
                packed_list=(("", "CODE"),)):
    """`names`: renames, bases, classes that are base models or not against what they are called."""
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

/* Linears that the file has as one, and transformers as several, or the other way; by owner. */
static const struct q8_arch_fused fused[] = {{
{fused_text(fused_list)}
}};

/* Classes whose initialization, or whose code, reads the weight of a Linear; by owner. */
static const struct q8_arch_packed unpackable[] = {{
{packed_text(packed_list)}
}};

/* Parts of names that transformers has otherwise in memory, by owner; done in this order. */
static const struct q8_arch_rename renames[] = {{
{name_rows(names[0])}
}};

/* Base models that are not called "model", or hold other parts than most. */
static const struct q8_arch_base bases[] = {{
{name_rows(names[1])}
}};

/* Base models that have not the name of one, and what has it without being one. */
static const char *const base_exceptions[] = {{
{strings(sorted(names[2]))}
}};

/* Classes of which some names in memory are not what the rows make of them. */
static const char *const unnamed[] = {{
{strings(sorted(names[3]))}
}};
""")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--facts", type=Path)
    words = parser.parse_args()
    rows = collect(words.facts)
    nothing = [("", "", "")]
    write_table([], [("", "", "OTHER")], [("", None)], [""], [nothing, nothing, [""], [""]])  # the rule alone
    rule = Rule()
    except_rows = sorted(exceptions(rows, lambda row: observe(row, rule.ask(None, None))),
                         key=lambda r: r[0])
    head_rows = sorted(heads(rows, rule), key=lambda r: r[0])
    fused = {row["type"] for row in rows if row["split"]}
    renames, bases, unnamed = arch_renames.tables(rows)
    odd = {row["class"] for row in rows if row["base"] != arch_renames.ends_as_base(row["class"])}
    write_table({row["class"] for row in rows}, except_rows, head_rows, fused, [renames, bases, odd, unnamed],
                list(fused_rows(rows)), list(packed(rows)))
    right = {row["class"] for row in rows} - {s.name for row in rows for s in
                                              observe(row, rule.ask(None, None))
                                              if not agrees(s.kind, s.rule)}
    print(f"{len(right)} of {len(rows)} classes right by the rule alone; {len(except_rows)} exceptions,"
          f" {len(head_rows)} rows for heads, {len(fused)} types with fused experts; {len(renames)} parts of"
          f" names, {len(bases)} base models; without names: {unnamed or 'none'}")


if __name__ == "__main__":
    main()
