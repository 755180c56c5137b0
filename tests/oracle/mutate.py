"""mutate.py - plants faults in converted models: q8-verify must name each at its place

    ok       exit 1, every failing finding is at the place of the fault, one of them has its kind,
             and of a fault in codes or scales no other cause is named; or exit 3 or 4 with the
             place in the message, where parts of a weight are missing
    MISSED   exit 0
    PLACE    a failing finding is about something else
    NAME     the place is right, the kind is another, or not alone
    ERROR    another exit code
    -        the fault cannot be planted there; the reasons follow the table

Every fault is planted anew in `TIMES` layers.  Then q8-verify looks at models without a fault.
"""
import json
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import mutate_clean
import mutate_files
import mutate_weights
import models
from common import convert, run_verify
from mutate_folder import Copy, Layer

# Both fp16, bf16 and fp32; with one file and with shards; tied heads, experts, encoders, Conv1D.
MODELS = ("llama", "qwen3_moe", "bert", "t5", "gemma2", "gpt2")
TARGETS = ("bnb-int8", "ct-w8a8", "ct-w8a16-g32")
# No compressed-tensors target takes a Conv1D; nobody loads a packed T5.
WITH = {"gpt2": TARGETS[:1], "t5": TARGETS[:2]}
TIMES = 2
SEED = 20250601
GATE = ("min-", "max-")             # thresholds: their kinds say that it is bad, not why
WEIGHTS = {kind.partition(",")[0] for kind, _ in mutate_weights.FAULTS}
MODEL = "(model)"                   # what a finding about the whole names


def plant_weights(fault):
    """A fault of a layer as one of a copy: the layers in random order, the first that will do."""
    def apply(copy, random):
        reason = "no int8 weight"
        for module in random.permutation(copy.modules()):
            layer = Layer(copy, str(module))
            reason = fault(layer, random)
            if not reason:
                layer.store()
                return {layer.module}
        return reason
    return apply


def faults():
    """[(row of the table, function(copy, random))]"""
    listed = [(row, plant_weights(fault)) for row, fault in mutate_weights.FAULTS]
    return listed + mutate_files.FAULTS


def kind_of(row):
    return row.partition(",")[0]


def at_place(name, places):
    return any(name == p or name.startswith(p + ".") for p in places)


def judge(answer, kind, places):
    """(word of the table, what was seen) of one run."""
    code, out, err = answer
    if code in (3, 4):
        return ("ok" if any(p in err for p in places) else "PLACE"), err.strip()
    if code not in (0, 1):
        return "ERROR", f"exit {code}: {err.strip()}"
    failing = [f for f in json.loads(out)["findings"] if f["fails"]]
    seen = "; ".join(f"{f['name']}: {f['kind']}: {f['text']}" for f in failing)
    if code == 0 or not failing:
        return "MISSED", f"exit {code}, {seen}"
    here = {f["kind"] for f in failing if at_place(f["name"], places)}
    apart = [f for f in failing if not f["kind"].startswith("runtime-")]    # those name the first of a layer
    if not here or not all(at_place(f["name"], {*places, MODEL}) for f in apart):
        return "PLACE", seen
    causes = {f["kind"] for f in failing if f["level"] == "weights" and f["kind"][:4] not in GATE}
    return ("ok" if kind in here and (causes == {kind} or kind not in WEIGHTS) else "NAME"), seen


def run_cell(q8, row, apply, name, target, work):
    """(word, detail) of one cell of the table: the worst of `TIMES` plantings."""
    source, base = work / name / "source", work / name / target
    worst = ("ok", "")
    for turn in range(TIMES):
        seed = zlib.crc32(f"{name} {target} {row} {turn}".encode()) + SEED
        folder = work / name / f"{target} {row} {turn}"
        copy = Copy(source, base, folder, target, name == "gpt2")
        places = apply(copy, np.random.default_rng(seed))
        if isinstance(places, str):
            shutil.rmtree(folder)
            return "-", places
        copy.save()
        answer = run_verify(q8, "-q", "--json", "--level=weights", "-j", 1, source, folder)
        word, seen = judge(answer, kind_of(row), places)
        shutil.rmtree(folder)
        if word != "ok":
            worst = (word, f"planted at {', '.join(sorted(places)[:2])}: {seen[:400]}")
    return worst


def make_bases(checks, q8, work):
    for name in MODELS:
        (work / name).mkdir()
        models.make(next(r for r in models.MODELS if r[0] == name), work / name / "source")
        for target in WITH.get(name, TARGETS):
            checks.add(f"mutate {target} {name}: converts",
                       convert(q8, target, work / name / "source", work / name / target)[1])


def print_table(rows, cells):
    """A line for each fault; the three columns of a model are its formats."""
    print(f"\n{', '.join(TARGETS)} of each model, {TIMES} layers or files each:")
    print(" " * 30 + "".join(f"{m:<21}" for m in MODELS).rstrip())
    for row in rows:
        words = (cells.get((row, m, t), ("-",))[0] for m in MODELS for t in TARGETS)
        print(f"{row:<30}" + "".join(f"{w:<7}" for w in words).rstrip(), flush=True)


def check(checks, q8, work):
    """The table, a check for each cell that was planted, and the models without a fault."""
    make_bases(checks, q8, work)
    jobs = [(row, apply, m, t) for row, apply in faults() for m in MODELS
            for t in WITH.get(m, TARGETS)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job: run_cell(q8, *job, work), jobs))
    cells = {(row, m, t): result for (row, _, m, t), result in zip(jobs, results)}
    print_table([row for row, _ in faults()], cells)
    reasons = {}
    for (row, model, target), (word, detail) in cells.items():
        if word == "-":
            reasons.setdefault((row, detail), []).append(f"{model} {target}")
        else:
            checks.count(f"mutate {row}, {model} {target}: {word}",
                         [detail] if word != "ok" else [])
    for (row, reason), where in reasons.items():
        print(f"-    {row}: {reason}: {', '.join(where)}")
    planted = [(kind_of(row), word) for (row, _, _), (word, _) in cells.items() if word != "-"]
    print(f"{len({k for k, _ in planted})} kinds, {len(planted) * TIMES} faults planted, "
          f"{sum(word == 'ok' for _, word in planted)} of {len(planted)} cells ok", flush=True)
    mutate_clean.check(checks, q8, work)
