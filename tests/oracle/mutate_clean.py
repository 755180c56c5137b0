"""mutate_clean.py - models without a fault, from q8 and from the real libraries: no false alarm"""
import json

import judge_bnb
import judge_ct
import models
import peers
from common import convert, kept_for_readers, run_verify


def verify_clean(q8, source, out, counted):
    """Exit 0 with the defaults at all levels; counts the layers."""
    code, text, err = run_verify(q8, "-q", "--json", "-j", 2, source, out)
    if code == 1:
        failing = [f for f in json.loads(text)["findings"] if f["fails"]]
        return [f"{f['name']}: {f['kind']}: {f['text']}" for f in failing] or ["exit 1, no finding"]
    if code:
        return [f"exit {code}: {err.strip()}"]
    report = json.loads(text)
    counted.append(len(report["layers"]))
    return [] if report["verdict"] == "pass" and report["layers"] else ["no layer was verified"]


def check_model(checks, q8, row, work, counted, jobs):
    """All that q8-convert and bitsandbytes make of one model."""
    name, source = row[0], work / "source"
    models.make(row, source)
    if name not in judge_bnb.REFUSED:
        judge_bnb.make_truth(row, source, work / "bitsandbytes")
        checks.attempt(f"clean {name}, of bitsandbytes", verify_clean, q8, source,
                       work / "bitsandbytes", counted)
        convert(q8, "bnb-int8", source, work / "bnb-int8")
        checks.attempt(f"clean {name}, bnb-int8", verify_clean, q8, source, work / "bnb-int8",
                       counted)
    if name in judge_ct.REFUSED:
        return
    model = models.load(source, row)[0]
    for target in judge_ct.targets_of(row):
        if target != "ct-w8a8" and name in judge_ct.PACKED_NOWHERE:
            continue
        convert(q8, target, source, work / target)
        checks.attempt(f"clean {name}, {target}", verify_clean, q8, source, work / target, counted)
        job = judge_ct.job_of(f"clean {name}, {target} of llm-compressor", source, work / target,
                              model, target, kept_for_readers(q8, target, source))
        jobs.append({**job, "ignore": sorted({*job["ignore"], *job["float"]})})     # tied heads too


def check(checks, q8, work):
    counted, jobs = [], []
    for row in (r for r in models.MODELS if "brief" not in r[5]):
        folder = work / "clean" / row[0]
        folder.mkdir(parents=True)
        check_model(checks, q8, row, folder, counted, jobs)
    if peers.python():
        theirs = [{**job, "out": str(work / f"llmcompressor-{i}")} for i, job in enumerate(jobs)]
        for job, reason in zip(theirs, peers.ask("peer_scales.py", theirs, work)):
            if reason:
                checks.add(job["what"], [reason])
            else:
                checks.attempt(job["what"], verify_clean, q8, job["source"], job["out"], counted)
    else:
        print("SKIPPED: llm-compressor: no environment (tests/oracle/env.sh --peers)", flush=True)
    print(f"{sum(counted)} clean layers in {len(counted)} models without an alarm", flush=True)
    checks.add("clean: at least 1,000 layers", [] if sum(counted) >= 1000 else [str(sum(counted))])
