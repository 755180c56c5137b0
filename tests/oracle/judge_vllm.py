"""judge_vllm.py - asks vLLM 0.33.0's own selection code; needs the peers' environment (env.sh --peers)

    judge_vllm.py JOBS.json       [{"out": DIR, "targets": {module: target}, "float": [module, ...]}]

For every directory: the scheme for each int8 module is the one that its target stands for, with its
groups, and there is none for the float ones.  q, k, v and gate, up are asked for under their fused names as
vLLM asks, and each layer has the class name that it has there: a head is no Linear, nor is an embedding.
No GPU: the device check alone is switched off.  Prints a JSON list of problem lists.
"""
import json
import sys
from pathlib import Path

import torch
from vllm.model_executor.layers.quantization.compressed_tensors.compressed_tensors import (
    CompressedTensorsConfig)

FUSED = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}
# (class, group size) of each target; -1: one scale per row.
SCHEMES = {"ct-w8a8": ("CompressedTensorsW8A8Int8", None),
           "ct-w8a16": ("CompressedTensorsWNA16", -1),
           "ct-w8a16-g32": ("CompressedTensorsWNA16", 32),
           "ct-w8a16-g64": ("CompressedTensorsWNA16", 64),
           "ct-w8a16-g128": ("CompressedTensorsWNA16", 128)}


HEADS = ("lm_head", "embed_out")
# The names of vLLM's classes, which the targets of the configuration are held against.
CLASSES = {name: type(name, (torch.nn.Module,), {}) for name in (
    "ParallelLMHead", "VocabParallelEmbedding", "QKVParallelLinear", "MergedColumnParallelLinear",
    "ReplicatedLinear")}


def layer_of(module):
    """An instance of the class that vLLM builds for it."""
    leaf = module.rpartition(".")[2]
    name = ("ParallelLMHead" if leaf in HEADS else "VocabParallelEmbedding" if leaf == "embed_tokens" else
            "QKVParallelLinear" if leaf == "qkv_proj" else
            "MergedColumnParallelLinear" if leaf == "gate_up_proj" else "ReplicatedLinear")
    return CLASSES[name]()


def fused_name(module, modules):
    """The name under which vLLM asks for this module."""
    path, _, leaf = module.rpartition(".")
    for fused, leaves in FUSED.items():
        if leaf in leaves and all(f"{path}.{other}" in modules for other in leaves):
            return f"{path}.{fused}"
    return module


def select(config, module):
    layer = layer_of(module)
    try:
        scheme = config.get_scheme(layer, layer_name=module)
    except ValueError:      # of a head and an embedding: left float, with get_quant_method's own rule
        if type(layer).__name__ not in ("ParallelLMHead", "VocabParallelEmbedding"):
            raise
        scheme = None
    return (type(scheme).__name__, getattr(scheme, "group_size", None)) if scheme else None


def judge(job):
    quantization = json.loads((Path(job["out"]) / "config.json").read_text())["quantization_config"]
    config = CompressedTensorsConfig.from_config(quantization)
    config.packed_modules_mapping = FUSED
    config._check_scheme_supported = lambda *_, **__: True
    modules = job["targets"].keys() | set(job["float"])
    problems = []
    for module in sorted(modules):
        want = SCHEMES.get(job["targets"].get(module))
        have = select(config, fused_name(module, modules))
        if have != want:
            problems.append(f"{module}: {have}, not {want}")
    return problems


def main():
    answers = []
    for job in json.load(open(sys.argv[1])):
        try:
            answers.append(judge(job))
        except Exception as error:      # reported to the judge, which fails the check
            answers.append([f"{type(error).__name__}: {error}"])
    print("\n" + json.dumps(answers))


main()
