"""arch_names.py - how transformers names a module of the file: its own renaming on loading, made a few rules

A file may have the names of the modules, those that save_pretrained writes, those with or without
the prefix of the base model, and those of releases before; each is put through the renaming that
from_pretrained does.
"""
import collections
import difflib
import re

from transformers import core_model_loading as loading
from transformers.conversion_mapping import get_model_conversion_mapping

PER_PATH = 4    # names of one path that are tried: enough for numbers that matter


NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


def path_of(module):
    return NUMBER.sub("#", module)


def some(names):
    """Few names of each path."""
    seen = collections.Counter()
    for name in names:
        path = path_of(name)
        seen[path] += 1
        if seen[path] <= PER_PATH:
            yield name


def transforms(model):
    """Anew each time: some of them remember which names they saw."""
    every = get_model_conversion_mapping(model)
    return ([t for t in every if isinstance(t, loading.WeightRenaming)],
            [t for t in every if isinstance(t, loading.WeightConverter)])


def written(model, names, legacy):
    """Those names as save_pretrained writes them after a file of the old names (legacy) was loaded, or anew."""
    every = get_model_conversion_mapping(model, add_legacy=legacy)[::-1]
    turned = [t.reverse_transform() for t in every
              if legacy or not isinstance(t, loading.PrefixChange)]
    renamings = [t for t in turned if isinstance(t, loading.WeightRenaming)]
    converters = [t for t in turned if isinstance(t, loading.WeightConverter)]
    return {loading.rename_source_key(n, renamings, converters, reverse=True)[0] for n in names}


def loaded(model, names, meta):
    """{name: name in memory} as convert_and_load_state_dict_in_model finds it; what is converted is left out."""
    renamings, converters = transforms(model)
    single = {s for c in converters if len(c.source_patterns) == len(c.target_patterns) == 1
              for s in c.source_patterns}
    found = {}
    for name in sorted(names, key=loading.dot_natural_key):
        new, by = loading.rename_source_key(name, renamings, converters, model.base_model_prefix, meta)
        if new not in meta and name in meta:
            new, by = loading.rename_source_key(name, [], [], model.base_model_prefix, meta)
        if new in meta and (by is None or by in single) and "*" not in (by or ""):
            found[name] = new
    return found


def memory_names(model, file_names):
    """{module of a file: module in memory} of matrices; names that files of two kinds give to two modules are out."""
    meta = model.state_dict()
    matrices = [n for n, t in meta.items() if t.dim() == 2 and n.endswith(".weight")]
    plain = set(some(matrices))
    matrices = set(matrices)
    spaces = [plain, set(some(n for n in file_names if n.endswith(".weight")))]
    spaces += [written(model, plain, legacy) for legacy in (False, True)]
    for space in list(spaces):
        spaces.append(with_prefix(model, space))
    spaces.append({n.replace("model.language_model.", "model.language_model.model.", 1)
                   for n in plain if n.startswith("model.language_model.")})
    pairs, unclear, done = {}, set(), []
    for space in spaces:
        if space in done:
            continue
        done.append(space)
        for old, new in loaded(model, space, meta).items():
            if new in matrices and pairs.setdefault(old, new) != new:
                unclear.add(old)
    return {old.removesuffix(".weight"): new.removesuffix(".weight")
            for old, new in pairs.items() if old not in unclear and old.endswith(".weight")}


def with_prefix(model, names):
    """Names of the same weights in a file of the base model, or for the base model in one of a model around it."""
    prefix = model.base_model_prefix
    if not prefix:
        return set()
    if is_base(model):
        return {f"{prefix}.{n}" for n in names if not n.startswith(prefix + ".")}
    return {n.removeprefix(prefix + ".") for n in names}


def is_base(model):
    return not hasattr(model, model.base_model_prefix)


def converted(model, file_names):
    """[file name, operations, [[name in memory, its rows], ...]] of matrices that are not only renamed."""
    meta = model.state_dict()
    renamings, converters = transforms(model)
    by_source = {s: c for c in converters for s in c.source_patterns}
    found = []
    for name in some(file_names):
        new, by = loading.rename_source_key(name, renamings, converters, model.base_model_prefix, meta)
        converter = by_source.get(by)
        if not converter or new not in meta or meta[new].dim() > 2:
            continue
        first = converter.target_patterns[0]
        targets = [new.replace(first, t) for t in converter.target_patterns]
        found.append([name, [type(o).__name__ for o in converter.operations],
                      [[t, meta[t].shape[0]] for t in targets if t in meta], len(converter.source_patterns)])
    return found
