"""run.py - the outside judge: runs its parts against a q8-convert and counts (run.sh starts it)

    run.py Q8_CONVERT [PART...]      parts: PARTS below; default: all
    --models NAME,NAME               only these rows of models.py
    --kills N                        moments at which the conversion is killed (default 200)
    --keep DIR                       work there and leave everything
"""
import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false",
                  TRANSFORMERS_VERBOSITY="error")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import logging
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)      # the libraries warn once per matrix

import torch
import tqdm

import judge_bnb
import judge_choice
import judge_ct
import judge_doctor
import judge_faults
import judge_gguf
import judge_heads
import judge_inspect
import judge_jobs
import judge_junit
import judge_limits
import judge_mixed
import judge_probe
import judge_runtime
import judge_sources
import judge_torch
import judge_undo
import judge_verify
import kill
import models
import mutate
import peers
import ppl
from common import Checks

PARTS = ("faults", "choice", "bnb", "ct", "peers", "ppl", "kill", "inspect", "doctor",
         "heads", "limits", "probe", "junit", "jobs", "verify", "runtime", "undo", "mutate", "sources",
         "gguf", "torch")


def run_models(checks, q8, parts, rows, work):
    """Makes every model once and judges its outputs."""
    jobs = []
    for row in rows:
        folder = work / row[0]
        folder.mkdir()
        source = folder / "source"
        models.make(row, source)
        if "bnb" in parts:
            judge_bnb.check(checks, q8, row, source, folder)
        if "ct" in parts:
            judge_ct.check(checks, q8, row, source, folder, jobs)
            judge_mixed.check(checks, q8, row, source, folder, jobs)
    if "peers" in parts:
        peers.check(checks, jobs, work)


def run_heads(checks, q8, parts, work):
    """Heads and embeddings in int8, with what the peers are asked of them."""
    jobs, folder = [], work / "heads"
    folder.mkdir()
    judge_heads.check(checks, q8, folder, jobs)
    if "peers" in parts:
        peers.check(checks, jobs, folder)


def run_llama(name, work, check, *args):
    """Gives the first model, a sharded llama, to a part that needs just one."""
    row, folder = models.MODELS[0], work / name
    folder.mkdir()
    models.make(row, folder / "source")
    check(*args, row, folder / "source", folder)


def without_progress_bars():
    """Every library draws some, whatever the environment says."""
    init = tqdm.std.tqdm.__init__
    tqdm.std.tqdm.__init__ = lambda *args, **words: init(*args, **{**words, "disable": True})


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("q8", type=Path)
    parser.add_argument("parts", nargs="*", default=[])
    parser.add_argument("--models", default="")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args()
    words.parts = words.parts or list(PARTS)
    if set(words.parts) - set(PARTS):
        parser.error(f"parts are {' '.join(PARTS)}")
    return words


def main():
    words = arguments()
    without_progress_bars()
    torch.set_num_threads(min(2, os.cpu_count()))
    rows = [r for r in models.MODELS if not words.models or r[0] in words.models.split(",")]
    work = words.keep or Path(tempfile.mkdtemp(prefix="q8-oracle-"))
    work.mkdir(exist_ok=True)
    q8, checks = words.q8.resolve(), Checks()
    try:
        if "faults" in words.parts:
            run_llama("faults", work, judge_faults.check, checks)
        if "choice" in words.parts:
            run_llama("choice", work, judge_choice.check, checks, q8)
        if {"bnb", "ct"} & set(words.parts):
            run_models(checks, q8, words.parts, rows, work)
        if "heads" in words.parts:
            run_heads(checks, q8, words.parts, work)
        if "ppl" in words.parts:
            ppl.check(checks, q8, HERE.parents[1] / "testdata/kjv-llama", work)
        for part, judge in (("inspect", judge_inspect), ("doctor", judge_doctor),
                            ("limits", judge_limits), ("probe", judge_probe),
                            ("junit", judge_junit), ("jobs", judge_jobs),
                            ("verify", judge_verify), ("runtime", judge_runtime),
                            ("undo", judge_undo)):
            if part in words.parts:
                (work / part).mkdir()
                judge.check(checks, q8, HERE.parents[1] / "testdata/kjv-llama", work / part)
        if "mutate" in words.parts:
            (work / "mutate").mkdir()
            mutate.check(checks, q8, work / "mutate")
        if "sources" in words.parts:
            (work / "sources").mkdir()
            judge_sources.check(checks, q8, work / "sources", {r[0] for r in rows})
        if "gguf" in words.parts:
            (work / "gguf").mkdir()
            judge_gguf.check(checks, q8, work / "gguf", {r[0] for r in rows})
        if "torch" in words.parts:
            (work / "torch").mkdir()
            judge_torch.check(checks, q8, work / "torch")
        if "kill" in words.parts:
            kill.check(checks, q8, work, words.kills)
    finally:
        if not words.keep:
            shutil.rmtree(work)
    return checks.last_line()


sys.exit(main())
