"""judge_choice.py - --skip, --only and --also against the same choice made in the real libraries"""
from transformers import BitsAndBytesConfig

import models
from common import compare_tensors, convert, read_dir
from judge_bnb import compare_runs, load_and_run

MLP = [f"model.layers.{i}.mlp.{leaf}_proj" for i in (0, 1) for leaf in ("gate", "up", "down")]
ATTENTION = [f"model.layers.{i}.self_attn.{leaf}_proj" for i in (0, 1) for leaf in "qkvo"]
HEAD = "lm_head"

# What is asked of q8, and the modules that stay float then.
CHOICES = [
    (["--also", HEAD], []),
    (["--skip", "*.mlp.*"], [HEAD, *MLP]),
    (["--only", "re:.*[.]mlp[.].*"], [HEAD, *ATTENTION]),
    (["--skip", MLP[0], "--skip", MLP[1]], [HEAD, *MLP[:2]]),
]


def judge(row, truth, out):
    return (compare_tensors(read_dir(truth), read_dir(out))
            + compare_runs(load_and_run(truth, row), load_and_run(out, row), "from_pretrained"))


def check(checks, q8, row, source, work):
    """Every choice on one llama whose head is not tied."""
    for number, (options, skip) in enumerate(CHOICES):
        truth, out = work / f"choice-{number}-truth", work / f"choice-{number}"
        model, _ = models.load(source, row, quantization_config=BitsAndBytesConfig(
            load_in_8bit=True, llm_int8_skip_modules=skip))
        model.save_pretrained(truth)
        what = f"choice bnb-int8 {' '.join(options)}"
        if checks.add(f"{what}: converts", convert(q8, "bnb-int8", source, out, *options)[1]):
            checks.attempt(f"{what}: same as bitsandbytes", judge, row, truth, out)
