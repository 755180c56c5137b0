"""judge_heads.py - --also lm_head and --also embed_tokens: what transformers and vLLM make of them"""

import judge_ct
import models
from common import TARGETS_CT, convert, kept_for_readers, read_dir

HEAD, EMBEDDING = "lm_head", "model.embed_tokens"


def cases():
    for target in TARGETS_CT:
        yield target, [HEAD]
        if target != "ct-w8a8":     # vLLM's embedding takes weight-only schemes alone
            yield target, [EMBEDDING]
            yield target, [HEAD, EMBEDDING]


def judge_refusal(q8, target, source, out, what):
    _, problems = convert(q8, target, source, out, "--also", what)
    return [] if problems else [f"{what} became int8"]


def check(checks, q8, work, jobs):
    """Adds the vLLM questions to jobs."""
    row = next(r for r in models.MODELS if r[0] == "llama-wide")
    source = work / "source"
    models.make(row, source)
    model = models.load(source, row)[0]
    for number, (target, also) in enumerate(cases()):
        out, what = work / f"heads-{number}", f"heads {target} --also {' '.join(also)}"
        options = [word for name in also for word in ("--also", name)]
        warnings, problems = convert(q8, target, source, out, *options)
        if not checks.add(f"{what}: converts", problems):
            continue
        int8, _ = judge_ct.expected_modules(model, read_dir(source), judge_ct.group_of(target),
                                            kept_for_readers(q8, target, source))
        targets = dict.fromkeys([*int8, *also], target)
        checks.attempt(f"{what}: tensors", judge_ct.judge_tensors, source, out, targets)
        warned = judge_ct.REFUSAL in warnings
        if EMBEDDING in also:
            checks.attempt(f"{what}: warns", judge_ct.judge_known_refusal, row, out, warnings)
        else:
            checks.add(f"{what}: no warning of transformers", [warnings] if warned else [])
            checks.attempt(f"{what}: loads", judge_ct.judge_loading, row, source, out,
                           work / f"heads-{number}-twin", target)
        kept = [name for name in (HEAD, EMBEDDING) if name not in also]
        jobs.append({"what": what, "source": str(source), "out": str(out), "targets": targets,
                     "float": kept, "quantization": {"config_groups": [None, None]}})
    tied = next(r for r in models.MODELS if r[0] == "llama-tied")
    models.make(tied, work / "tied")
    checks.add("heads of a tied model: refused", [
        problem for name in (HEAD, EMBEDDING) for target in ("ct-w8a8", "ct-w8a16")
        for problem in judge_refusal(q8, target, work / "tied", work / "none", name)])
