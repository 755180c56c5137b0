"""runtime_sglang.py - builds SGLang 0.5.23's own models for directories and loads them, without a GPU

    runtime_sglang.py WHEEL_FOLDER JOBS.json    [{"out": DIR, "class": "llama:LlamaForCausalLM", "tp": 1, "cc": 80}]

WHEEL_FOLDER is the wheel, unpacked; what it wants and this machine lacks is a stub.  Runs in the peers' environment.
The model class, its layers with their quantization and load_weights are SGLang's; attention, rotary and the GPU's
answers are stubs.  No kernel runs: what a kernel refuses later is not seen.  Prints a JSON list of ["loads" or "fails", message].
"""
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1")
sys.path.insert(0, sys.argv[1])
LACKING = {"orjson", "IPython", "torchvision", "sentencepiece", "gguf", "sgl_kernel"}


class Meta(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stub_class(name)


def stub_class(name):
    return Meta(name, (object,), {
        "__init__": lambda self, *args, **words: None, "__bool__": lambda self: False,
        "__call__": lambda self, *args, **words: args[0] if args else self,
        "__getattr__": lambda self, name: stub_class(name)()})


class Stub(types.ModuleType):
    __path__ = []
    __version__ = "0.27.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, stub_class(name))
        return getattr(self, name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in LACKING:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(Finder())

import logging
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import torch
import unfilled
from transformers import AutoConfig

from sglang.srt.layers.moe.fused_moe_triton import layer as fused_moe
from sglang.srt.layers.quantization.compressed_tensors.compressed_tensors import (
    CompressedTensorsConfig)
from sglang.srt.runtime_context import ParallelContext, RuntimeContext, get_parallel

torch.set_num_threads(1)


class Blank(torch.nn.Module):
    """Attention and the like: no weights."""

    def __init__(self, *args, **words):
        super().__init__()


class Group:
    """The only member of a group, or the first of several."""
    is_first_rank = is_last_rank = True
    rank_in_group = rank = 0

    def __init__(self, size):
        self.world_size = self.size = size


class Capability:
    now = 80


VALUES = {"boundary_reduction": "ar", "speculative_algorithm": None, "algorithm": None}


class Settings(int):
    """Options of a server that nobody started: none of them is on, nor what lies inside them."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return VALUES[name] if name in VALUES else Settings()

def read_width(self, name, read=ParallelContext._read):
    try:
        return read(self, name)
    except (RuntimeError, ValueError):
        return False


fused_moe.create_kt_config_from_server_args = lambda *args: None
ParallelContext._read = read_width
RuntimeContext.config_bag = lambda self, name: Settings()
RuntimeContext.server_args = property(lambda self: Settings())
torch.cuda.get_device_capability = lambda *args: divmod(Capability.now, 10)


def build(job):
    module, name = job["class"].split(":")
    module = importlib.import_module("sglang.srt.models." + module)
    for word in ("RadixAttention", "LogitsProcessor", "Pooler", "get_rope", "SiluAndMul"):
        if hasattr(module, word):
            setattr(module, word, Blank)
    cls = getattr(module, name)
    config = AutoConfig.from_pretrained(job["out"])
    if not hasattr(config, "hidden_act"):     # gemma2, in the release of transformers that it pins
        config.hidden_act = config.hidden_activation
    quantization = json.loads((Path(job["out"]) / "config.json").read_text())["quantization_config"]
    quantization["packed_modules_mapping"] = getattr(cls, "packed_modules_mapping", {})
    quant_config = CompressedTensorsConfig.from_config(quantization)
    torch.set_default_dtype(config.dtype if isinstance(config.dtype, torch.dtype) else torch.bfloat16)
    return cls(config, quant_config=quant_config), config


def widths(tp):
    """What get_parallel answers for that many GPUs, at rank 0."""
    from sglang.srt.runtime_context import _parallel_fields
    words = {}
    for name in _parallel_fields():
        if name.endswith("_size"):
            words[name] = tp if name in ("tp_size", "attn_tp_size", "moe_tp_size") else 1
        elif name.endswith("_rank"):
            words[name] = 0
        elif name.endswith("_group"):
            words[name] = Group(tp if name in ("tp_group", "attn_tp_group") else 1)
        elif name.startswith("enable"):
            words[name] = False
    return words


def load(job):
    Capability.now = job["cc"]
    with get_parallel().override(**widths(job["tp"])):
        model, _ = build(job)
        return unfilled.fill(model, job["out"])


unfilled.answer(sys.argv[2], load)
