"""peers.py - the checks that need vLLM's and llm-compressor's own code, in their own environment"""
import json
import os
import subprocess
import sys
from pathlib import Path

from common import read_dir

HERE = Path(__file__).resolve().parent


def python():
    """The interpreter that env.sh --peers made, or None."""
    path = Path(sys.prefix + "-peers/bin/python")
    return path if path.exists() and (path.parents[1] / ".q8-requirements").exists() else None


def ask(script, jobs, work):
    """Runs a peer script on all jobs at once: their imports take seconds.  One answer per job."""
    listed = Path(work) / (script + ".json")
    listed.write_text(json.dumps(jobs))
    done = subprocess.run([str(python()), "-W", "ignore", str(HERE / script), str(listed)],
                          capture_output=True, text=True, env={**os.environ,
                                                               "VLLM_LOGGING_LEVEL": "ERROR"})
    if done.returncode:
        return [f"{script}: {done.stderr.strip()[-300:]}"] * len(jobs)
    return json.loads(done.stdout.strip().splitlines()[-1])


def same_scales(job, theirs):
    """Problems of q8's scales against those that llm-compressor wrote."""
    have, want = read_dir(job["out"]), read_dir(theirs)
    names = {n for n in want if n.endswith(".weight_scale")}
    problems = [f"{n} is in one of the two alone" for n in
                names ^ {n for n in have if n.endswith(".weight_scale")}]
    for name in sorted(names & have.keys()):
        w, h = want[name], have[name]
        if (w.dtype, w.shape, w.data) != (h.dtype, h.shape, h.data):
            problems.append(f"{name}: not the scales of llm-compressor")
    return problems


def check(checks, jobs, work):
    """All checks of the peers; work is an empty folder.  llm-compressor is asked of one scheme at a time."""
    if not jobs:
        return
    if not python():
        print("SKIPPED: vLLM and llm-compressor: no environment (tests/oracle/env.sh --peers)",
              flush=True)
        return
    for job, problems in zip(jobs, ask("judge_vllm.py", jobs, work)):
        checks.add(f"{job['what']}: vLLM picks",
                   [problems] if isinstance(problems, str) else problems)
    jobs = [job for job in jobs if len(job["quantization"]["config_groups"]) == 1]
    theirs = [{**job, "out": str(Path(work) / f"llmcompressor-{i}")} for i, job in enumerate(jobs)]
    for job, other, reason in zip(jobs, theirs, ask("peer_scales.py", theirs, work)):
        what = f"{job['what']}: scales of llm-compressor"
        if reason:
            checks.add(what, [reason])
        else:
            checks.attempt(what, same_scales, job, other["out"])
