"""arch_renames.py - few substitutions that turn the names of a file into those in memory

A substitution has a pattern and what stands for it.  Both are parts of a path, '#' in them any number
and that number again; a pattern that opens with a dot may begin anywhere, any other at the start.
src/model/arch.c applies those of a class, else of its type, one after the other, each once; then the
prefix of the base model is put before what lies in it, or taken off in the base model itself.
"""
import collections
import difflib
import itertools


def parts(text):
    return tuple(text.split(".")) if text else ()


def numbers(path):
    return [p for p in path if p.isdigit()]


def general(old, new):
    """The pair with '#' for numbers, where both have the same."""
    if numbers(old) != numbers(new):
        return old, new
    return tuple(tuple("#" if p.isdigit() else p for p in path) for path in (old, new))


def find(pattern, path):
    """(start, end) of the first match, or None."""
    floating, want = not pattern[0], pattern[1:] if not pattern[0] else pattern
    if not want[0].isdigit() and want[0] != "#" and want[0] not in path:
        return None
    for start in range(len(path) - len(want) + 1 if floating else 1):
        have = path[start:start + len(want)]
        if len(have) == len(want) and all(
                w == h or (w == "#" and h.isdigit()) or (h == "#" and w.isdigit())    # one of many
                for w, h in zip(want, have)):
            return start, start + len(want)
    return None


def substitute(row, path):
    pattern, name = row
    at = find(pattern, path)
    if not at:
        return path
    start, end = at
    if not name and end - start == len(path):
        return path
    want = pattern[1:] if not pattern[0] else pattern
    taken = iter([h for w, h in zip(want, path[start:end]) if w == "#"])
    return path[:start] + tuple(next(taken) if p == "#" else p for p in name) + path[end:]


class Base:
    """What a class has of the prefix of its base model."""

    def __init__(self, prefix, is_base, inside):
        self.prefix, self.is_base, self.inside = parts(prefix), is_base, inside

    def step(self, path):
        n = len(self.prefix)
        if not n:
            return path
        if self.is_base:
            return path[n:] if path[:n] == self.prefix and path[n:n + 1] and path[n] in self.inside else path
        return self.prefix + path if path[0] in self.inside else path


def distance(a, b):
    if a == b:
        return 0
    return sum(max(j - i, l - k) for tag, i, j, k, l in
               difflib.SequenceMatcher(None, a, b, False).get_opcodes() if tag != "equal")


def hunks(old, new):
    """Candidates for a row: each difference with up to two components around it, and the whole beginning."""
    changes = [op for op in difflib.SequenceMatcher(None, old, new, False).get_opcodes()
               if op[0] != "equal"]
    if len(changes) > 1:    # from the first to the last as well
        changes.append(("replace", changes[0][1], changes[-1][2], changes[0][3], changes[-1][4]))
    for _, i, j, k, l in changes:
        for left, right in itertools.product(range(4), range(4)):
            a, b, c, d = i - left, j + right, k - left, l + right
            if a < 0 or b > len(old) or c < 0 or d > len(new) or a == b:
                continue
            if old[a:i] != new[c:k] or old[j:b] != new[l:d]:
                continue
            for row in ((("",) + old[a:b], new[c:d]), (old[:b], new[:d])):
                yield number_free(row)


def number_free(row):
    """'#' for numbers that stand on both sides in one order."""
    pattern, name = row
    if numbers(pattern) != numbers(name):
        return row
    return tuple(tuple("#" if p.isdigit() else p for p in side) for side in row)


def learn(pairs, whole=True):
    """Rows that turn every old path into the new one, or None (not whole: as many as can be); pairs are (Base, old, new)."""
    now = [(base, old, new, distance(base.step(old), new)) for base, old, new in pairs]
    rows = []
    while any(left for *_, left in now):
        wanted = collections.Counter()
        for base, old, new, left in now:
            if left:
                for target in {new, new[len(base.prefix):] if new[:len(base.prefix)] == base.prefix else new,
                               base.prefix + new}:
                    wanted.update(set(hunks(old, target)))
        having = collections.defaultdict(list)    # component: the paths that have it
        for item in now:
            for part in set(item[1]):
                having[part].append(item)
        best, gain = None, 0
        for row, _ in sorted(wanted.items(), key=lambda r: (len(r[0][0]) + len(r[0][1]), r[0])):
            words = [having[part] for part in row[0] if part and part != "#" and not part.isdigit()]
            won = try_row(row, min(words, key=len) if words else now)
            if won is not None and won > gain:
                best, gain = row, won
        if not best:
            return None if whole else rows
        rows.append(best)
        now = [(base, substitute(best, old), new) for base, old, new, _ in now]
        now = [(base, old, new, distance(base.step(old), new)) for base, old, new in now]
    return rows


def try_row(row, now):
    """By how much the row brings the paths nearer to where they belong; None: it takes one away."""
    won = 0
    for base, old, new, left in now:
        changed = substitute(row, old)
        if changed != old:
            after = distance(base.step(changed), new)
            if after > left or (left == 0 and after):
                return None
            won += left - after
    return won


def by_type(rows):
    found = collections.defaultdict(list)
    for row in rows:
        found[row["type"]].append(row)
    return sorted(found.items())


USUAL = {"embed_tokens", "layers"}    # what most base models, called "model", hold


def inside_base(row):
    """Parts of the base model that hold matrices."""
    n = 0 if row["base"] else len(parts(row["prefix"]))
    paths = [parts(name) for name in row["names"].values()]
    return {path[n] for path in paths if path[:n] == parts(row["prefix"])[:n] and len(path) > n}


def ends_as_base(name):
    """The rule of arch.c for classes that are base models."""
    return name.endswith("Model") and not name.endswith(("HeadModel", "HeadsModel"))


def pairs_of(rows, inside):
    pairs, bases = set(), {}
    for row in rows:
        key = row["prefix"], row["base"]
        base = bases.setdefault(key, Base(*key, inside))
        pairs.update((base, *general(parts(old), parts(new))) for old, new in row["names"].items())
    return sorted(pairs, key=lambda p: p[1:])


def one_meaning(pairs):
    seen = {}
    return all(seen.setdefault((base, old), new) == new for base, old, new in pairs)


def tables(rows):
    """(renames, bases, what could not be learnt), rows of the tables of arch_table.inc."""
    renames, bases, left = [], [], []
    for model_type, mine in by_type(rows):
        classes = {name: [row for row in mine if row["class"] == name]
                   for name in sorted({row["class"] for row in mine})}
        for owner, group in [(model_type, mine), *classes.items()]:
            prefixes = {row["prefix"] for row in group}
            inside = set().union(*map(inside_base, group))
            pairs = pairs_of(group, inside)
            found = learn(pairs) if len(prefixes) == 1 and one_meaning(pairs) else None
            if found is None and owner == model_type:
                continue
            if found is None:
                left.append(owner)
                found = learn(pairs, whole=False)
            if prefixes != {"model"} or inside - USUAL:
                bases.append((owner, *prefixes, " ".join(sorted(inside))))
            renames += [(owner, ".".join(old), ".".join(new)) for old, new in found]
            if owner == model_type:
                break
    return renames, bases, left
